//! The binary as a process of a test's own.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::http::{Http, Reply};
use crate::redis_server::{RedisServer, free_port};
use crate::s3_server::S3Server;
use crate::wait::until;

const START: Duration = Duration::from_secs(60);
const STOP: Duration = Duration::from_secs(30);
const RUN: Duration = Duration::from_secs(300);

/// Which speed store a test uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    Memory,
    Redis,
}

/// A place where a server can be started again and again: directory, port, Redis.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) dir: TempDir,
    pub(crate) redis: Option<RedisServer>,
    /// What its servers find in their environment.
    pub(crate) environment: Vec<(String, String)>,
    /// Arguments of all its servers.
    more: Vec<String>,
    speed_store: String,
    port: u16,
}

impl Place {
    pub(crate) fn new(store: Store) -> Self {
        let redis = (store == Store::Redis).then(RedisServer::start);
        let speed_store = redis.as_ref().map_or_else(|| "memory".to_owned(), RedisServer::url);
        let (environment, more) = (Vec::new(), Vec::new());
        let dir = TempDir::new().unwrap();
        Self { dir, redis, environment, more, speed_store, port: free_port() }
    }

    /// With its objects in a bucket, and its journal there, too, or in its directory.
    pub(crate) fn in_bucket(store: Store, s3: &S3Server, journal: &str) -> Self {
        let more = ["--storage", &s3.storage(), "--journal", journal].map(str::to_owned).into();
        Self { environment: s3.environment(), more, ..Self::new(store) }
    }

    /// With its journal as objects in its directory, as a copy of a bucket has it.
    pub(crate) fn of_copy(speed_store: &str) -> Self {
        let more = ["--journal", "storage"].map(str::to_owned).into();
        Self { more, ..Self::with_store(speed_store) }
    }

    /// One of several processes in a bucket.
    pub(crate) fn of_cluster(speed_store: &str, s3: &S3Server, role: &str) -> Self {
        let mut place = Self::in_bucket(Store::Memory, s3, "storage");
        place.more.extend(["--role", role].map(str::to_owned));
        place.speed_store = speed_store.to_owned();
        place
    }

    /// The same on another machine.
    pub(crate) fn elsewhere(&self) -> Self {
        let (environment, more) = (self.environment.clone(), self.more.clone());
        Self { environment, more, ..Self::with_store(&self.speed_store) }
    }

    /// A place of its own, but for its speed store.
    pub(crate) fn with_store(speed_store: &str) -> Self {
        Self { speed_store: speed_store.to_owned(), ..Self::new(Store::Memory) }
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// As the setting has it.
    pub(crate) fn speed_store(&self) -> &str {
        &self.speed_store
    }

    /// Where its server answers.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.dir.path().join("server.log")
    }

    /// `merganser serve` for this place, without schedules, with metrics that the tests use.
    pub(crate) fn serve(&self) -> Command {
        self.serve_on("127.0.0.1")
    }

    /// The same on another address.
    pub(crate) fn serve_on(&self, host: &str) -> Command {
        let metrics = self.dir.path().join("metrics.toml");
        let flights = include_str!("../data/flights.toml");
        fs::write(&metrics, format!("{flights}\n{}", crate::load::METRIC)).unwrap();
        let mut command = merganser();
        command
            .arg("serve")
            .args(["--listen", &format!("{host}:{}", self.port)])
            .args(["--speed-store", &self.speed_store, "--schedule", "", "--full-schedule", ""])
            .args(["--disk-floor-bytes", "1MiB", "--retire-grace-ms", "200"])
            .arg("--data-dir")
            .arg(self.data_dir())
            .arg("--metrics")
            .arg(metrics)
            .args(&self.more)
            .envs(self.environment.clone());
        command
    }

    /// Starts a server and waits until it says that it is ready.
    pub(crate) fn start(&self) -> Server {
        self.start_with(&[])
    }

    /// Starts a server with further arguments.
    pub(crate) fn start_with(&self, arguments: &[&str]) -> Server {
        let mut command = self.serve();
        command.args(arguments);
        self.start_as(command)
    }

