//! The real binary as a process, at a place where it can be started again and again.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::http::Http;
use crate::ledger::{METRICS, Violation};
use crate::network::NetworkHost;

const START: Duration = Duration::from_secs(180);
const LOOK: Duration = Duration::from_millis(5);

/// Starts of the service in this process.
pub(crate) static STARTS: AtomicU64 = AtomicU64::new(0);

/// How a service is started.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// What fails, as the variable `FAILPOINTS` takes it.
    pub(crate) failpoints: String,
    /// Play a cut of power with this seed, where a failpoint plays one.
    pub(crate) power_seed: Option<u64>,
}

/// Directory, port and settings of a service.
#[derive(Debug)]
pub(crate) struct Place {
    dir: TempDir,
    pub(crate) host: NetworkHost,
    pub(crate) speed_store: String,
    port: u16,
    /// What the campaign asks with, if with a key.
    pub(crate) key: Option<String>,
    /// Identified events that are remembered.
    pub(crate) window: u64,
    pub(crate) grace_ms: u64,
    pub(crate) flush_interval_ms: u64,
    /// Room on the disk below which nothing is taken.
    pub(crate) disk_floor: &'static str,
    pub(crate) more: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) binary: PathBuf,
    pub(crate) planted: Option<String>,
}

impl Place {
    pub(crate) fn new(speed_store: &str, planted: Option<&str>) -> Self {
        Self::on(NetworkHost::loopback(), speed_store, planted)
    }

    /// A place on a host of its own.
    pub(crate) fn on(host: NetworkHost, speed_store: &str, planted: Option<&str>) -> Self {
        Self {
            dir: TempDir::with_prefix("merganser-faults-").unwrap(),
            host,
            speed_store: speed_store.to_owned(),
            port: free_port(),
            key: None,
            window: 200_000,
            grace_ms: 200,
            flush_interval_ms: 20,
            disk_floor: "1MiB",
            more: Vec::new(),
            environment: Vec::new(),
            binary: binary(),
            planted: planted.map(str::to_owned),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    fn address(&self) -> String {
        format!("{}:{}", self.host.address(), self.port)
    }

    /// What asks the service here.
    pub(crate) fn http(&self) -> Http {
        let http = Http::new(self.url());
        self.key.as_ref().map_or(http.clone(), |key| http.with_key(key))
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("server.log")).unwrap_or_default()
    }

    /// How often a failpoint went off, in all starts of this place.
    pub(crate) fn fired(&self, point: &str, action: &str) -> usize {
        let line = format!("failpoint {point} {action}");
        self.log().lines().filter(|said| *said == line).count()
    }

    pub(crate) fn spawn(&self, options: &Options) -> Service {
        STARTS.fetch_add(1, Ordering::Relaxed);
        let metrics = self.dir.path().join("metrics.toml");
        fs::write(&metrics, METRICS).unwrap();
        let log = self.dir.path().join("server.log");
        let log = File::options().create(true).append(true).open(log).unwrap();
        let mut command = self.host.command(&self.binary);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("MERGANSER_") {
                command.env_remove(name);
            }
        }
        command
            .env("FAILPOINTS", &options.failpoints)
            // A failpoint that sleeps has a thread of the runtime sleep; the others must go on.
            .env("TOKIO_WORKER_THREADS", "8")
            .env("PLANTED_BUG", self.planted.as_deref().unwrap_or_default())
            .arg("serve")
            .args(["--listen", &self.address()])
            .args(["--speed-store", &self.speed_store, "--schedule", "", "--full-schedule", ""])
            .args(["--disk-floor-bytes", self.disk_floor])
            .args(["--flush-interval-ms", &self.flush_interval_ms.to_string()])
            .args(["--retire-grace-ms", &self.grace_ms.to_string()])
            .args(["--dedup-window-events", &self.window.to_string()])
            .args(&self.more)
            .envs(self.environment.clone())
            .arg("--data-dir")
            .arg(self.data_dir())
            .arg("--metrics")
            .arg(metrics)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::from(log));
        if let Some(seed) = options.power_seed {
            command.env("POWER_DIR", self.dir.path().join("kept"));
            command.env("POWER_SEED", seed.to_string());
        }
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let ready = thread::spawn(move || is_ready(stdout));
        Service { child, ready: Some(ready), http: self.http() }
    }

    /// Starts a service in which nothing fails.
    pub(crate) fn start(&self) -> Result<Service, Violation> {
        self.start_with("")
    }

    /// Starts a service in which `failpoints` fail, as the variable `FAILPOINTS` takes them.
    pub(crate) fn start_with(&self, failpoints: &str) -> Result<Service, Violation> {
        let options = Options { failpoints: failpoints.to_owned(), power_seed: None };
        let mut service = self.spawn(&options);
        match service.wait_ready() {
            true => Ok(service),
            false => Err(format!("the service does not start:\n{}", self.log_end())),
        }
    }

    pub(crate) fn log_end(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }
}

fn is_ready(mut stdout: BufReader<impl Read>) -> bool {
    let mut line = String::new();
    stdout.read_line(&mut line).is_ok() && line.ends_with('\n')
}

/// The service's binary, built beside this one.
pub(crate) fn binary() -> PathBuf {
    let binary = std::env::current_exe().unwrap().with_file_name("merganser");
    assert!(binary.exists(), "{} is not built", binary.display());
    binary
}

/// The binary of another build that is to run beside this one, if there is one.
pub(crate) fn other_binary() -> Option<PathBuf> {
    std::env::var_os("FAULTS_BESIDE").map(PathBuf::from)
}

/// A port that was free a moment ago. It is none that the system gives to connections by itself
/// (from 32768 on), and none that was given before.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let first = u16::try_from(std::process::id() % 10_000).unwrap();
        let port = 12_000 + first.wrapping_add(next) % 20_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// A process of the binary. Dropped, it is killed.
#[derive(Debug)]
pub(crate) struct Service {
    child: Child,
    ready: Option<thread::JoinHandle<bool>>,
    pub(crate) http: Http,
}

impl Service {
    /// Waits until it says that it is ready; `false` when it ended before.
    pub(crate) fn wait_ready(&mut self) -> bool {
        let end = Instant::now() + START;
        while let Some(ready) = &self.ready {
            if ready.is_finished() {
                return self.ready.take().is_some_and(|ready| ready.join().unwrap());
            }
            if Instant::now() > end {
                return false;
            }
            thread::sleep(LOOK);
        }
        true
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// kill -9.
    pub(crate) fn kill(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Its end, if it has ended.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Waits for its end.
    pub(crate) fn ends_within(&mut self, limit: Duration) -> Option<ExitStatus> {
        let end = Instant::now() + limit;
        while Instant::now() < end {
            if let Some(status) = self.ended() {
                return Some(status);
            }
            thread::sleep(LOOK);
        }
        None
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, name: &str) {
        signal(self.pid(), name);
    }

    /// Memory that it holds, in KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok()).unwrap_or(0)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal to a process of ours.
pub(crate) fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status();
    assert!(sent.unwrap().success(), "kill -{name} {pid}");
}
