//! The service on object storage: the same answers, whatever is lost of the machine.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use crate::load::{Load, Random, tick, total, total_below};
use crate::s3_server::S3Server;
use crate::server::{Place, Server, Store, merganser};
use crate::the_loop::check_the_loop;
use crate::wait::until;

#[test]
fn answers_in_a_bucket_are_those_of_a_directory() {
    let s3 = S3Server::start();
    let place = Place::in_bucket(Store::Memory, &s3, "directory");
    check_the_loop(&place);
    let files = fs::read_dir(place.data_dir()).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = files.map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort();
    assert_eq!(names, ["LOCK", "cache", "journal", "quarantine"], "what is left on the machine");
}

#[test]
fn answers_with_a_journal_in_a_bucket_are_those_of_a_directory() {
    let s3 = S3Server::start();
    check_the_loop(&Place::in_bucket(Store::Redis, &s3, "storage"));
}

/// Whatever is on the machine goes with each kill, and the storage hangs in between.
#[test]
fn acknowledged_events_survive_the_loss_of_the_machine() {
    let s3 = S3Server::start();
    let place = Place::in_bucket(Store::Memory, &s3, "storage");
    let mut random = Random::new();
    let mut server = place.start();
    let load = Load::start(server.http.clone());
    for round in 0..4 {
        load.goes_on();
        if round % 2 == 1 {
            server.start_run("incremental");
        }
        if round == 2 {
            s3.hang();
            thread::sleep(Duration::from_millis(300));
            s3.go_on();
            load.goes_on();
        }
        thread::sleep(Duration::from_millis(random.below(300)));
        server.kill();
        let acknowledged = load.sent().acknowledged;
        fs::remove_dir_all(place.data_dir()).unwrap();
        server = place.start();
        let counted = counted(&server);
        let tried = load.sent().tried;
        assert!(
            (acknowledged..=tried).contains(&counted),
            "round {round}: {acknowledged} acknowledged, {tried} tried, {counted} counted"
        );
    }
    let sent = load.stop();
    let all: Vec<String> = (0..sent.tried).map(tick).collect();
    server.http.send(&all);
    server.run("full");
    assert_eq!(total(&server.http).unwrap().0, total_below(sent.tried));
    server.stop();
    place.check_log(&["is in doubt", "cannot be renewed"]);
}

fn counted(server: &Server) -> u64 {
    until("the server answers", Duration::from_secs(30), || {
        total(&server.http).map(|((events, _), _)| events)
    })
}

/// The older of two writers is refused, and says so; nothing of what it was sent is lost.
#[test]
fn of_two_services_on_one_journal_the_newer_one_writes() {
    let s3 = S3Server::start();
    let place = Place::in_bucket(Store::Memory, &s3, "storage");
    let old = place.start();
    assert_eq!(old.http.send(&(0..100).map(tick).collect::<Vec<_>>()), (100, 0));
    let other = place.elsewhere();
    let new = other.start();
    let refused = old.http.try_send(&[tick(100)], "durable").unwrap();
    assert_eq!((refused.status, &refused.body["code"]), (503, &"journal_stopped".into()));
    assert_eq!(new.http.send(&(0..200).map(tick).collect::<Vec<_>>()), (100, 100));
    assert_eq!(total(&new.http).unwrap().0, total_below(200));
    old.kill();
    new.stop();
}

/// What a start says that cannot use its storage.
fn refusal(place: &Place) -> String {
    let output = place.serve().output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8(output.stderr).unwrap();
    errors.lines().find(|line| line.starts_with("error: ")).unwrap().to_owned()
}

#[test]
fn a_storage_that_cannot_be_used_is_refused_with_what_would_be_right() {
    let s3 = S3Server::start();
    let mut place = Place::in_bucket(Store::Memory, &s3, "directory");
    place.environment[0].1 = "http://127.0.0.1:1".to_owned();
    let line = refusal(&place);
    assert!(line.contains("cannot be used") && line.contains("AWS_ENDPOINT_URL"), "{line}");

    // One that takes a second object of a name.
    let careless = TcpListener::bind("127.0.0.1:0").unwrap();
    place.environment[0].1 = format!("http://{}", careless.local_addr().unwrap());
    thread::spawn(move || {
        for stream in careless.incoming() {
            let Ok(mut stream) = stream else { return };
            thread::spawn(move || {
                let mut request = [0; 4096];
                while stream.read(&mut request).is_ok_and(|count| count > 0) {
                    let body = if request.starts_with(b"GET") { "second" } else { "" };
                    let head = "HTTP/1.1 200 OK\r\netag: \"1\"\r\n\
                                last-modified: Sun, 01 Jan 2023 00:00:00 GMT\r\n";
                    let answer = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
                    if stream.write_all(answer.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    let line = refusal(&place);
    assert!(line.contains("does not refuse a second object"), "{line}");
    let doctor = merganser()
        .args(["doctor", "--storage", &s3.storage(), "--data-dir"])
        .arg(place.data_dir())
        .envs(place.environment.clone())
        .output()
        .unwrap();
    let found = String::from_utf8(doctor.stdout).unwrap();
    assert!(found.contains("PROBLEM") && found.contains("If-None-Match"), "{found}");
}
