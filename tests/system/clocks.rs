//! The wall clock is set while the service runs, by libfaketime: forth and back, by hours and days,
//! and over changes of summer time. Each start of the schedule has one run all the same.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::load::{tick, total, total_below};
use crate::server::{Place, Server, Store};
use crate::wait::until;

/// A start is 3 s away when it is waited for.
const SOON: Duration = Duration::from_secs(60);

fn at(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

/// The library, where Debian and others have it.
fn library() -> PathBuf {
    let places =
        ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"];
    let found = places.map(|place| PathBuf::from(place).join("faketime/libfaketime.so.1"));
    let found = found.into_iter().find(|path| path.exists());
    found.expect("install libfaketime; scripts/test does")
}

/// A server whose wall clock is set by a file. Its monotonic clock goes on as ever.
struct World {
    place: Place,
    server: Option<Server>,
    sent: u64,
}

impl World {
    fn start(wall: &str) -> Self {
        let mut world = Self { place: Place::new(Store::Memory), server: None, sent: 0 };
        world.set(wall);
        let mut command = world.place.serve();
        command
            .env("LD_PRELOAD", library())
            .env("FAKETIME_TIMESTAMP_FILE", world.file())
            // Each look at the file is a moment in which another thread may see the real time.
            .env("FAKETIME_CACHE_DURATION", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("NO_FAKE_STAT", "1");
        world.server = Some(world.place.start_as(command));
        world.schedule("* * * * *", "", "UTC");
        world
    }

    fn file(&self) -> PathBuf {
        self.place.dir.path().join("clock")
    }

    fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    /// Sets the wall clock.
    #[expect(clippy::disallowed_methods, reason = "what the library adds to")]
    fn set(&self, wall: &str) {
        let offset_ms = (at(wall) - Utc::now()).num_milliseconds();
        let new = self.file().with_extension("new");
        fs::write(&new, format!("{:+.3}\n", offset_ms as f64 / 1000.0)).unwrap();
        fs::rename(new, self.file()).unwrap();
    }

    fn schedule(&self, incremental: &str, full: &str, timezone: &str) {
        let schedule = json!({ "incremental": incremental, "full": full, "timezone": timezone });
        assert_eq!(self.server().http.put("/v1/schedule", &schedule).status, 200);
    }

    fn next(&self) -> Value {
        self.server().http.get("/v1/schedule").body["next"]["incremental"].clone()
    }

    /// Something that a run would be for.
    fn send(&mut self) {
        let (accepted, _) = self.server().http.send(&[tick(self.sent)]);
        assert_eq!(accepted, 1);
        self.sent += 1;
    }

    /// The starts that had runs which have ended, oldest first.
    fn starts(&self) -> Vec<String> {
        let body = self.server().http.get("/v1/runs?limit=1000").body;
        let mut starts = Vec::new();
        for run in body["runs"].as_array().unwrap() {
            let state = run["state"].as_str().unwrap();
            if run["trigger"] == "schedule" && ["succeeded", "failed"].contains(&state) {
                assert_eq!(state, "succeeded", "{run}");
                starts.push(run["scheduled_for"].as_str().unwrap().to_owned());
            }
        }
        starts.reverse();
        starts
    }

    /// Waits for the next run, which must be the one of `start`, for something that was just sent.
    fn runs(&mut self, start: &str) {
        let before = self.starts().len();
        self.send();
        self.ran(before, start);
    }

    /// Sets the clock forward over starts, of which the last has a run.
    fn go_over(&mut self, wall: &str, left_out: &str) {
        let before = self.starts().len();
        self.send();
        self.set(wall);
        self.ran(before, left_out);
    }

    fn ran(&self, before: usize, start: &str) {
        let starts = until(&format!("a run for {start}"), SOON, || {
            Some(self.starts()).filter(|starts| starts.len() > before)
        });
        assert_eq!(starts[before..], [start], "{starts:?}");
        assert!(!starts[..before].iter().any(|other| other == start), "{starts:?}");
    }

    fn says(&self, words: &str) -> usize {
        fs::read_to_string(self.place.log()).unwrap().matches(words).count()
    }

    fn end(mut self) {
        let server = self.server.take().unwrap();
        assert_eq!(total(&server.http).unwrap().0, total_below(self.sent));
        server.stop();
        self.place.check_log(&["the wall clock jumped"]);
    }
}

#[test]
fn each_start_has_one_run_whatever_the_wall_clock_is_set_to() {
    let mut world = World::start("2026-11-28T12:00:57Z");
    world.runs("2026-11-28T12:01:00Z");
    // Back by an hour and forth again, back by a day and forth again. What the clock went over has
    // one run.
    for (set, left_out, start) in [
        ("2026-11-28T11:01:57Z", None, "2026-11-28T11:02:00Z"),
        ("2026-11-28T12:02:45Z", Some("2026-11-28T12:02:00Z"), "2026-11-28T12:03:00Z"),
        ("2026-11-27T12:03:57Z", None, "2026-11-27T12:04:00Z"),
        ("2026-11-28T12:04:45Z", Some("2026-11-28T12:04:00Z"), "2026-11-28T12:05:00Z"),
    ] {
        let (back, forward) = (world.says("jumped back"), world.says("jumped forward"));
        match left_out {
            Some(left_out) => world.go_over(set, left_out),
            None => world.set(set),
        }
        until("the clock is followed", SOON, || (world.next() == start).then_some(()));
        world.runs(start);
        let logged = (world.says("jumped back") - back, world.says("jumped forward") - forward);
        let expected = if left_out.is_none() { (1, 0) } else { (0, 1) };
        assert_eq!(logged, expected, "each jump is logged once");
    }
    // Back by a little, to a start that had its run.
    world.set("2026-11-28T12:04:57Z");
    until("the start is passed over", SOON, || (world.says("it had its run") == 1).then_some(()));
    assert_eq!(world.next(), "2026-11-28T12:06:00Z");
    world.set("2026-11-28T12:05:57Z");
    world.runs("2026-11-28T12:06:00Z");
    world.end();
}

#[test]
fn changes_of_summer_time_leave_no_start_out_and_double_none() {
    let mut world = World::start("2026-10-24T22:00:00Z");
    let full = |world: &World| world.server().http.get("/v1/schedule").body["next"]["full"].clone();
    // Half past two comes twice in autumn, and not at all in spring.
    world.schedule("", "30 2 * * *", "Europe/Berlin");
    assert_eq!(full(&world), "2026-10-25T00:30:00Z");
    world.go_over("2026-10-25T00:30:20Z", "2026-10-25T00:30:00Z");
    assert_eq!(full(&world), "2026-10-26T01:30:00Z");
    world.go_over("2027-03-28T00:59:45Z", "2027-03-27T01:30:00Z");
    assert_eq!(full(&world), "2027-03-28T01:00:00Z");
    world.runs("2027-03-28T01:00:00Z");
    assert_eq!(full(&world), "2027-03-29T00:30:00Z");
    // The minutes from two on come twice, and not at all.
    world.schedule("* * * * *", "", "Europe/Berlin");
    world.set("2026-10-24T23:59:57Z");
    until("the clock is followed", SOON, || (world.says("jumped back") == 1).then_some(()));
    world.runs("2026-10-25T00:00:00Z");
    for (hour, next) in [(0, 1), (1, 2)] {
        let before_it = |second| format!("2026-10-25T0{hour}:59:{second}Z");
        world.go_over(&before_it("45"), &before_it("00"));
        world.runs(&format!("2026-10-25T0{next}:00:00Z"));
    }
    world.set("2026-03-29T00:59:57Z");
    until("the clock is followed", SOON, || (world.says("jumped back") == 2).then_some(()));
    world.runs("2026-03-29T01:00:00Z");
    world.end();
}
