//! What every journal promises, as one suite. Each rule has a test of its own that breaks it
//! (`journal_contract/tests.rs`).

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use crate::event::{Event, EventBatch, EventIdentities};
use crate::ids::{Boundary, Epoch, Offset, PartitionId};
use crate::journal::{AppendFailure, CommittedBatch, Journal, JournalError, JournalTail};

/// A log on which handles are opened, each as another process would.
pub trait JournalLog {
    /// Another handle on it, which has claimed nothing.
    ///
    /// # Errors
    /// As the journal says.
    fn open(&self) -> Result<Arc<dyn Journal>, JournalError>;
}

/// A rule: it gets what makes empty logs, and says how it was broken.
pub type JournalRule = fn(&dyn Fn() -> Box<dyn JournalLog>) -> Result<(), String>;

/// All rules, by name.
pub const JOURNAL_RULES: [(&str, JournalRule); 10] = [
    ("identity", keeps_its_identity),
    ("offsets", numbers_events_densely),
    ("durability", keeps_what_it_acknowledged),
    ("reading", reads_to_its_end),
    ("checksums", chains_checksums),
    ("epochs", seals_epochs),
    ("fence", refuses_older_fences),
    ("identities", reads_identities_of_its_events),
    ("trimming", trims_what_it_was_allowed_to),
    ("tail", follows_its_end),
];

/// Fails with all rules that a journal breaks.
///
/// # Panics
/// When it breaks one.
pub fn check_journal(fresh: &dyn Fn() -> Box<dyn JournalLog>) {
    let broken = broken_rules(fresh);
    assert!(broken.is_empty(), "{broken:#?}");
}

