//! redis-server processes of our own, and a proxy before them that can misbehave.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::random::Random;
use crate::service::{free_port, signal};

/// A server that keeps an append-only file.
#[derive(Debug)]
pub(crate) struct Redis {
    pub(crate) port: u16,
    child: Child,
    dir: TempDir,
}

impl Redis {
    pub(crate) fn start() -> Self {
        let dir = TempDir::with_prefix("merganser-redis-").unwrap();
        let port = free_port();
        let child = spawn(port, &dir);
        let redis = Self { port, child, dir };
        redis.wait();
        redis
    }

    pub(crate) fn url(port: u16) -> String {
        format!("redis://127.0.0.1:{port}")
    }

    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    pub(crate) fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }

    /// Starts it again with what it has on disk.
    pub(crate) fn restart(&mut self) {
        self.kill();
        self.child = spawn(self.port, &self.dir);
        self.wait();
    }

    /// Starts it again with nothing.
    pub(crate) fn restart_empty(&mut self) {
        self.kill();
        for file in self.append_only() {
            fs::remove_file(file).unwrap();
        }
        self.restart();
    }

    /// Starts it again with only a part of what it had written.
    pub(crate) fn restart_cut(&mut self, random: &mut Random) {
        self.kill();
        for file in self.append_only() {
            if file.to_string_lossy().ends_with(".incr.aof") {
                let length = fs::metadata(&file).unwrap().len();
                let file = fs::File::options().write(true).open(file).unwrap();
                file.set_len(random.below(length + 1)).unwrap();
            }
        }
        self.restart();
    }

    fn append_only(&self) -> Vec<std::path::PathBuf> {
        let Ok(entries) = fs::read_dir(self.dir.path().join("appendonlydir")) else {
            return Vec::new();
        };
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    /// Sends a command, and returns the first line of its reply.
    pub(crate) fn command(&self, command: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.write_all(format!("{command}\r\n").as_bytes()).ok()?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).ok()?;
        Some(line.trim_end().to_owned())
    }

    fn wait(&self) {
        let end = Instant::now() + Duration::from_secs(20);
        while self.command("PING").as_deref() != Some("+PONG") {
            assert!(Instant::now() < end, "redis-server does not answer");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // One that was stopped must go on to be killed.
        self.signal_if_alive("CONT");
        self.kill();
    }
}

impl Redis {
    fn signal_if_alive(&mut self, name: &str) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            self.signal(name);
        }
    }
}

fn spawn(port: u16, dir: &TempDir) -> Child {
    Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""])
        .args(["--dir", dir.path().to_str().unwrap(), "--appendonly", "yes"])
        .args(["--appendfsync", "no", "--aof-load-truncated", "yes", "--repl-diskless-load"])
        .args(["swapdb", "--repl-diskless-sync-delay", "0", "--maxmemory-policy", "noeviction"])
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server cannot be started; scripts/test installs it or says how")
}

/// What a proxy does to the traffic; chances are in percent of the packets.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Manners {
    /// A request is passed on, and its reply is not: the connection is cut.
    pub(crate) cut_reply: u64,
    /// A request is not passed on: the connection is cut.
    pub(crate) cut_request: u64,
    /// Replies get lost, from some moment on all of a connection, which stays open.
    pub(crate) drop_reply: u64,
    /// Everything waits so long.
    pub(crate) delay_ms: u64,
}

/// A listener that passes everything on to a server that can be changed.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) port: u16,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    upstream: AtomicU16,
    manners: Mutex<(Manners, Random)>,
    hurt: AtomicU64,
    /// What is open, to be cut when the upstream changes.
    open: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    pub(crate) fn start(upstream: u16, random: &mut Random) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State {
            upstream: AtomicU16::new(upstream),
            manners: Mutex::new((Manners::default(), random.fork())),
            hurt: AtomicU64::new(0),
            open: Mutex::default(),
        });
        let shared = Arc::downgrade(&state);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (Some(state), Ok(client)) = (shared.upgrade(), stream) else { return };
                let upstream = state.upstream.load(Ordering::Relaxed);
                let Ok(server) = TcpStream::connect(("127.0.0.1", upstream)) else { continue };
                pass(&state, &client, &server, true);
                pass(&state, &server, &client, false);
                state.open.lock().unwrap().extend([client, server]);
            }
        });
        Self { port, state }
    }

    pub(crate) fn behave(&self, manners: Manners) {
        self.state.manners.lock().unwrap().0 = manners;
    }

    /// How often it cut or dropped something.
    pub(crate) fn hurt(&self) -> u64 {
        self.state.hurt.load(Ordering::Relaxed)
    }

    /// Leads to another server from now on.
    pub(crate) fn switch(&self, upstream: u16) {
        self.state.upstream.store(upstream, Ordering::Relaxed);
        for stream in self.state.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.switch(0);
        // The listener notices that the state was dropped.
        let port = self.port;
        thread::spawn(move || drop(TcpStream::connect(("127.0.0.1", port))));
    }
}

/// Copies one direction of a connection in a thread of its own.
fn pass(state: &Arc<State>, from: &TcpStream, to: &TcpStream, is_request: bool) {
    let (state, mut from) = (Arc::downgrade(state), from.try_clone().unwrap());
    let mut to = to.try_clone().unwrap();
    thread::spawn(move || {
        let mut bytes = vec![0; 64 << 10];
        let cut = |to: &TcpStream, from: &TcpStream| {
            let _ = to.shutdown(Shutdown::Both);
            let _ = from.shutdown(Shutdown::Both);
        };
        let mut is_deaf = false;
        while let Ok(count) = from.read(&mut bytes) {
            let Some(state) = state.upgrade().filter(|_| count > 0) else { break };
            let (manners, dice) = {
                let mut guard = state.manners.lock().unwrap();
                let dice = guard.1.below(100);
                (guard.0, dice)
            };
            thread::sleep(Duration::from_millis(manners.delay_ms));
            let (cuts, drops) = match is_request {
                true => (manners.cut_request, 0),
                false => (manners.cut_reply, manners.drop_reply),
            };
            if dice < cuts + drops {
                state.hurt.fetch_add(1, Ordering::Relaxed);
            }
            if dice < cuts {
                break;
            }
            // Nothing arrives behind a loss, or replies would be taken for those of other requests.
            is_deaf |= dice < cuts + drops;
            if !is_deaf && to.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        cut(&to, &from);
    });
}
