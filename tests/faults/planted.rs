//! Bugs that are planted on purpose: the campaign must catch every one.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::arguments::Arguments;
#[cfg(feature = "ballista")]
use crate::executors::{self, ExecutorFault};
use crate::hosts::{Fault, ProcessFault};
use crate::ledger::Violation;
use crate::random::Random;
use crate::redis_faults::Hurt;
use crate::report::Report;
use crate::{bounds, hosts, kills, places, redis_faults, rivals, successors};

/// How long a bug may hide.
const PATIENCE: Duration = Duration::from_secs(240);

/// Something of the campaign, with a bug planted, again and again.
type Hunt = fn(&str, Instant, &Report, &mut Random) -> Result<(), Violation>;

/// The bugs, what they are, and the part of the campaign that is expected to catch each.
const BUGS: &[(&str, &str, &str, Hunt)] = &[
    ("ack_before_fsync", "a commit is acknowledged without its fsync", "kills", by_kills),
    (
        "ack_into_unlinked",
        "a commit is acknowledged although its file was deleted",
        "rivals",
        by_removal,
    ),
    ("no_directory_sync", "a new segment's name is not fsynced", "places", at_directory),
    ("torn_tail_kept", "a torn record is not cut off", "kills", by_kills),
    ("claim_before_write", "ids are remembered although the write failed", "places", at_write),
    ("dedup_not_rebuilt", "a start does not read the ids in the journal", "kills", by_kills),
    ("position_apart", "the position is stored before the states", "redis", by_cut_replies),
    ("fence_not_checked", "a writer that was replaced may write on", "rivals", by_rivals),
    ("stale_store_trusted", "what Redis holds is taken for the newest", "rivals", by_back_up),
    ("boundary_by_time", "the layers are parted by the time of events", "kills", by_kills),
    ("retire_before_publish", "the journal is trimmed before a publication", "places", at_publish),
    ("cas_without_parent", "a publication overwrites another", "rivals", by_runs),
    ("nonce_not_compared", "a publication in doubt is taken for another's", "places", by_doubt),
    ("gc_without_grace", "files are deleted that readers hold", "rivals", by_slow_readers),
    ("epoch_twice", "a run folds epochs that its view has already", "kills", by_kills),
    ("no_back_pressure", "intake does not wait for runs", "bounds", by_bounds),
    ("float_sums", "sums are added up as floats", "kills", by_kills),
    ("claim_deleted", "the journal's claims are trimmed, too", "hosts", by_sleep),
    ("lease_trusted", "who lost the journal appends behind the one who took it", "hosts", by_hosts),
    ("old_fence_trusted", "a replica believes writers of before", "hosts", by_restored_storage),
    (
        "condemned_not_checked",
        "a publication names what another leader deletes",
        "hosts",
        by_collection,
    ),
    ("doubt_acknowledged", "an entry in doubt is taken for stored", "places", by_lost_answer),
    #[cfg(feature = "ballista")]
    (
        "second_attempt_counts",
        "a part that was made twice counts twice",
        "executors",
        by_new_scheduler,
    ),
    #[cfg(feature = "ballista")]
    (
        "record_before_files",
        "a part is recorded before its files are there",
        "executors",
        by_executors,
    ),
    #[cfg(feature = "ballista")]
    (
        "missing_not_submitted",
        "parts that got lost are not asked for again",
        "executors",
        by_new_scheduler,
    ),
    #[cfg(feature = "ballista")]
    (
        "work_not_reserved",
        "files of parts are deleted before they are named",
        "executors",
        by_new_leaders,
    ),
];