/// The rules that a journal breaks, each with how.
pub fn broken_rules(fresh: &dyn Fn() -> Box<dyn JournalLog>) -> Vec<(&'static str, String)> {
    let check = |(name, rule): (&'static str, JournalRule)| Some((name, rule(fresh).err()?));
    JOURNAL_RULES.into_iter().filter_map(check).collect()
}

macro_rules! expect_eq {
    ($found:expr, $expected:expr, $($what:tt)+) => {{
        let (found, expected) = ($found, $expected);
        if found != expected {
            let what = format!($($what)+);
            return Err(format!("{what}: {found:?}, expected {expected:?}"));
        }
    }};
}

type Checked<T = ()> = Result<T, String>;

fn ok<T>(result: Result<T, JournalError>) -> Checked<T> {
    result.map_err(|error| format!("unexpected: {error}"))
}

/// Events `[from, from + count)` of an endless row, no two alike.
fn events(from: u64, count: u64) -> EventBatch {
    let event = |n: u64| Event {
        id: format!("event-{n}"),
        content: (!n.is_multiple_of(3)).then_some(n.wrapping_mul(0x9E37_79B9_7F4A_7C15)),
        event: if n.is_multiple_of(2) { "view" } else { "order" }.to_owned(),
        time: 1_700_000_000_000_000 + i64::try_from(n).unwrap_or(i64::MAX),
        arrived: 1_700_000_000_000_000,
        subject: n.is_multiple_of(4).then(|| format!("user-{n}")),
        properties: (!n.is_multiple_of(5)).then(|| format!(r#"{{"amount":{n}.25}}"#)),
    };
    (from..from + count).map(event).collect()
}

/// A handle that may append.
fn writer(log: &dyn JournalLog) -> Checked<Arc<dyn Journal>> {
    let journal = ok(log.open())?;
    ok(journal.claim())?;
    Ok(journal)
}

/// Appends events in batches of these sizes, from the journal's end on.
fn append(journal: &dyn Journal, sizes: &[u64]) -> Checked<Vec<Arc<CommittedBatch>>> {
    sizes.iter().map(|size| ok(journal.append(&events(journal.end().0, *size)))).collect()
}

fn read(journal: &dyn Journal, from: u64) -> Checked<Vec<Arc<CommittedBatch>>> {
    ok(journal.read(Offset(from)))?.map(ok).collect()
}

/// The events of batches that must follow each other from `from` on.
fn joined(batches: &[Arc<CommittedBatch>], from: u64) -> Checked<EventBatch> {
    let mut at = Offset(from);
    for batch in batches {
        expect_eq!(batch.first, at, "a batch begins");
        at = batch.end();
    }
    let empty = EventBatch::empty();
    let parts = std::iter::once(&empty).chain(batches.iter().map(|batch| &batch.events));
    EventBatch::concat(parts).map_err(|error| error.to_string())
}

fn expect_events(journal: &dyn Journal, from: u64, to: u64) -> Checked {
    let found = joined(&read(journal, from)?, from)?;
    if found == events(from, to - from) {
        return Ok(());
    }
    Err(format!("reading from {from} gives {} events that are not [{from}, {to})", found.len()))
}

fn keeps_its_identity(fresh: &dyn Fn() -> Box<dyn JournalLog>) -> Checked {
    let log = fresh();
    let journal = writer(&*log)?;
    let id = journal.id();
    append(&*journal, &[2])?;
    expect_eq!(journal.id(), id, "the id after an append");
    expect_eq!(ok(log.open())?.id(), id, "the id of another handle");
    ok(journal.confirm())
}

fn numbers_events_densely(fresh: &dyn Fn() -> Box<dyn JournalLog>) -> Checked {
    let log = fresh();
    let journal = writer(&*log)?;
    expect_eq!((journal.start(), journal.end()), (Offset(0), Offset(0)), "an empty journal");
    let batches = append(&*journal, &[3, 1])?;
    ok(journal.seal())?;
    let more = append(&*journal, &[2])?;
    let batches: Vec<_> = batches.into_iter().chain(more).collect();
    for (batch, first) in batches.iter().zip([0, 3, 4]) {
        expect_eq!((batch.partition, batch.first), (PartitionId::ONLY, Offset(first)), "a batch");
    }
    expect_eq!((journal.start(), journal.end()), (Offset(0), Offset(6)), "after six events");
    let read = read(&*journal, 0)?;
    joined(&read, 0)?;
    let same = |a: &CommittedBatch| (a.partition, a.epoch, a.first, a.end(), a.checksum);
    let (read, live) = (read.iter().map(|b| same(b)), batches.iter().map(|b| same(b)));
    expect_eq!(read.collect::<Vec<_>>(), live.collect::<Vec<_>>(), "what is read");
    Ok(())
}

fn keeps_what_it_acknowledged(fresh: &dyn Fn() -> Box<dyn JournalLog>) -> Checked {
    let log = fresh();
    let journal = writer(&*log)?;
    for round in 0..4 {
        append(&*journal, &[2, 1])?;
        expect_events(&*journal, 0, 3 * (round + 1))?;
        let other = ok(log.open())?;
        expect_eq!(other.end(), journal.end(), "the end of another handle");
        expect_events(&*other, 0, 3 * (round + 1))?;
    }
    drop(journal);
    let journal = writer(&*log)?;
    append(&*journal, &[2])?;
    expect_events(&*journal, 0, 14)
}

fn reads_to_its_end(fresh: &dyn Fn() -> Box<dyn JournalLog>) -> Checked {
    let log = fresh();
    let journal = writer(&*log)?;
    append(&*journal, &[3, 2])?;
    ok(journal.seal())?;
    append(&*journal, &[4])?;
    for from in 0..=9 {
        expect_events(&*journal, from, 9)?;
    }
    let beyond = journal.read(Offset(10)).err();
    let is_refused = matches!(beyond, Some(JournalError::OutOfRange { asked: Offset(10), .. }));
    expect_eq!(is_refused, true, "reading beyond the end is refused");
    let early = ok(journal.read(Offset(9)))?;
    append(&*journal, &[1])?;
    expect_eq!(early.count(), 0, "batches of a reader from before they were appended");
    Ok(())
}

fn chains_checksums(fresh: &dyn Fn() -> Box<dyn JournalLog>) -> Checked {
    let log = fresh();
    let journal = writer(&*log)?;
    let mut batches = append(&*journal, &[3, 1])?;
    ok(journal.seal())?;
    batches.extend(append(&*journal, &[2])?);
    expect_eq!(ok(journal.checksum_at(Offset(0)))?, Some(0), "the checksum at 0");
    for batches in [batches, read(&*journal, 0)?, read(&*ok(log.open())?, 0)?] {
        let mut previous = 0;
        for batch in batches {
            expect_eq!(batch.previous, previous, "the checksum before {}", batch.first);
            let at_end = ok(journal.checksum_at(batch.end()))?;
            expect_eq!(at_end, Some(batch.checksum), "the checksum at {}", batch.end());
            previous = batch.checksum;
        }
    }
    expect_eq!(ok(journal.checksum_at(Offset(2)))?, None, "the checksum within a record");
    expect_eq!(ok(journal.checksum_at(Offset(7)))?, None, "the checksum beyond the end");
    // Two histories that part and meet again at the same offset, with the same last batch.
    let end_of = |first: EventBatch| {
        let log = fresh();
        let journal = writer(&*log)?;
        ok(journal.append(&first))?;
        Ok::<_, String>(ok(journal.append(&events(2, 1)))?.checksum)
    };
    let is_told = end_of(events(0, 2))? != end_of(events(5, 2))?;
    expect_eq!(is_told, true, "other events before have another checksum");
    Ok(())
}

fn seals_epochs(fresh: &dyn Fn() -> Box<dyn JournalLog>) -> Checked {
    let log = fresh();
    let journal = writer(&*log)?;
    let at = |epoch, offset| Boundary { epoch: Epoch(epoch), offset: Offset(offset) };
    expect_eq!(ok(journal.seal())?, at(0, 0), "sealing nothing");
    append(&*journal, &[2, 1])?;
    for _ in 0..2 {
        expect_eq!(ok(journal.seal())?, at(1, 3), "sealing three events, and then nothing");
    }
    append(&*journal, &[2])?;
    expect_eq!(ok(journal.seal())?, at(2, 5), "sealing two more");
    append(&*journal, &[1])?;
    for journal in [Arc::clone(&journal), ok(log.open())?] {
        let epochs: Vec<_> = read(&*journal, 0)?.iter().map(|batch| batch.epoch.0).collect();
        expect_eq!(epochs, vec![0, 0, 1, 2], "the epochs of the batches");
    }
    Ok(())
}

fn refuses_older_fences(fresh: &dyn Fn() -> Box<dyn JournalLog>) -> Checked {
    let log = fresh();
    let unclaimed = ok(log.open())?;
    expect_fenced(&*unclaimed, "an append without a claim")?;
    let old = ok(log.open())?;
    let first = ok(old.claim())?;
    append(&*old, &[2])?;
    ok(old.confirm_claim())?;
    let new = ok(log.open())?;
    let second = ok(new.claim())?;
    expect_eq!(second > first, true, "a later claim is higher");
    let confirmed = matches!(old.confirm_claim(), Err(JournalError::Fenced { .. }));
    expect_eq!(confirmed, true, "an older claim is not confirmed");
    ok(new.confirm_claim())?;
    for _ in 0..2 {
        expect_fenced(&*old, "an append by an older claim")?;
    }
    let sealed = matches!(old.seal(), Err(JournalError::Fenced { .. }));
    expect_eq!(sealed, true, "a seal by an older claim is refused");
    append(&*new, &[1])?;
    expect_events(&*new, 0, 3)?;
    let third = ok(new.claim())?;
    expect_eq!(third > second, true, "a claim anew is higher");
    append(&*new, &[1])?;
    expect_events(&*ok(log.open())?, 0, 4)
}

fn expect_fenced(journal: &dyn Journal, what: &str) -> Checked {
    match journal.append(&events(0, 1)) {
        Err(error @ JournalError::Fenced { .. }) => {
            expect_eq!(error.append_failure(), AppendFailure::Ended, "{what}");
            Ok(())
        }
        other => Err(format!("{what}: {other:?}, expected to be refused as fenced")),
    }
}

fn reads_identities_of_its_events(fresh: &dyn Fn() -> Box<dyn JournalLog>) -> Checked {
    let log = fresh();
    let journal = writer(&*log)?;
    append(&*journal, &[4, 1])?;
    ok(journal.seal())?;
    append(&*journal, &[3])?;
    for from in 0..=8 {
        let found: Vec<_> =
            ok(journal.read_identities(Offset(from)))?.map(ok).collect::<Checked<_>>()?;
        let expected = read(&*journal, from)?;
        let expected = expected.iter().map(|b| (b.first, EventIdentities::of(&b.events)));
        expect_eq!(found, expected.collect::<Vec<_>>(), "the identities from {from} on");
    }
    let is_refused = journal.read_identities(Offset(9)).is_err();
    expect_eq!(is_refused, true, "identities beyond the end are refused");
    Ok(())
}

fn trims_what_it_was_allowed_to(fresh: &dyn Fn() -> Box<dyn JournalLog>) -> Checked {
    let log = fresh();
    let journal = writer(&*log)?;
    append(&*journal, &[2, 1])?;
    ok(journal.seal())?;
    append(&*journal, &[2])?;
    ok(journal.seal())?;
    append(&*journal, &[4])?;
    let last = ok(journal.checksum_at(Offset(9)))?;
    for (below, at_most) in [(0, 0), (2, 2), (3, 3), (4, 4), (5, 5), (9, 9)] {
        let start = ok(journal.trim(Offset(below)))?;
        expect_eq!(start, journal.start(), "what a trim returns");
        expect_eq!(start <= Offset(at_most), true, "trimmed below {below}, it begins at {start}");
        // What lies in front of an epoch's end goes, once the epoch is whole below.
        let at_least = [3, 5].into_iter().filter(|end| *end <= below).max().unwrap_or(0);
        expect_eq!(start >= Offset(at_least), true, "trimmed below {below}, it begins at {start}");
        expect_events(&*journal, start.0, 9)?;
        expect_eq!(journal.end(), Offset(9), "the end after a trim");
    }
    expect_eq!(journal.read(Offset(2)).is_err(), true, "what was trimmed is out of range");
    expect_eq!(ok(journal.checksum_at(Offset(9)))?, last, "the checksum at the end");
    append(&*journal, &[1])?;
    let other = ok(log.open())?;
    expect_eq!(other.start(), journal.start(), "the start of another handle");
    expect_events(&*other, other.start().0, 10)
}

/// Whether it was woken.
#[derive(Debug, Default)]
struct WakeFlag(AtomicBool);

impl Wake for WakeFlag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Reads from a tail until it waits.
fn follow(tail: &mut JournalTail, woken: &Arc<WakeFlag>) -> Checked<Vec<Arc<CommittedBatch>>> {
    let waker = Waker::from(Arc::clone(woken));
    let mut batches = Vec::new();
    loop {
        let next = pin!(tail.next());
        match next.poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(batch) => batches.push(ok(batch)?),
            Poll::Pending => return Ok(batches),
        }
        if batches.len() > 100 {
            return Err("a tail does not come to its end".to_owned());
        }
    }
}

fn follows_its_end(fresh: &dyn Fn() -> Box<dyn JournalLog>) -> Checked {
    let log = fresh();
    let journal = writer(&*log)?;
    append(&*journal, &[2, 3])?;
    let mut tail = ok(JournalTail::new(Arc::clone(&journal), Offset(1)))?;
    let woken = Arc::new(WakeFlag::default());
    let batches = follow(&mut tail, &woken)?;
    expect_eq!(joined(&batches, 1)?.len(), 4, "events that were there");
    expect_eq!(woken.0.load(Ordering::SeqCst), false, "it was woken before an append");
    for (at, is_sealed) in [(5, false), (8, true), (11, true), (14, false)] {
        if is_sealed {
            ok(journal.seal())?;
        }
        append(&*journal, &[1, 2])?;
        expect_eq!(woken.0.swap(false, Ordering::SeqCst), true, "it was woken by an append");
        let batches = follow(&mut tail, &woken)?;
        let is_same = joined(&batches, at)? == events(at, 3);
        expect_eq!(is_same, true, "the events that were appended come once");
    }
    Ok(())
}

#[cfg(test)]
mod tests;
