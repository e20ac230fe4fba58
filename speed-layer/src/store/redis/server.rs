//! Redis servers of a test's own, on free ports, with nothing kept on disk.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long a server may take to answer.
const START: Duration = Duration::from_secs(20);
const ATTEMPTS: usize = 10;

/// A server, killed when it goes out of scope.
#[derive(Debug)]
pub(crate) struct RedisServer {
    port: u16,
    process: Child,
    dir: TempDir,
    options: Vec<String>,
}

impl RedisServer {
    /// Starts one with these options, as on the command line.
    pub(crate) fn start(options: &[&str]) -> Self {
        for _ in 0..ATTEMPTS {
            let dir = TempDir::new().unwrap();
            let options: Vec<String> = options.iter().map(|option| (*option).to_owned()).collect();
            // Another test may take the port before the server does.
            let port = free_port();
            let process = spawn(port, &dir, &options);
            let mut server = Self { port, process, dir, options };
            if server.answers() {
                return server;
            }
        }
        panic!("redis-server does not start; is it installed?")
    }

    /// Two nodes that share the slots of a cluster.
    pub(crate) fn cluster() -> Vec<Self> {
        let node = || {
            let bus = free_port().to_string();
            Self::start(&["--cluster-enabled", "yes", "--cluster-port", &bus])
        };
        let nodes = vec![node(), node()];
        nodes[0].send(&["CLUSTER", "ADDSLOTSRANGE", "0", "8191"]);
        nodes[1].send(&["CLUSTER", "ADDSLOTSRANGE", "8192", "16383"]);
        nodes[1].send(&["CLUSTER", "SET-CONFIG-EPOCH", "7"]);
        let (port, bus) = (nodes[0].port.to_string(), nodes[0].options[3].clone());
        nodes[1].send(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus]);
        let until = Instant::now() + START;
        let is_whole = |node: &Self| {
            let slots = node.send(&["CLUSTER", "SLOTS"]);
            node.send(&["CLUSTER", "INFO"]).contains("cluster_state:ok") && slots.starts_with("*2")
        };
        while !nodes.iter().all(is_whole) {
            assert!(Instant::now() < until, "the cluster does not come up");
            std::thread::sleep(Duration::from_millis(50));
        }
        nodes
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// As the setting takes it.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Kills it, as a crash would.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Starts it again on its port, empty.
    pub(crate) fn restart(&mut self) {
        self.process = spawn(self.port, &self.dir, &self.options);
        assert!(self.answers(), "redis-server does not start again");
    }

    /// Lets it stand still, with its connections open.
    pub(crate) fn pause(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub(crate) fn go_on(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let done = Command::new("kill").args([signal, &self.process.id().to_string()]).status();
        assert!(done.unwrap().success());
    }

    /// Sends a command, and returns its reply as it came.
    pub(crate) fn send(&self, words: &[&str]) -> String {
        self.try_send(words).unwrap()
    }

    fn try_send(&self, words: &[&str]) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let mut request = format!("*{}\r\n", words.len());
        words.iter().for_each(|word| request += &format!("${}\r\n{word}\r\n", word.len()));
        // The server closes the connection after this, which ends the reply.
        request += "*1\r\n$4\r\nQUIT\r\n";
        stream.write_all(request.as_bytes())?;
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply)?;
        let reply = String::from_utf8_lossy(&reply).into_owned();
        Ok(reply.strip_suffix("+OK\r\n").unwrap_or(&reply).to_owned())
    }

    /// Whether it comes up before it ends or takes too long.
    fn answers(&mut self) -> bool {
        let until = Instant::now() + START;
        while Instant::now() < until && self.process.try_wait().unwrap().is_none() {
            let is_up = |reply: String| reply.starts_with("+PONG") || reply.starts_with("-NOAUTH");
            if self.try_send(&["PING"]).is_ok_and(is_up) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        false
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn spawn(port: u16, dir: &TempDir, options: &[String]) -> Child {
    let process = Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
        .args(["--dir", dir.path().to_str().unwrap(), "--save", "", "--appendonly", "no"])
        .args(options)
        .stdout(Stdio::null())
        .spawn();
    process.expect("redis-server cannot be started; scripts/test installs it or says how")
}
