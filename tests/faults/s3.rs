//! A SeaweedFS server of our own, which speaks S3, with one bucket.

use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use ureq::Agent;

use crate::network::NetworkHost;
use crate::service::{free_port, signal};

/// How long it may take to start.
const START: Duration = Duration::from_secs(120);

/// A server. Dropped, it is killed.
#[derive(Debug)]
pub(crate) struct S3 {
    host: NetworkHost,
    port: u16,
    arguments: Vec<String>,
    child: Child,
    dir: TempDir,
}

impl S3 {
    /// Starts one, and makes the bucket.
    pub(crate) fn start() -> Self {
        let dir = TempDir::with_prefix("merganser-s3-").unwrap();
        let (port, host) = (free_port(), NetworkHost::new());
        let mut arguments = vec![
            format!("-ip={}", host.address()),
            format!("-ip.bind={}", host.address()),
            format!("-s3.port={port}"),
        ];
        let fixed = ["-master.telemetry=false", "-s3", "-volume.max=40"];
        let more = ["-master.volumeSizeLimitMB=512", "-s3.port.iceberg=0", "-s3.port.lance=0"];
        arguments.extend(fixed.iter().chain(&more).map(|&argument| argument.to_owned()));
        for name in ["s3.port.grpc", "master.port", "master.port.grpc", "volume.port"] {
            arguments.push(format!("-{name}={}", free_port()));
        }
        for name in ["volume.port.grpc", "filer.port", "filer.port.grpc"] {
            arguments.push(format!("-{name}={}", free_port()));
        }
        let child = spawn(&host, &arguments, dir.path());
        let server = Self { host, port, arguments, child, dir };
        server.until_answered(|agent, bucket| agent.put(bucket).send_empty().is_ok());
        server
    }

    /// Ends it as one is told to, so that all it has is on the disk.
    pub(crate) fn end(&mut self) {
        self.signal("TERM");
        let _ = self.child.wait();
    }

    /// Starts it again.
    pub(crate) fn restart(&mut self) {
        self.child = spawn(&self.host, &self.arguments, self.dir.path());
        self.until_answered(|agent, bucket| agent.head(bucket).call().is_ok());
    }

    /// Where it keeps what it has.
    pub(crate) fn directory(&self) -> &Path {
        self.dir.path()
    }

    fn until_answered(&self, ask: impl Fn(&Agent, &str) -> bool) {
        let agent: Agent =
            Agent::config_builder().timeout_global(Some(Duration::from_secs(5))).build().into();
        let (end, bucket) = (Instant::now() + START, format!("{}/events", self.endpoint()));
        while !ask(&agent, &bucket) {
            assert!(Instant::now() < end, "SeaweedFS does not start");
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn endpoint(&self) -> String {
        format!("http://{}:{}", self.host.address(), self.port)
    }

    /// What a process of a cluster is told.
    pub(crate) fn arguments(role: &str) -> Vec<String> {
        ["--storage", "s3://events/merganser", "--journal", "storage", "--role", role]
            .map(str::to_owned)
            .into()
    }

    /// What a process has to find in its environment.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        let pairs = [
            ("AWS_ENDPOINT_URL", &*self.endpoint()),
            ("AWS_ACCESS_KEY_ID", "faults"),
            ("AWS_SECRET_ACCESS_KEY", "faults"),
            ("AWS_REGION", "us-east-1"),
        ];
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    pub(crate) fn host(&self) -> &NetworkHost {
        &self.host
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }
}

fn spawn(host: &NetworkHost, arguments: &[String], directory: &Path) -> Child {
    let mut command = host.command("weed");
    command.arg("server").arg(format!("-dir={}", directory.display())).args(arguments);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    child.expect("weed (SeaweedFS) cannot be started; scripts/test installs it")
}

impl Drop for S3 {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
