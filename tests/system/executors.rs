//! Runs whose parts executors make, over TLS, with a scheduler by itself; and who is refused.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::command_line::outcome;
use crate::http::Http;
use crate::redis_server::{RedisServer, free_port};
use crate::s3_server::S3Server;
use crate::server::{Place, Process, Store, merganser};
use crate::wait::until;

const LONG: Duration = Duration::from_secs(60);
const EVENTS: u64 = 6_000;
const DAYS: u64 = 12;

/// A certificate that an authority signs, its key, and what the authority's are known by.
fn write_certificates() -> TempDir {
    let directory = TempDir::new().unwrap();
    let write = |name: &str, text: String| fs::write(directory.path().join(name), text).unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    write("certificate.pem", params.signed_by(&key, &authority).unwrap().pem());
    write("key.pem", key.serialize_pem());
    write("authority.pem", authority.pem());
    directory
}

/// The settings that name them.
fn with_tls(command: &mut Command, directory: &Path) {
    for name in ["certificate", "key", "authority"] {
        let path = directory.join(format!("{name}.pem"));
        command.arg(format!("--ballista-tls-{name}")).arg(path);
    }
}

/// Ticks in order of time, so that parts can be cut between them.
fn ticks() -> Vec<String> {
    let tick = |n: u64| {
        let time = format!("2025-03-{:02}T{:02}:00:00Z", 1 + n * DAYS / EVENTS, n % 24);
        let properties = json!({ "n": n, "kind": format!("k{}", n % 5) });
        json!({ "id": format!("t-{n}"), "event": "tick", "time": time, "properties": properties })
            .to_string()
    };
    (0..EVENTS).map(tick).collect()
}

fn answer(http: &Http) -> Value {
    let query = json!({ "metric": "ticks", "group_by": ["kind"], "granularity": "day" });
    http.query(&query)["rows"].clone()
}

/// A scheduler by itself, once it is ready.
fn start_scheduler(s3: &S3Server, port: u16, certificates: &Path) -> Process {
    let mut command = merganser();
    command.args(["scheduler", "--storage", &s3.storage()]).envs(s3.environment());
    command.args(["--ballista-listen", &format!("127.0.0.1:{port}")]);
    with_tls(&mut command, certificates);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut process = Process(child);
    let mut line = String::new();
    BufReader::new(process.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, format!("merganser's scheduler is ready at 127.0.0.1:{port}\n"));
    process
}

/// What `merganser doctor` says of the scheduler, with certificates or without.
fn doctor(place: &Place, s3: &S3Server, arguments: &[&str], certificates: Option<&Path>) -> Value {
    let mut command = merganser();
    command.args(["doctor", "--output", "json", "--disk-floor-bytes", "1MiB", "--data-dir"]);
    command.arg(place.data_dir()).args(["--storage", &s3.storage(), "--journal", "storage"]);
    command.args(["--role", "serving"]).args(arguments).envs(s3.environment());
    if let Some(directory) = certificates {
        with_tls(&mut command, directory);
    }
    let document: Value = serde_json::from_str(&outcome(&mut command).1).unwrap();
    let findings = document["findings"].as_array().unwrap().clone();
    findings.into_iter().find(|finding| finding["check"] == "scheduler").unwrap()
}

#[test]
fn executors_over_tls_make_what_the_leader_would() {
    let (redis, s3, certificates) = (RedisServer::start(), S3Server::start(), write_certificates());
    let port = free_port();
    let scheduler_url = format!("https://localhost:{port}");
    let scheduler = ["--ballista-scheduler", &scheduler_url];
    let place = |role: &str| Place::of_cluster(&redis.url(), &s3, role);
    let leader_place = place("ingest,batch");
    let mut command = leader_place.serve();
    command.args(scheduler).args(["--ballista-min-events", "1", "--part-max-events", "1000"]);
    with_tls(&mut command, certificates.path());
    let leader = leader_place.start_as(command);
    for lines in ticks().chunks(2000) {
        assert_eq!(leader.http.send(lines), (lines.len(), 0));
        leader.run("incremental");
    }
    let before = answer(&leader.http);
    let running = start_scheduler(&s3, port, certificates.path());

    let executor_place = place("executor");
    let mut command = executor_place.serve();
    command.args(scheduler);
    with_tls(&mut command, certificates.path());
    let executor = executor_place.start_as(command);
    let run = leader.run("full");
    let distribution = &run["distribution"];
    let executor_process = distribution["executors"][0]["process"].clone();
    let parts = distribution["parts"].as_u64().unwrap();
    assert!(parts > 3, "{run}");
    assert_eq!(distribution["executors"][0]["parts"], parts, "{run}");
    let status = executor.http.get("/v1/status").body;
    let processes = status["cluster"]["processes"].as_array().unwrap();
    let me = processes.iter().find(|one| one["process"] == distribution["executors"][0]["process"]);
    assert!(me.is_some_and(|me| me.to_string().contains("executor")), "{run} {status}");
    assert_eq!(answer(&leader.http), before);

    // Whoever has no certificate makes nothing, and says so.
    let stranger_place = place("executor");
    let mut command = stranger_place.serve();
    let plain = format!("http://localhost:{port}");
    command.args(["--ballista-scheduler", &plain]).stdout(Stdio::null()).stderr(Stdio::null());
    let _stranger = Process(command.spawn().unwrap());
    let http = Http::new(stranger_place.url());
    until("the one without a certificate says so", LONG, || {
        let ready = http.try_get("/readyz").ok()?;
        let text = ready.body.to_string();
        (ready.status == 503 && text.contains("does not answer")).then_some(())
    });
    let store = redis.url();
    let arguments = [scheduler, ["--speed-store", &store]].concat();
    let doctor = |certificates| doctor(&stranger_place, &s3, &arguments, certificates);
    assert_eq!(doctor(Some(certificates.path()))["verdict"], "ok");
    let problem = doctor(None);
    assert_eq!(problem["verdict"], "problem", "{problem}");

    // A scheduler that is gone and comes back is asked again.
    drop(running);
    let restarted = start_scheduler(&s3, port, certificates.path());
    let run = leader.run("full");
    let [share] = run["distribution"]["executors"].as_array().unwrap().as_slice() else {
        panic!("others than the executor have made parts: {run}")
    };
    assert_eq!((&share["process"], &share["parts"]), (&executor_process, &json!(parts)), "{run}");
    assert_eq!(answer(&leader.http), before);
    drop(restarted);
    executor.stop();
    leader.stop();
}

#[test]
fn a_storage_that_executors_do_not_see_is_refused() {
    let place = Place::new(Store::Memory);
    let mut scheduler = merganser();
    scheduler.args(["scheduler", "--data-dir"]).arg(place.data_dir());
    let (code, _, error) = outcome(&mut scheduler);
    assert_eq!(code, 1, "{error}");
    assert!(error.contains("file:///directory"), "{error}");
    let redis = RedisServer::start();
    let cluster = Place::with_store(&redis.url());
    let mut serve = cluster.serve();
    serve.args(["--role", "batch", "--journal", "storage", "--ballista-scheduler", "leader"]);
    let (code, _, error) = outcome(&mut serve);
    assert_eq!(code, 2, "{error}");
    let reason = "the data directory of one process, which executors do not see";
    assert!(error.contains(reason) && error.contains("file:///directory"), "{error}");
    assert!(!cluster.data_dir().exists(), "nothing was touched");
}
