//! Intake as a whole: verdicts, batches, failures, bounds and restarts.

use std::collections::HashMap;
use std::time::Duration;

use merganser_core::journal::JournalError;
use merganser_core::testing::MemoryJournal;
use proptest::prelude::*;
use tempfile::TempDir;

use super::testing::{archived, send, send_as, settings, start, start_beside_runs};
use super::*;

fn line(id: &str, content: u32) -> String {
    format!(r#"{{"event":"e","id":"{id}","properties":{{"v":{content}}}}}"#)
}

/// So many new events, a line each.
fn lines(numbers: std::ops::Range<u64>) -> String {
    numbers.map(|n| line(&format!("e{n}"), 1)).collect::<Vec<_>>().join("\n")
}

fn ids(journal: &MemoryJournal) -> Vec<String> {
    journal.events().into_iter().map(|(id, _)| id).collect()
}

#[tokio::test]
async fn every_event_gets_its_verdict() {
    let directory = TempDir::new().unwrap();
    let journal = Arc::new(MemoryJournal::default());
    let (intake, mut fed) = start(settings(), &journal, directory.path());
    let body = [&line("a", 1), &line("a", 1), &line("a", 2), "nope", &line("b", 1)].join("\n");
    let receipt = send(&intake, &body).await.unwrap();
    assert_eq!((receipt.accepted, receipt.duplicates), (2, 1));
    assert_eq!((receipt.conflicts[0].index, receipt.conflicts[0].id.as_str()), (2, "a"));
    assert_eq!((receipt.invalid[0].index, receipt.invalid[0].code.name()), (3, "malformed_event"));
    assert_eq!(receipt.end(), Offset(2));
    assert_eq!(fed.recv().await.unwrap().events.len(), 2);

    let receipt = send(&intake, &[line("c", 1), line("a", 1), line("b", 7)].join("\n")).await;
    let receipt = receipt.unwrap();
    assert_eq!((receipt.accepted, receipt.duplicates, receipt.conflicts.len()), (1, 1, 1));
    assert_eq!(receipt.end(), Offset(3));
    assert_eq!(ids(&journal), ["a", "b", "c"]);

    let kept = intake.quarantine().list(None, None, 10).entries;
    let kept: Vec<_> = kept
        .iter()
        .map(|e| (e.event.code.as_str(), e.event.index, e.event.raw.text.as_str()))
        .collect();
    let (a2, b7) = (line("a", 2), line("b", 7));
    let expected =
        [("malformed_event", 3, "nope"), ("conflict", 2, a2.as_str()), ("conflict", 2, &b7)];
    assert_eq!(kept, expected);
    assert_eq!(intake.accepted(), 3);
}

#[tokio::test]
async fn requests_without_new_events_append_nothing() {
    let directory = TempDir::new().unwrap();
    let journal = Arc::new(MemoryJournal::default());
    let (intake, _fed) = start(settings(), &journal, directory.path());
    assert_eq!(send(&intake, "\n").await.unwrap(), Receipt::empty_at(Offset(0)));
    let receipt = send(&intake, "nope\n3").await.unwrap();
    assert!(receipt.is_all_invalid());
    assert_eq!((receipt.invalid.len(), receipt.end()), (2, Offset(0)));
    send(&intake, &line("a", 1)).await.unwrap();
    let receipt = send(&intake, &line("a", 1)).await.unwrap();
    assert_eq!((receipt.duplicates, receipt.end()), (1, Offset(1)));
    assert_eq!(journal.appends(), 1);
}

#[tokio::test]
async fn an_event_without_an_id_is_never_a_duplicate() {
    let directory = TempDir::new().unwrap();
    let journal = Arc::new(MemoryJournal::default());
    let (intake, _fed) = start(settings(), &journal, directory.path());
    let body = "{\"event\":\"e\"}\n{\"event\":\"e\"}";
    assert_eq!(send(&intake, body).await.unwrap().accepted, 2);
    assert_eq!(send(&intake, body).await.unwrap().accepted, 2);
}

#[tokio::test]
async fn reject_stores_and_quarantines_nothing_but_lets_conflicts_be() {
    let directory = TempDir::new().unwrap();
    let journal = Arc::new(MemoryJournal::default());
    let (intake, _fed) = start(settings(), &journal, directory.path());
    let body = format!("{}\n{{}}", line("a", 1));
    let error = send_as(&intake, &body, InvalidEventPolicy::Reject).await.unwrap_err();
    let IntakeError::Rejected(receipt) = error else { panic!("{error}") };
    assert_eq!((receipt.accepted, receipt.invalid.len()), (0, 1));
    assert_eq!(receipt.invalid[0].quarantine_id, None);
    assert_eq!(intake.quarantine().list(None, None, 1).total, 0);
    assert!(journal.events().is_empty());
    let body = [line("a", 1), line("a", 2)].join("\n");
    let receipt = send_as(&intake, &body, InvalidEventPolicy::Reject).await.unwrap();
    assert_eq!((receipt.accepted, receipt.conflicts.len()), (1, 1));
}

/// Sends bodies while the journal is held, so that they queue in this order and are committed
/// together after `first`.
async fn send_together(
    intake: &IntakeHandle,
    journal: &Arc<MemoryJournal>,
    first: &str,
    others: &[String],
) -> Vec<Result<Receipt, IntakeError>> {
    journal.hold();
    let mut tasks = Vec::new();
    for (i, body) in std::iter::once(first).chain(others.iter().map(String::as_str)).enumerate() {
        let (intake, body) = (intake.clone(), body.to_owned());
        tasks.push(tokio::spawn(async move { send(&intake, &body).await }));
        // On this one thread a task runs until it waits for its answer: then it is queued.
        tokio::task::yield_now().await;
        if i == 0 {
            journal.wait_for_append();
        }
    }
    journal.release();
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await.unwrap());
    }
    results
}

