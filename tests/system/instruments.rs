//! Metrics for Prometheus, after a course of which everything is known.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::http::Http;
use crate::load::tick;
use crate::server::{Place, Store};
use crate::wait::until;

const LONG: Duration = Duration::from_secs(30);

/// All Prometheus metrics, by name and labels.
pub(crate) fn instruments(http: &Http) -> BTreeMap<String, f64> {
    let text = http.get("/metrics").body;
    let lines = text.as_str().unwrap().lines().filter(|line| !line.starts_with('#'));
    let instrument = |line: &str| {
        let (name, value) = line.rsplit_once(' ')?;
        Some((name.to_owned(), value.parse().ok()?))
    };
    lines.filter_map(instrument).collect()
}

#[test]
fn metrics_show_what_happened() {
    let place = Place::new(Store::Memory);
    let server = place.start();
    let lines: Vec<String> = (0..1_000).map(tick).collect();
    server.http.send(&lines);
    server.http.send(&lines[..300]);
    let wrong = ["{\"event\":\"\"}".to_owned(), "nonsense".to_owned()];
    server.http.try_send(&wrong, "durable").unwrap();
    assert_eq!(server.http.get("/v1/query?metric=nope").status, 404);
    assert_eq!(server.http.get("/v1/query?metric=ticks").status, 200);
    let before = instruments(&server.http);
    for (name, value) in [
        ("intake_events_accepted_total", 1_000.0),
        ("intake_events_duplicate_total", 300.0),
        ("intake_events_invalid_total{code=\"invalid_event\"}", 1.0),
        ("intake_events_invalid_total{code=\"malformed_event\"}", 1.0),
        ("quarantine_entries", 2.0),
        ("http_panics_total", 0.0),
        ("ready", 1.0),
        ("query_seconds_count{outcome=\"ok\"}", 1.0),
        ("query_seconds_count{outcome=\"refused\"}", 1.0),
    ] {
        assert_eq!(before.get(&format!("merganser_{name}")), Some(&value), "{name}");
    }
    until("the journal's lag is seen", LONG, || {
        (instruments(&server.http)["merganser_backlog_events"] == 1_000.0).then_some(())
    });
    server.run("incremental");
    until("there is no lag", LONG, || {
        let now = instruments(&server.http);
        let lags = ["backlog_events", "batch_behind_events", "speed_unapplied_events"];
        let is_zero = |name: &&str| now.get(&format!("merganser_{name}")) == Some(&0.0);
        lags.iter().all(is_zero).then_some(())
    });
    let after = instruments(&server.http);
    let last = "merganser_run_last_success_timestamp_seconds{mode=\"incremental\"}";
    let succeeded = |instruments: &BTreeMap<String, f64>| instruments[last];
    let runs = "merganser_runs_total{mode=\"incremental\",outcome=\"succeeded\"}";
    assert_eq!(after.get(runs), Some(&1.0), "{:?}", names(&after, "merganser_runs_total"));
    assert!(succeeded(&after) > 1.7e9);
    assert_eq!(after["merganser_audit_differences_total"], 0.0);
    server.stop();
    let server = place.start();
    assert_eq!(
        succeeded(&instruments(&server.http)),
        succeeded(&after),
        "a restart forgets nothing"
    );
    server.stop();
}

fn names<'a>(instruments: &'a BTreeMap<String, f64>, start: &str) -> Vec<&'a String> {
    instruments.keys().filter(|name| name.starts_with(start)).collect()
}

#[test]
fn every_metric_is_described() {
    let place = Place::new(Store::Redis);
    let server = place.start();
    server.http.send(&(0..10).map(tick).collect::<Vec<_>>());
    server.http.get("/v1/query?metric=ticks");
    server.run("full");
    let text = server.http.get("/metrics").body;
    let about = |kind: &str| -> BTreeSet<String> {
        let lines = text.as_str().unwrap().lines();
        let names = lines.filter_map(|line| line.strip_prefix(kind)?.split(' ').next());
        names.map(str::to_owned).collect()
    };
    let (types, helps) = (about("# TYPE "), about("# HELP "));
    assert!(types.len() > 40, "{types:?}");
    let bare: Vec<_> = types.difference(&helps).collect();
    assert!(bare.is_empty(), "{bare:?}");
    server.stop();
}