/// Plants bugs, each until it is caught.
pub(crate) fn hunt(arguments: &Arguments, report: &Report) -> ExitCode {
    let chosen = |name: &str| arguments.planted.as_deref().is_none_or(|planted| planted == name);
    let bugs: Vec<_> = BUGS.iter().filter(|(name, ..)| chosen(name)).collect();
    if bugs.is_empty() {
        println!("no such bug; known are:");
        BUGS.iter().for_each(|(name, what, ..)| println!("  {name}: {what}"));
        return ExitCode::from(2);
    }
    let mut escaped = Vec::new();
    println!("| bug | what | caught by | after | what it said |\n|---|---|---|---|---|");
    for (name, what, part, hunt) in bugs {
        let started = Instant::now();
        let mut random = Random::new(arguments.seed);
        let end = started + PATIENCE;
        let mut found = Ok(());
        while found.is_ok() && Instant::now() < end {
            found = hunt(name, end, report, &mut random);
        }
        let seconds = started.elapsed().as_secs_f32();
        match found {
            Ok(()) => {
                println!("| `{name}` | {what} | ESCAPED | {seconds:.0} s | |");
                escaped.push(*name);
            }
            Err(violation) => {
                let said: String =
                    violation.lines().next().unwrap_or_default().chars().take(110).collect();
                println!("| `{name}` | {what} | {part} | {seconds:.1} s | {said} |");
            }
        }
    }
    if escaped.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn by_kills(bug: &str, end: Instant, r: &Report, random: &mut Random) -> Result<(), Violation> {
    kills::at_one_place(Some(bug), None, end, r, random)
}

fn at(bug: &str, point: &str, action: &str, r: &Report, d: &mut Random) -> Result<(), Violation> {
    places::at_point(Some(bug), point, &[action], r, d).map(|_| ())
}

fn at_directory(bug: &str, _: Instant, r: &Report, random: &mut Random) -> Result<(), Violation> {
    at(bug, "intake.ack.after", "powercut", r, random)
}

fn at_write(bug: &str, _: Instant, r: &Report, random: &mut Random) -> Result<(), Violation> {
    at(bug, "journal.write.before", "enospc", r, random)
}

fn at_publish(bug: &str, _: Instant, r: &Report, random: &mut Random) -> Result<(), Violation> {
    at(bug, "publish.manifest.before", "crash", r, random)
}

fn by_doubt(bug: &str, _: Instant, r: &Report, random: &mut Random) -> Result<(), Violation> {
    places::publications_in_doubt(Some(bug), r, random)
}

fn by_hosts(bug: &str, end: Instant, r: &Report, random: &mut Random) -> Result<(), Violation> {
    hosts::under_faults(Some(bug), &[Fault::Owner(ProcessFault::HeldUp)], end, r, random)
}

fn by_sleep(bug: &str, _: Instant, r: &Report, random: &mut Random) -> Result<(), Violation> {
    hosts::slept_through_a_trim(Some(bug), r, random)
}

fn by_restored_storage(
    bug: &str,
    _: Instant,
    r: &Report,
    random: &mut Random,
) -> Result<(), Violation> {
    successors::restored_storage(Some(bug), r, random)
}

fn by_collection(bug: &str, _: Instant, r: &Report, random: &mut Random) -> Result<(), Violation> {
    successors::published_after_a_collection(Some(bug), r, random)
}

fn by_lost_answer(bug: &str, _: Instant, r: &Report, random: &mut Random) -> Result<(), Violation> {
    at(bug, "journal.put.before", "eio", r, random)
}

fn by_bounds(bug: &str, _: Instant, report: &Report, _: &mut Random) -> Result<(), Violation> {
    bounds::backlog(Some(bug), report)
}

fn by_cut_replies(bug: &str, _: Instant, r: &Report, d: &mut Random) -> Result<(), Violation> {
    redis_faults::with(Some(bug), &[Hurt::CutReplies, Hurt::CutRequests, Hurt::Killed], r, d)
}

fn by_back_up(bug: &str, _: Instant, r: &Report, random: &mut Random) -> Result<(), Violation> {
    rivals::restored_back_up(Some(bug), r, random)
}

fn by_rivals(bug: &str, _: Instant, r: &Report, random: &mut Random) -> Result<(), Violation> {
    rivals::stopped_while_another_took_over(Some(bug), true, r, random)
}

fn by_removal(bug: &str, _: Instant, r: &Report, random: &mut Random) -> Result<(), Violation> {
    rivals::directory_taken_away(Some(bug), r, random)
}

fn by_runs(bug: &str, _: Instant, r: &Report, random: &mut Random) -> Result<(), Violation> {
    rivals::two_runs_at_once(Some(bug), "publish.manifest.before=sleep(300)", 10, r, random)
}

fn by_slow_readers(bug: &str, _: Instant, r: &Report, d: &mut Random) -> Result<(), Violation> {
    rivals::two_runs_at_once(Some(bug), "query.view.before=sleep(1000)", 20, r, d)
}

#[cfg(feature = "ballista")]
fn by_executors(bug: &str, end: Instant, r: &Report, random: &mut Random) -> Result<(), Violation> {
    executors::under_faults(Some(bug), &[ExecutorFault::Nothing], 10, end, r, random)
}

#[cfg(feature = "ballista")]
fn by_new_scheduler(
    bug: &str,
    end: Instant,
    r: &Report,
    random: &mut Random,
) -> Result<(), Violation> {
    executors::under_faults(Some(bug), &[ExecutorFault::SchedulerKilled], 10, end, r, random)
}

#[cfg(feature = "ballista")]
fn by_new_leaders(
    bug: &str,
    end: Instant,
    r: &Report,
    random: &mut Random,
) -> Result<(), Violation> {
    executors::under_faults(Some(bug), &[ExecutorFault::LeaderKilled], 10, end, r, random)
}