#[tokio::test]
async fn queued_requests_are_committed_together_in_order() {
    let directory = TempDir::new().unwrap();
    let journal = Arc::new(MemoryJournal::default());
    let (intake, mut fed) = start(settings(), &journal, directory.path());
    let others = [
        [line("a", 1), line("b", 1)].join("\n"),
        [line("b", 1), line("a", 2), line("c", 1)].join("\n"),
        line("c", 1),
        format!("{}\nnope", line("d", 1)),
    ];
    let results = send_together(&intake, &journal, &line("first", 1), &others).await;
    let shown: Vec<_> = results
        .iter()
        .map(|result| {
            let r = result.as_ref().unwrap();
            (r.accepted, r.duplicates, r.conflicts.len(), r.invalid.len(), r.end().0)
        })
        .collect();
    assert_eq!(
        shown,
        [(1, 0, 0, 0, 1), (2, 0, 0, 0, 3), (1, 1, 1, 0, 4), (0, 1, 0, 0, 4), (1, 0, 0, 1, 5)]
    );
    assert_eq!(journal.appends(), 2, "one for the first, one for the batch");
    assert_eq!(ids(&journal), ["first", "a", "b", "c", "d"]);
    assert_eq!(fed.recv().await.unwrap().first, Offset(0));
    assert_eq!(fed.recv().await.unwrap().first, Offset(1));
}

#[tokio::test]
async fn commit_batches_keep_their_bounds() {
    let directory = TempDir::new().unwrap();
    let journal = Arc::new(MemoryJournal::default());
    let bounded = IntakeSettings { commit_max_events: 3, ..settings() };
    let (intake, _fed) = start(bounded, &journal, directory.path());
    let pair = |i: u32| [line(&format!("{i}x"), 1), line(&format!("{i}y"), 1)].join("\n");
    let mut others: Vec<String> = (0..3).map(pair).collect();
    others.push((0..5).map(|i| line(&i.to_string(), 1)).collect::<Vec<_>>().join("\n"));
    let results = send_together(&intake, &journal, &line("first", 1), &others).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert_eq!(journal.appends(), 1 + 3 + 1);
    assert_eq!(ids(&journal)[..3], ["first", "0x", "0y"]);
    assert_eq!(journal.end(), Offset(12));
}