    /// Starts a server by what [`Place::serve`] returned.
    pub(crate) fn start_as(&self, mut command: Command) -> Server {
        let log = File::options().create(true).append(true).open(self.log()).unwrap();
        let process = command.stdout(Stdio::piped()).stderr(Stdio::from(log)).spawn();
        let mut process = Process(process.unwrap());
        let stdout = BufReader::new(process.0.stdout.take().unwrap());
        let (line, stdout) = first_line(stdout, || log_end(&self.log()));
        let url = self.url();
        let is_ready = line.contains(&url) && line.ends_with('\n');
        assert!(is_ready, "said {line:?}, log: {}", log_end(&self.log()));
        let server = Server { http: Http::new(url), process, stdout, log: self.log() };
        // One of several may have to wait for another to own the journal after all.
        until("it stays ready", START, || (server.http.get("/readyz").status == 200).then_some(()));
        server
    }

    /// Fails if the servers of this place warned of anything but what contains one of `expected`.
    pub(crate) fn check_log(&self, expected: &[&str]) {
        let log = fs::read_to_string(self.log()).unwrap();
        let is_loud = |line: &&str| {
            let level = line.split_whitespace().nth(1).unwrap_or_default();
            level == "WARN" || level == "ERROR" || line.contains("panicked")
        };
        let unexpected: Vec<&str> = log
            .lines()
            .filter(is_loud)
            .filter(|line| !expected.iter().any(|words| line.contains(words)))
            .collect();
        assert!(unexpected.is_empty(), "the server warned:\n{}", unexpected.join("\n"));
    }
}

/// The binary, with nothing of the caller's environment that it would take for settings.
pub(crate) fn merganser() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_merganser"));
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if ["MERGANSER_", "AWS_"].iter().any(|of_it| name.starts_with(of_it)) {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// A process that does not outlive its test.
#[derive(Debug)]
pub(crate) struct Process(pub(crate) Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A running server. Dropped, it is killed.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) http: Http,
    process: Process,
    stdout: BufReader<ChildStdout>,
    log: PathBuf,
}

impl Server {
    /// The process's number.
    pub(crate) fn id(&self) -> u32 {
        self.process.0.id()
    }

    /// kill -9.
    pub(crate) fn kill(mut self) {
        self.process.0.kill().unwrap();
        self.process.0.wait().unwrap();
    }

    /// SIGTERM; it must end well, having printed nothing more.
    pub(crate) fn stop(mut self) {
        let pid = self.process.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let status: ExitStatus =
            until("the server ends after SIGTERM", STOP, || self.process.0.try_wait().unwrap());
        assert_eq!(status.code(), Some(0), "{}", log_end(&self.log));
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "", "stdout has exactly one line");
    }

    /// Starts a run, waiting for an active one to end, and returns where it is.
    pub(crate) fn start_run(&self, mode: &str) -> String {
        until("a run can be started", RUN, || {
            let reply: Reply = self.http.post("/v1/runs", &json!({ "mode": mode }));
            match reply.status {
                202 => Some(reply.location.expect("202 has a Location")),
                409 => None,
                status => panic!("POST /v1/runs: {status} {}", reply.body),
            }
        })
    }

    /// Waits until a run has ended, however, and returns it.
    pub(crate) fn ended(&self, run: &str) -> Value {
        until("the run ends", RUN, || {
            let body = self.http.get(run).body;
            let state = body["state"].as_str().unwrap_or_else(|| panic!("{body} has no state"));
            matches!(state, "succeeded" | "failed" | "cancelled").then_some(body)
        })
    }

    /// A run that succeeds and whose audit finds no difference.
    pub(crate) fn run(&self, mode: &str) -> Value {
        let ended = self.ended(&self.start_run(mode));
        assert_eq!(ended["state"], "succeeded", "{ended}");
        assert_eq!(ended["audit"]["differences"], 0, "{ended}");
        ended
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if thread::panicking() {
            println!("the server's log ends with:\n{}", log_end(&self.log));
        }
    }
}

/// The line that says that the server is ready.
fn first_line(
    mut stdout: BufReader<ChildStdout>,
    log: impl Fn() -> String,
) -> (String, BufReader<ChildStdout>) {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut line = String::new();
        let read = stdout.read_line(&mut line);
        let _ = sender.send(read.map(|_| (line, stdout)));
    });
    match receiver.recv_timeout(START) {
        Ok(read) => read.unwrap(),
        Err(_) => panic!("not ready within {START:?}, log: {}", log()),
    }
}

fn log_end(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}
