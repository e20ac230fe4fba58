//! A SeaweedFS server of a test's own, which speaks S3, on free ports, with one bucket.

use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::redis_server::free_port;
use crate::server::Process;
use crate::wait::until;

/// The bucket.
const BUCKET: &str = "events";

/// The process.
#[derive(Debug)]
pub(crate) struct S3Server {
    port: u16,
    process: Process,
    _dir: TempDir,
}

impl S3Server {
    /// Starts one, with an empty bucket.
    pub(crate) fn start() -> Self {
        let dir = TempDir::new().unwrap();
        let port = free_port();
        let mut command = Command::new("weed");
        command.arg("server").arg(format!("-dir={}", dir.path().display()));
        command.args(["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false", "-s3"]);
        command.args(["-volume.max=20", "-master.volumeSizeLimitMB=512"]);
        command.args(["-s3.port.iceberg=0", "-s3.port.lance=0"]);
        command.arg(format!("-s3.port={port}"));
        let others = ["s3.port.grpc", "master.port", "master.port.grpc", "volume.port"];
        let more = ["volume.port.grpc", "filer.port", "filer.port.grpc"];
        for name in others.into_iter().chain(more) {
            command.arg(format!("-{name}={}", free_port()));
        }
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let hint = "weed (SeaweedFS) cannot be started; scripts/test installs it";
        let server = Self { port, process: Process(process.expect(hint)), _dir: dir };
        until("SeaweedFS answers", Duration::from_secs(60), || {
            let bucket = ureq::put(format!("{}/{BUCKET}", server.endpoint())).send_empty();
            bucket.is_ok_and(|answer| answer.status() == 200).then_some(())
        });
        server
    }

    /// Where it answers.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// As `--storage` takes it.
    pub(crate) fn storage(&self) -> String {
        format!("s3://{BUCKET}/merganser")
    }

    /// What a process has to find in its environment.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        let pairs = [
            ("AWS_ENDPOINT_URL", &*self.endpoint()),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_REGION", "us-east-1"),
        ];
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    /// Has it hang: it takes connections and requests, and answers none.
    pub(crate) fn hang(&self) {
        self.signal("-STOP");
    }

    /// Has it go on.
    pub(crate) fn go_on(&self) {
        self.signal("-CONT");
        until("SeaweedFS takes connections", Duration::from_secs(20), || {
            TcpStream::connect(("127.0.0.1", self.port)).ok()
        });
    }

    fn signal(&self, name: &str) {
        let pid = self.process.0.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }
}