#[tokio::test]
async fn a_batch_that_was_not_stored_leaves_no_trace() {
    let directory = TempDir::new().unwrap();
    let journal = Arc::new(MemoryJournal::default());
    let (intake, mut fed) = start(settings(), &journal, directory.path());
    journal.fail(vec![JournalError::Full("no room".to_owned())]);
    let error = send(&intake, &line("a", 1)).await.unwrap_err();
    assert!(matches!(error, IntakeError::DiskFull(_)), "{error}");
    let receipt = send(&intake, &line("a", 1)).await.unwrap();
    assert_eq!((receipt.accepted, receipt.duplicates), (1, 0), "its retry is new");
    assert_eq!(fed.recv().await.unwrap().first, Offset(0));

    journal.fail(vec![JournalError::TooLarge { size_bytes: 9, limit_bytes: 8 }]);
    let error = send(&intake, &line("b", 1)).await.unwrap_err();
    assert!(matches!(error, IntakeError::TooLarge { limit: ExceededLimit::RecordBytes, max: 8 }));
    assert_eq!(send(&intake, &line("b", 2)).await.unwrap().accepted, 1);
}

#[tokio::test]
async fn a_batch_that_was_not_written_is_refused_and_the_next_one_is_tried() {
    let directory = TempDir::new().unwrap();
    let journal = Arc::new(MemoryJournal::default());
    let (intake, mut fed) = start(settings(), &journal, directory.path());
    send(&intake, &line("a", 1)).await.unwrap();
    let no_files = || JournalError::Io("too many open files".to_owned());
    journal.fail(vec![no_files(), no_files()]);
    for _ in 0..2 {
        let body = [line("a", 1), line("b", 1)].join("\n");
        let error = send(&intake, &body).await.unwrap_err();
        assert!(matches!(error, IntakeError::JournalUnavailable(_)), "{error}");
        assert!(intake.stopped().is_none());
        intake.check_journal().unwrap();
    }
    let body = [line("a", 1), line("b", 1), line("c", 1)].join("\n");
    let receipt = send(&intake, &body).await.unwrap();
    assert_eq!((receipt.accepted, receipt.duplicates), (2, 1), "what was refused is new");
    assert_eq!(ids(&journal), ["a", "b", "c"]);
    assert_eq!(fed.recv().await.unwrap().first, Offset(0));
    assert_eq!(fed.recv().await.unwrap().first, Offset(1));
}

#[tokio::test]
async fn after_a_failed_write_nothing_is_judged_any_more() {
    let directory = TempDir::new().unwrap();
    let journal = Arc::new(MemoryJournal::default());
    let (intake, _fed) = start(settings(), &journal, directory.path());
    send(&intake, &line("a", 1)).await.unwrap();
    journal.fail(vec![JournalError::Uncertain("fsync: i/o error".to_owned())]);
    let others = [line("a", 1), line("b", 2)];
    let results = send_together(&intake, &journal, &line("b", 1), &others).await;
    for result in results {
        assert!(matches!(result, Err(IntakeError::JournalStopped(_))), "{result:?}");
    }
    let error = send(&intake, &line("a", 1)).await.unwrap_err();
    assert!(error.to_string().contains("fsync: i/o error"), "{error}");
    assert!(matches!(intake.stopped(), Some(IntakeError::JournalStopped(_))));
    assert_eq!(ids(&journal), ["a"]);
}

#[tokio::test]
async fn a_quarantine_that_cannot_be_written_fails_the_batch_before_it_is_stored() {
    let directory = TempDir::new().unwrap();
    let journal = Arc::new(MemoryJournal::default());
    let (intake, _fed) = start(settings(), &journal, directory.path());
    intake.quarantine().break_for_tests();
    let body = format!("{}\nnope", line("a", 1));
    let error = send(&intake, &body).await.unwrap_err();
    assert!(matches!(error, IntakeError::Quarantine(_)), "{error}");
    assert!(journal.events().is_empty());
    let receipt = send(&intake, &body).await.unwrap();
    assert_eq!((receipt.accepted, receipt.invalid.len()), (1, 1), "the next write succeeds");
    assert_eq!(intake.quarantine().list(None, None, 10).total, 1);
}

/// Whoever has claimed the journal by then has not read what this one kept since.
#[tokio::test]
async fn what_is_only_quarantined_is_acknowledged_by_the_owner_alone() {
    let directory = TempDir::new().unwrap();
    let journal = Arc::new(MemoryJournal::default());
    let (intake, _fed) = start(settings(), &journal, directory.path());
    assert_eq!(send(&intake, "nope").await.unwrap().invalid.len(), 1);
    journal.reopen().claim().unwrap();
    let error = send(&intake, "nope again").await.unwrap_err();
    assert!(matches!(error, IntakeError::JournalStopped(_)), "{error}");
}

