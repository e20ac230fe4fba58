//! What a successor must not believe of those before it: a storage that was put back to what it was
//! earlier, beside a Redis that knows more; and a leader that publishes after another one has
//! collected what it was about to name.

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::cluster::{Cluster, TAKEOVER_MAX, within};
use crate::kills::keep;
use crate::ledger::{Violation, event};
use crate::load::{Load, ask, ask_until_whole, run};
use crate::random::Random;
use crate::report::Report;
use crate::service::Options;

/// A client whose events are not in the copy.
const STRANGER: usize = 9;
const WINDOW: u64 = 200_000;

/// The storage is put back to what it was earlier; Redis knows of later events, which are gone. No
/// process shows them, from its first answer on.
pub(crate) fn restored_storage(
    planted: Option<&str>,
    report: &Report,
    random: &mut Random,
) -> Result<(), Violation> {
    let mut cluster = Cluster::start(planted, WINDOW)?;
    let mut load = Load::start(cluster.front(), 50, 6, random);
    thread::sleep(Duration::from_millis(500));
    load.pause()?;
    cluster.ask_all(&load)?;
    let copy = tempfile::TempDir::with_prefix("merganser-copy-").map_err(|e| e.to_string())?;
    let copied = copy.path().join("s3");
    cluster.restart_all(|s3| copy_directory(s3.directory(), &copied))?;
    let lines: Vec<String> = (0..90).map(|number| event(STRANGER, number, 0)).collect();
    let lines = lines.join("\n");
    within(TAKEOVER_MAX, "events are not taken after a restart", || {
        let path = "/v1/events?wait=applied";
        let sent = cluster.front().post(path, "application/x-ndjson", lines.as_bytes());
        sent.ok().filter(|reply| reply.status == 200)
    })?;
    cluster.restart_all(|s3| {
        let removed = std::fs::remove_dir_all(s3.directory()).map_err(|error| error.to_string());
        removed.and_then(|()| copy_directory(&copied, s3.directory()))
    })?;
    let result = answers_until_whole(&cluster, &load);
    report.add("storages put back beside a newer Redis", 1);
    report.add_load(&load.common);
    result.map_err(|violation| keep(&cluster.processes[0].place, violation))
}

/// Asks all processes again and again, from their start on, until each has given an answer.
fn answers_until_whole(cluster: &Cluster, load: &Load) -> Result<(), Violation> {
    let end = Instant::now() + TAKEOVER_MAX;
    let mut answered = vec![false; cluster.processes.len()];
    while answered.contains(&false) {
        for (process, answered) in cluster.processes.iter().zip(&mut answered) {
            *answered |= ask(process.http(), &load.common)?;
        }
        if Instant::now() > end {
            return Err("not every process answers after the storage was put back".to_owned());
        }
        thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

fn copy_directory(from: &Path, to: &Path) -> Result<(), Violation> {
    let copied = Command::new("cp").arg("-rT").arg(from).arg(to).status();
    match copied.is_ok_and(|status| status.success()) {
        true => Ok(()),
        false => Err(format!("{} could not be copied", from.display())),
    }
}

/// A leader is held up before it publishes, for so long that another one has taken over and has
/// collected the files that the first is about to name.
pub(crate) fn published_after_a_collection(
    planted: Option<&str>,
    report: &Report,
    random: &mut Random,
) -> Result<(), Violation> {
    let options = Options {
        failpoints: "publish.manifest.before=sleep(1500)".to_owned(),
        ..Options::default()
    };
    // What nothing names is kept for as long as an answer may take, and ten seconds.
    let cluster = Cluster::start_with(planted, WINDOW, options, "3000")?;
    let mut load = Load::start(cluster.front(), 50, 6, random);
    thread::sleep(Duration::from_millis(500));
    load.pause()?;
    cluster.ask_all(&load)?;
    // So that nothing is new for the full run, nor for the one that another leader does in its
    // place: what the first is about to publish is then not outdated by that.
    run(cluster.front(), "incremental")?;
    let leader = cluster.known_holder("leader")?;
    let service = &cluster.processes[leader].service;
    let path = within(TAKEOVER_MAX, "no run can be started", || cluster.front().start_run("full"))?;
    within(TAKEOVER_MAX, "the run does not come to its publication", || {
        let state = cluster.front().get(&path).ok()?.json()["state"].as_str()?.to_owned();
        (state == "publishing").then_some(())
    })?;
    service.signal("STOP");
    within(TAKEOVER_MAX, "no other process does the runs", || {
        cluster.holder("leader").filter(|holder| *holder != leader)
    })?;
    // Each run collects: first it says what it is going to delete, then it does.
    let collected = Instant::now() + Duration::from_secs(36);
    while Instant::now() < collected {
        run(cluster.front(), "incremental")?;
        thread::sleep(Duration::from_secs(1));
    }
    service.signal("CONT");
    let result = (0..20).try_for_each(|_| {
        thread::sleep(Duration::from_millis(100));
        cluster
            .processes
            .iter()
            .try_for_each(|process| ask_until_whole(process.http(), &load.common).map(drop))
    });
    let result = result.and_then(|()| run(cluster.front(), "full"));
    let result = result.and_then(|()| cluster.ask_all(&load));
    report.add("leaders that published after a collection", 1);
    report.add_load(&load.common);
    result.map_err(|violation| keep(&cluster.processes[leader].place, violation))
}
