//! A redis-server of a test's own, on a free port, with nothing kept on disk.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use tempfile::TempDir;

use crate::server::Process;
use crate::wait::until;

/// The process.
#[derive(Debug)]
pub(crate) struct RedisServer {
    port: u16,
    process: Process,
    dir: TempDir,
}

impl RedisServer {
    /// Starts one that never evicts.
    pub(crate) fn start() -> Self {
        Self::start_with("noeviction")
    }

    /// Starts one with another policy for memory that runs out.
    pub(crate) fn start_with(policy: &str) -> Self {
        let dir = TempDir::new().unwrap();
        let port = free_port();
        let process = spawn(port, &dir, policy);
        let server = Self { port, process, dir };
        server.wait();
        server
    }

    /// As `--speed-store` takes it.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Kills it, as a crash would.
    pub(crate) fn kill(&mut self) {
        self.process.0.kill().unwrap();
        self.process.0.wait().unwrap();
    }

    /// Has it hang: it takes connections and commands, and answers none.
    pub(crate) fn hang(&self) {
        self.signal("-STOP");
    }

    /// Has it go on.
    pub(crate) fn go_on(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, name: &str) {
        let pid = self.process.0.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// Starts it again on the same port, empty.
    pub(crate) fn restart(&mut self) {
        self.process = spawn(self.port, &self.dir, "noeviction");
        self.wait();
    }

    /// Sends a command without arguments that hold spaces, and returns the first line of its reply.
    pub(crate) fn command(&self, command: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.write_all(format!("{command}\r\n").as_bytes()).ok()?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).ok()?;
        Some(line.trim_end().to_owned())
    }

    fn wait(&self) {
        until("redis-server answers", Duration::from_secs(20), || {
            (self.command("PING").as_deref() == Some("+PONG")).then_some(())
        });
    }
}

/// A port that was free a moment ago. It is none that the system gives to connections by itself
/// (from 32768 on), and none that another test of this process was given.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        let next = NEXT.fetch_add(1, Ordering::SeqCst);
        let first = u16::try_from(std::process::id() % 10_000).unwrap();
        let port = 12_000 + (first + next) % 20_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

fn spawn(port: u16, dir: &TempDir, policy: &str) -> Process {
    let port = port.to_string();
    let directory = dir.path().to_str().unwrap();
    let arguments = ["--port", &port, "--bind", "127.0.0.1", "--dir", directory];
    let process = Command::new("redis-server")
        .args(arguments)
        .args(["--save", "", "--appendonly", "no", "--maxmemory-policy", policy])
        .stdout(Stdio::null())
        .spawn();
    Process(process.expect("redis-server cannot be started; scripts/test installs it or says how"))
}