/// A commit waits for others as long as it may, but not when it is full.
#[tokio::test]
async fn a_commit_waits_for_more_requests_until_it_is_full() {
    let directory = TempDir::new().unwrap();
    let journal = Arc::new(MemoryJournal::default());
    let patient = IntakeSettings {
        commit_delay: Duration::from_secs(10),
        commit_max_events: 3,
        ..settings()
    };
    let (intake, _fed) = start(patient, &journal, directory.path());
    let bodies = ["a", "b", "c", "d"].map(|id| line(id, 1));
    let mut sent = Vec::new();
    for body in bodies {
        let intake = intake.clone();
        sent.push(tokio::spawn(async move { send(&intake, &body).await }));
        // On this one thread a task runs until it waits for its answer: then it is queued.
        tokio::task::yield_now().await;
    }
    let last = sent.pop().unwrap();
    for request in sent {
        assert_eq!(request.await.unwrap().unwrap().accepted, 1);
    }
    // The fourth did not fit, and waits for others.
    assert_eq!(journal.appends(), 1);
    assert!(!last.is_finished());
    intake.shutdown().await;
    assert_eq!(last.await.unwrap().unwrap().accepted, 1);
    assert_eq!(ids(&journal), ["a", "b", "c", "d"]);
}

#[tokio::test]
async fn a_request_over_a_bound_is_refused_before_anything_is_stored() {
    let directory = TempDir::new().unwrap();
    let journal = Arc::new(MemoryJournal::default());
    let bounded = IntakeSettings { pending_max_requests: 2, ..settings() };
    let (intake, _fed) = start(bounded, &journal, directory.path());
    let others = [line("b", 1), line("c", 1)];
    let results = send_together(&intake, &journal, &line("a", 1), &others).await;
    assert!(results[..2].iter().all(Result::is_ok), "{results:?}");
    assert!(matches!(results[2], Err(IntakeError::Overloaded)), "{results:?}");
    assert_eq!(ids(&journal), ["a", "b"]);
    assert_eq!(send(&intake, &line("c", 1)).await.unwrap().accepted, 1, "there is room again");

    let mut share = intake.admit().unwrap();
    let error = share.grow(usize::MAX).unwrap_err();
    assert!(matches!(error, IntakeError::Overloaded), "{error}");
}

#[tokio::test]
async fn a_disk_under_its_floor_takes_nothing() {
    let directory = TempDir::new().unwrap();
    let journal = Arc::new(MemoryJournal::default());
    let floor = IntakeSettings { disk_floor_bytes: u64::MAX, ..settings() };
    let (intake, _fed) = start(floor, &journal, directory.path());
    let error = send(&intake, &line("a", 1)).await.unwrap_err();
    assert!(matches!(error, IntakeError::DiskFull(_)), "{error}");
}

#[tokio::test]
async fn what_runs_have_not_archived_slows_intake_down_and_stops_it_at_twice_the_bound() {
    let directory = TempDir::new().unwrap();
    let journal = Arc::new(MemoryJournal::default());
    let bounded = IntakeSettings { backlog_max_events: 10, ..settings() };
    let (intake, _fed, publish) = start_beside_runs(bounded, &journal, directory.path());
    let retry_after_s = |sent: Result<Receipt, IntakeError>| match sent {
        Err(IntakeError::BacklogFull { backlog, max_events: 10, retry_after_s }) => {
            (backlog, retry_after_s)
        }
        other => panic!("{other:?}"),
    };
    // What fits is taken at once, and so is the first that does not.
    send(&intake, &lines(0..10)).await.unwrap();
    send(&intake, &lines(10..13)).await.unwrap();
    assert_eq!(intake.observe_backlog(), 13);
    // For 7 more events there is room, over a minute.
    send(&intake, &lines(13..15)).await.unwrap();
    let (backlog, wait_s) = retry_after_s(send(&intake, &lines(15..16)).await);
    assert_eq!(backlog, 15);
    assert!((17..=18).contains(&wait_s), "2 of 7 events are worth 17.1 s, not {wait_s}");
    publish.send_replace(archived(&journal, journal.end()));
    send(&intake, &lines(15..40)).await.unwrap();
    // Refused before there is a body.
    let (backlog, wait_s) = retry_after_s(intake.admit().map(|_| Receipt::empty_at(Offset::ZERO)));
    assert!(backlog == 25 && wait_s >= 1, "{backlog} {wait_s}");
    publish.send_replace(archived(&journal, Offset(30)));
    send(&intake, &lines(40..41)).await.unwrap();
    assert_eq!(journal.end(), Offset(41));
}

#[tokio::test]
async fn a_request_over_the_bound_waits_for_its_turn() {
    let directory = TempDir::new().unwrap();
    let journal = Arc::new(MemoryJournal::default());
    let bounded = IntakeSettings { backlog_max_events: 20, ..settings() };
    let (intake, _fed, publish) = start_beside_runs(bounded, &journal, directory.path());
    send(&intake, &lines(0..10)).await.unwrap();
    publish.send_replace(archived(&journal, journal.end()));
    assert_eq!(intake.observe_backlog(), 0);
    send(&intake, &lines(10..40)).await.unwrap();
    // The run took less than a second, which is taken for one: 10 events a second.
    let begun = Instant::now();
    send(&intake, &lines(40..42)).await.unwrap();
    send(&intake, &lines(42..43)).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(200), "{:?}", begun.elapsed());
    assert_eq!(journal.end(), Offset(43));
}

#[tokio::test]
async fn a_fold_that_ended_stops_intake_after_what_is_durable_was_acknowledged() {
    let directory = TempDir::new().unwrap();
    let journal = Arc::new(MemoryJournal::default());
    let (intake, fed) = start(settings(), &journal, directory.path());
    drop(fed);
    assert_eq!(send(&intake, &line("a", 1)).await.unwrap().accepted, 1);
    let error = send(&intake, &line("b", 1)).await.unwrap_err();
    assert!(matches!(error, IntakeError::FoldStopped), "{error}");
    assert_eq!(ids(&journal), ["a"]);
}

#[tokio::test]
async fn a_shutdown_commits_what_is_queued_and_refuses_the_rest() {
    let directory = TempDir::new().unwrap();
    let journal = Arc::new(MemoryJournal::default());
    let (intake, mut fed) = start(settings(), &journal, directory.path());
    journal.hold();
    let queued = {
        let intake = intake.clone();
        tokio::spawn(async move { send(&intake, &line("a", 1)).await })
    };
    tokio::task::yield_now().await;
    journal.wait_for_append();
    let stopping = {
        let intake = intake.clone();
        tokio::spawn(async move { intake.shutdown().await })
    };
    tokio::task::yield_now().await;
    let error = send(&intake, &line("b", 1)).await.unwrap_err();
    assert!(matches!(error, IntakeError::ShuttingDown), "{error}");
    journal.release();
    assert_eq!(queued.await.unwrap().unwrap().accepted, 1);
    stopping.await.unwrap();
    intake.shutdown().await;
    assert_eq!(fed.recv().await.unwrap().events.len(), 1);
    assert!(fed.recv().await.is_none(), "the feed is closed");
}

#[tokio::test]
async fn large_and_compressed_bodies_are_decoded_too() {
    let directory = TempDir::new().unwrap();
    let journal = Arc::new(MemoryJournal::default());
    let (intake, _fed) = start(settings(), &journal, directory.path());
    let lines: Vec<String> = (0..2000).map(|i| line(&i.to_string(), i)).collect();
    let plain = lines.join("\n");
    assert_eq!(send(&intake, &plain).await.unwrap().accepted, 2000);
    let body = EventBody {
        bytes: zstd::encode_all(plain.as_bytes(), 1).unwrap().into(),
        format: BodyFormat::Ndjson,
        encoding: BodyEncoding::Zstd,
        on_invalid: InvalidEventPolicy::default(),
        fixed: None,
    };
    let receipt = intake.submit(body, intake.admit().unwrap()).await.unwrap();
    assert_eq!(receipt.duplicates, 1000, "the window of 1000 holds the last half");
    assert_eq!(receipt.accepted, 1000);
}

#[tokio::test]
async fn an_id_before_a_line_counts_where_the_event_has_none() {
    let directory = TempDir::new().unwrap();
    let journal = Arc::new(MemoryJournal::default());
    let (intake, _fed) = start(settings(), &journal, directory.path());
    let send = async |lines: &'static str| {
        let body = EventBody {
            bytes: lines.into(),
            format: BodyFormat::NamedNdjson,
            encoding: BodyEncoding::Identity,
            on_invalid: InvalidEventPolicy::default(),
            fixed: None,
        };
        intake.submit(body, intake.admit().unwrap()).await.unwrap()
    };
    let lines = "l-1\t{\"event\":\"x\"}\nl-2\t{\"event\":\"x\",\"id\":\"own\"}\n\
                 l-3\t{\"event\":\"x\",\"id\":null}\n";
    assert_eq!(send(lines).await.accepted, 3);
    let again = send(lines).await;
    assert_eq!((again.accepted, again.duplicates), (0, 3));
    let other = send("l-1\t{\"event\":\"y\"}\nl-2\t{\"event\":\"x\"}\n").await;
    assert_eq!((other.accepted, other.conflicts.len()), (1, 1));
    assert_eq!(&*other.conflicts[0].id, "l-1");
    let long = send(concat!(
        "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567",
        "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567",
        "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567",
        "\t{\"event\":\"x\"}"
    ))
    .await;
    assert!(long.invalid[0].message.contains("`id` has 264 bytes"), "{:?}", long.invalid);
}

#[test]
fn settings_that_cannot_be_are_refused() {
    let limits = |limits| IntakeSettings { limits, ..settings() };
    for (settings, name) in [
        (
            limits(IntakeLimits { decompressed_max_bytes: 2 << 30, ..IntakeLimits::default() }),
            "decompressed",
        ),
        (
            limits(IntakeLimits { request_max_events: 0, ..IntakeLimits::default() }),
            "request_max_events",
        ),
        (IntakeSettings { dedup_window_events: usize::MAX, ..settings() }, "dedup_window"),
    ] {
        let error = settings.check().unwrap_err().to_string();
        assert!(error.contains(name), "{error}");
    }
}

/// A request of the oracle test: events by id and content, and how it goes.
#[derive(Clone, Debug)]
struct Step {
    events: Vec<(u8, u32)>,
    is_failed: bool,
    is_restart: bool,
}

fn step() -> impl Strategy<Value = Step> {
    let events = prop::collection::vec((0_u8..12, 0_u32..2), 1..6);
    (events, prop::bool::weighted(0.2), prop::bool::weighted(0.15))
        .prop_map(|(events, is_failed, is_restart)| Step { events, is_failed, is_restart })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn verdicts_are_those_of_a_map_whatever_fails_or_restarts(
        steps in prop::collection::vec(step(), 1..25),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let directory = TempDir::new().unwrap();
            let journal = Arc::new(MemoryJournal::default());
            let (mut intake, mut fed) = start(settings(), &journal, directory.path());
            let mut stored: HashMap<u8, u32> = HashMap::new();
            let mut order = Vec::new();
            for step in steps {
                let body: Vec<String> =
                    step.events.iter().map(|(id, v)| line(&id.to_string(), *v)).collect();
                let (mut after, mut fresh) = (stored.clone(), Vec::new());
                let (mut duplicates, mut conflicts) = (0, Vec::new());
                for (index, (id, content)) in (0_u32..).zip(&step.events) {
                    match after.get(id) {
                        None => {
                            after.insert(*id, *content);
                            fresh.push(id.to_string());
                        }
                        Some(original) if original == content => duplicates += 1,
                        Some(_) => conflicts.push(index),
                    }
                }
                let is_failed = step.is_failed && !fresh.is_empty();
                if is_failed {
                    journal.fail(vec![JournalError::Full(String::new())]);
                }
                let result = send(&intake, &body.join("\n")).await;
                prop_assert_eq!(result.is_err(), is_failed);
                if let Ok(receipt) = result {
                    prop_assert_eq!(receipt.accepted, fresh.len() as u64);
                    prop_assert_eq!(receipt.duplicates, duplicates);
                    let found: Vec<_> = receipt.conflicts.iter().map(|c| c.index).collect();
                    prop_assert_eq!(found, conflicts);
                    stored = after;
                    order.extend(fresh);
                    prop_assert_eq!(receipt.end().0, order.len() as u64);
                }
                if step.is_restart {
                    intake.shutdown().await;
                    (intake, fed) = start(settings(), &journal, directory.path());
                }
                while fed.try_recv().is_ok() {}
            }
            prop_assert_eq!(ids(&journal), order);
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn a_client_that_goes_away_does_not_take_its_events_back() {
    let directory = TempDir::new().unwrap();
    let journal = Arc::new(MemoryJournal::default());
    let (intake, mut fed) = start(settings(), &journal, directory.path());
    journal.hold();
    {
        let body = line("a", 1);
        let waiting = send(&intake, &body);
        let result = tokio::time::timeout(Duration::from_millis(20), waiting).await;
        assert!(result.is_err(), "it cannot be answered while the journal is held");
    }
    journal.release();
    assert_eq!(fed.recv().await.unwrap().events.len(), 1);
    assert_eq!(send(&intake, &line("a", 1)).await.unwrap().duplicates, 1);
}

#[tokio::test]
async fn fixed_properties_are_in_every_event_and_retries_are_duplicates() {
    let directory = TempDir::new().unwrap();
    let journal = Arc::new(MemoryJournal::default());
    let (intake, mut fed) = start(settings(), &journal, directory.path());
    let key = |tenant: &str| -> Option<Arc<FixedProperties>> {
        let values = [("tenant".to_owned(), tenant.to_owned())];
        Some(Arc::new(std::collections::BTreeMap::from(values).try_into().unwrap()))
    };
    let send = async |body: &str, format: BodyFormat, fixed| {
        let (bytes, encoding) = (body.to_owned().into(), BodyEncoding::Identity);
        let body = EventBody {
            bytes,
            format,
            encoding,
            on_invalid: InvalidEventPolicy::Quarantine,
            fixed,
        };
        intake.submit(body, intake.admit().unwrap()).await
    };
    let lines = concat!(
        r#"{"id":"1","event":"x","properties":{"tenant":"evil","n":1.50}}"#,
        "\n",
        r#"{"id":"2","event":"x"}"#,
        "\nnope\n",
        r#"{"id":"3","event":"x","properties":7}"#,
    );
    let first = send(lines, BodyFormat::Ndjson, key("acme")).await.unwrap();
    assert_eq!((first.accepted, first.invalid.len()), (2, 2));
    let again = send(lines, BodyFormat::Ndjson, key("acme")).await.unwrap();
    assert_eq!((again.duplicates, again.conflicts.len()), (2, 0));
    let other = send(lines, BodyFormat::Ndjson, key("zeta")).await.unwrap();
    assert_eq!((other.duplicates, other.conflicts.len()), (0, 2), "another content");
    let call = r#"{"event":"x","messageId":"4","properties":{"tenant":"evil"}}"#;
    let track = BodyFormat::Segment(SegmentCall::Track);
    assert_eq!(send(call, track, key("acme")).await.unwrap().accepted, 1);
    let head = CloudEventHead {
        specversion: Some("1.0".to_owned()),
        id: Some("5".to_owned()),
        source: Some("s".to_owned()),
        kind: Some("x".to_owned()),
        ..CloudEventHead::default()
    };
    let cloud = BodyFormat::CloudEventData(Arc::new(head));
    assert_eq!(send(r#"{"tenant":"evil"}"#, cloud, key("acme")).await.unwrap().accepted, 1);
    intake.shutdown().await;
    let mut properties = Vec::new();
    while let Some(committed) = fed.recv().await {
        let events = &committed.events;
        properties.extend(events.properties().iter().map(|text| text.unwrap().to_owned()));
    }
    let acme = r#"{"tenant":"acme"}"#;
    assert_eq!(properties, [r#"{"tenant":"acme","n":1.50}"#, acme, acme, acme]);
    let kept = intake.quarantine().list(None, None, 10).entries;
    assert!(kept[0].event.raw.text.contains("nope"), "as it was sent: {kept:?}");
    assert!(kept[2].event.raw.text.contains("evil"), "as it was sent: {kept:?}");
}

#[tokio::test]
async fn fixed_properties_do_not_make_an_event_too_large() {
    let directory = TempDir::new().unwrap();
    let journal = Arc::new(MemoryJournal::default());
    let (intake, _fed) = start(settings(), &journal, directory.path());
    let max = intake.limits().event_max_bytes;
    let event = |bytes: usize| {
        let empty = r#"{"event":"x","properties":{"a":""}}"#.len();
        format!(r#"{{"event":"x","properties":{{"a":"{}"}}}}"#, "y".repeat(bytes - empty))
    };
    let values = [("tenant".to_owned(), "acme".to_owned())];
    let fixed: FixedProperties = std::collections::BTreeMap::from(values).try_into().unwrap();
    let body = EventBody {
        bytes: format!("{}\n{}", event(max), event(max + 1)).into(),
        format: BodyFormat::Ndjson,
        encoding: BodyEncoding::Identity,
        on_invalid: InvalidEventPolicy::Quarantine,
        fixed: Some(Arc::new(fixed)),
    };
    let receipt = intake.submit(body, intake.admit().unwrap()).await.unwrap();
    assert_eq!((receipt.accepted, receipt.invalid.len()), (1, 1));
    assert!(receipt.invalid[0].message.contains(&format!("{} bytes", max + 1)));
}

async fn send_body(intake: &IntakeHandle, body: String, format: BodyFormat, key: &str) -> Receipt {
    let values = [("tenant".to_owned(), key.to_owned())];
    let fixed: FixedProperties = std::collections::BTreeMap::from(values).try_into().unwrap();
    let body = EventBody {
        bytes: body.into(),
        format,
        encoding: BodyEncoding::Identity,
        on_invalid: InvalidEventPolicy::Quarantine,
        fixed: (!key.is_empty()).then(|| Arc::new(fixed)),
    };
    intake.submit(body, intake.admit().unwrap()).await.unwrap()
}

#[tokio::test]
async fn a_key_in_a_body_is_nowhere_in_the_quarantine() {
    let directory = TempDir::new().unwrap();
    let journal = Arc::new(MemoryJournal::default());
    let (intake, _fed) = start(settings(), &journal, directory.path());
    let late = r#""event":"x","timestamp":"2099-01-01T00:00:00Z"}"#;
    let track = BodyFormat::Segment(SegmentCall::Track);
    for key in ["mgs_secret1", "mgs_secret2"] {
        let call = format!(r#"{{"writeKey":"{key}",{late}"#);
        let receipt = send_body(&intake, call, track.clone(), "").await;
        assert_eq!(receipt.invalid.len(), 1);
        let item = format!(r#"{{"write\u004Bey":"{key}",{late}"#);
        let batch = format!(r#"{{"writeKey":"{key}","batch":[{item}]}}"#);
        let receipt = send_body(&intake, batch, BodyFormat::SegmentBatch, "acme").await;
        assert_eq!(receipt.invalid.len(), 1);
    }
    let long = "y".repeat(intake.limits().event_max_bytes);
    let long = format!(r#"{{"writeKey":"mgs_secret3","a":"{long}",{late}"#);
    assert_eq!(send_body(&intake, long, track, "").await.invalid.len(), 1);
    let kept = intake.quarantine().list(None, None, 10).entries;
    let counts: Vec<u64> = kept.iter().map(|entry| entry.count).collect();
    assert_eq!(counts, [2, 2, 1], "the same event with another key is the same");
    assert!(!serde_json::to_string(&kept).unwrap().contains("secret"));
    intake.shutdown().await;
    let mut files = vec![directory.path().to_owned()];
    let mut bytes = 0;
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let text = String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
        assert!(!text.contains("secret"));
        bytes += text.len();
    }
    assert!(bytes > 0);
}

#[tokio::test]
async fn a_row_that_is_too_large_says_its_line_whatever_its_key_fixes() {
    let directory = TempDir::new().unwrap();
    let journal = Arc::new(MemoryJournal::default());
    let (intake, _fed) = start(settings(), &journal, directory.path());
    let long = "y".repeat(intake.limits().event_max_bytes - 2);
    for key in ["", "acme"] {
        let body = format!("event,a\nx,1\nx,{long}\n");
        let receipt = send_body(&intake, body, BodyFormat::Csv(Arc::default()), key).await;
        assert_eq!((receipt.accepted, receipt.invalid.len()), (1, 1));
        let said = &receipt.invalid[0].message;
        assert!(said.starts_with("line 3: "), "{key}: {said}");
    }
}
