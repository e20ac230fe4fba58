//! What only a journal in a storage can get wrong: names that others take, answers that get lost,
//! objects that go while they are read.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use futures::TryStreamExt;
use futures::executor::block_on;
use merganser_core::event::{Event, EventBatch};
use merganser_core::journal::{Journal, JournalError};
use merganser_core::testing::{JournalLog, check_journal};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use super::*;
use crate::testing::{ForgetfulStore, damages};

/// A storage on which handles are opened.
struct SharedStore(Arc<dyn ObjectStore>);

impl JournalLog for SharedStore {
    fn open(&self) -> Result<Arc<dyn Journal>, JournalError> {
        let store = Arc::clone(&self.0);
        Ok(Arc::new(ObjectJournal::open(store, JournalSettings::default())?))
    }
}

fn open(store: &Arc<InMemory>) -> ObjectJournal {
    let store = Arc::clone(store) as Arc<dyn ObjectStore>;
    ObjectJournal::open(store, JournalSettings::default()).unwrap()
}

fn claimed(store: &Arc<InMemory>) -> ObjectJournal {
    let journal = open(store);
    journal.claim().unwrap();
    journal
}

/// Events of these numbers.
fn events(numbers: impl IntoIterator<Item = u64>) -> EventBatch {
    let event = |n: u64| Event {
        id: format!("event-{n}"),
        content: Some(n),
        event: "view".to_owned(),
        time: 1_700_000_000_000_000 + n as i64,
        arrived: 1_700_000_000_000_000,
        subject: None,
        properties: Some(format!(r#"{{"n":{n}}}"#)),
    };
    numbers.into_iter().map(event).collect()
}

/// The numbers of all events from `from` on, in order.
fn read(journal: &dyn Journal, from: u64) -> Result<Vec<u64>, JournalError> {
    let mut numbers = Vec::new();
    for batch in journal.read(Offset(from))? {
        numbers.extend(batch?.events.contents().iter().flatten());
    }
    Ok(numbers)
}

fn names(store: &InMemory) -> Vec<String> {
    let objects: Vec<_> = block_on(store.list(None).try_collect()).unwrap();
    let mut names: Vec<String> = objects.iter().map(|object| object.location.to_string()).collect();
    names.sort();
    names
}

#[test]
fn it_keeps_what_every_journal_promises() {
    check_journal(&|| Box::new(SharedStore(Arc::new(InMemory::new()))));
}

#[test]
fn it_keeps_it_where_answers_get_lost() {
    check_journal(&|| Box::new(SharedStore(Arc::new(ForgetfulStore::of("journal")))));
}

/// Writers claim the journal from each other as fast as they can. What one of them was told to be
/// appended is there once, what it was told to be refused is not there, and all see the same.
#[test]
fn of_writers_that_race_each_batch_counts_once_or_not_at_all() {
    let store = Arc::new(InMemory::new());
    let next = AtomicU64::new(0);
    let race = || {
        let (mut appended, mut refused) = (BTreeSet::new(), BTreeSet::new());
        for _ in 0..40 {
            let journal = open(&store);
            match journal.claim() {
                // Another one has claimed behind it.
                Err(JournalError::Fenced { .. }) => continue,
                claimed => drop(claimed.unwrap()),
            }
            for _ in 0..4 {
                let number = next.fetch_add(1, Ordering::SeqCst);
                match journal.append(&events([number])) {
                    Ok(_) => assert!(appended.insert(number)),
                    Err(JournalError::Fenced { .. }) => {
                        assert!(refused.insert(number));
                        break;
                    }
                    Err(other) => panic!("{other}"),
                }
            }
        }
        (appended, refused)
    };
    let results: Vec<_> = thread::scope(|scope| {
        let racers: Vec<_> = (0..4).map(|_| scope.spawn(race)).collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).collect()
    });
    let appended: BTreeSet<u64> = results.iter().flat_map(|(a, _)| a.clone()).collect();
    let refused = results.iter().map(|(_, refused)| refused.len()).sum::<usize>();
    assert!(refused > 10, "they hardly met: {refused}");
    let found = read(&open(&store), 0).unwrap();
    assert_eq!(found.len(), appended.len());
    assert_eq!(found.iter().copied().collect::<BTreeSet<_>>(), appended);
}

/// A writer that slept while everything that it knows was deleted does not find its name free.
#[test]
fn a_writer_of_long_ago_is_refused_after_everything_was_trimmed() {
    let store = Arc::new(InMemory::new());
    let old = claimed(&store);
    old.append(&events(0..3)).unwrap();
    let new = claimed(&store);
    for number in 3..20 {
        new.append(&events([number])).unwrap();
        new.seal().unwrap();
        new.trim(Offset(number + 1)).unwrap();
    }
    assert_eq!((new.start(), new.end()), (Offset(20), Offset(20)));
    let error = old.append(&events([99])).unwrap_err();
    assert!(matches!(error, JournalError::Fenced { .. }), "{error}");
    let newest = claimed(&store);
    assert_eq!((newest.start(), newest.end()), (Offset(20), Offset(20)));
    newest.append(&events([20])).unwrap();
    assert_eq!(read(&newest, 20).unwrap(), [20]);
    assert!(names(&store).len() < 12, "{:?}", names(&store));
}

#[test]
fn an_open_epoch_is_joined_but_for_its_newest_entries() {
    let store = Arc::new(InMemory::new());
    let journal = claimed(&store);
    (0..1200).for_each(|n| drop(journal.append(&events([n])).unwrap()));
    // Who follows is behind, and finds its way.
    let follower = open(&store);
    (1200..1500).for_each(|n| drop(journal.append(&events([n])).unwrap()));
    for _ in 0..2 {
        journal.trim(Offset(0)).unwrap();
        let left = names(&store).len();
        assert!((256..600).contains(&left), "{left} objects are left");
    }
    follower.follow().unwrap();
    for journal in [&journal, &follower, &open(&store)] {
        assert_eq!(read(journal, 0).unwrap(), (0..1500).collect::<Vec<u64>>());
        assert_eq!(read(journal, 700).unwrap(), (700..1500).collect::<Vec<u64>>());
    }
    // The next owner goes on from there, and an epoch that has ended is joined whole.
    let next = claimed(&store);
    next.append(&events([1500])).unwrap();
    assert!(journal.append(&events([1501])).is_err());
    next.seal().unwrap();
    next.append(&events([1501])).unwrap();
    next.trim(Offset(0)).unwrap();
    assert!(names(&store).len() < 20, "{:?}", names(&store));
    assert_eq!(read(&open(&store), 0).unwrap(), (0..1502).collect::<Vec<u64>>());
}

#[test]
fn ended_epochs_are_joined_and_read_by_whoever_knew_their_entries() {
    let store = Arc::new(InMemory::new());
    let journal = claimed(&store);
    let other = {
        (0..30).for_each(|n| drop(journal.append(&events([n])).unwrap()));
        open(&store)
    };
    let (checksum, mut early) =
        (journal.checksum_at(Offset(17)).unwrap(), other.read(Offset(0)).unwrap());
    assert_eq!(early.next().unwrap().unwrap().first, Offset(0));
    let before = (names(&store).len(), journal.size_bytes());
    journal.seal().unwrap();
    journal.append(&events([30])).unwrap();
    journal.trim(Offset(0)).unwrap();
    let after = names(&store).len();
    assert!(after < 6, "{before:?} objects became {:?}", names(&store));
    assert!(journal.size_bytes() > before.1, "its size counts what is joined");
    // A reader of before, a handle of before, and a new one.
    let rest: Vec<u64> = early
        .flat_map(|batch| batch.unwrap().events.contents().iter().flatten().collect::<Vec<_>>())
        .collect();
    assert_eq!(rest, (1..30).collect::<Vec<u64>>());
    for journal in [&journal, &open(&store)] {
        assert_eq!(read(journal, 0).unwrap(), (0..31).collect::<Vec<u64>>());
        assert_eq!(read(journal, 17).unwrap(), (17..31).collect::<Vec<u64>>());
        assert_eq!(journal.checksum_at(Offset(17)).unwrap(), checksum);
    }
    // Entries that a crash left beside their segment are deleted by the next trim.
    let again = claimed(&store);
    again.trim(Offset(30)).unwrap();
    assert_eq!(again.start(), Offset(30));
    assert_eq!(read(&again, 30).unwrap(), [30]);
}

/// Whatever becomes of an object's bytes, what is read is what was written, or an error.
#[test]
fn damage_is_an_error() {
    let store = Arc::new(InMemory::new());
    let journal = claimed(&store);
    journal.append(&events(0..2)).unwrap();
    journal.append(&events(2..3)).unwrap();
    journal.seal().unwrap();
    journal.append(&events(3..4)).unwrap();
    let expected: Vec<u64> = (0..4).collect();
    let mut errors = 0;
    for name in names(&store) {
        let path = Path::from(name.as_str());
        let whole = block_on(async { store.get(&path).await.unwrap().bytes().await.unwrap() });
        for bytes in damages(&whole) {
            block_on(store.put(&path, bytes.into())).unwrap();
            let opened = ObjectJournal::open(Arc::clone(&store) as _, JournalSettings::default());
            match opened.and_then(|journal| read(&journal, 0)) {
                Ok(found) => assert_eq!(found, expected, "{name}"),
                Err(JournalError::Corrupt(_) | JournalError::Io(_)) => errors += 1,
                Err(other) => panic!("{name}: {other}"),
            }
        }
        block_on(store.put(&path, whole.into())).unwrap();
    }
    assert!(errors > 1000, "{errors} damages were noticed");
    // An object that is gone hides what is before it; what is asked for is out of range.
    let gone = names(&store).into_iter().find(|name| name.ends_with("0000000002")).unwrap();
    block_on(store.delete(&Path::from(gone))).unwrap();
    let error = read(&open(&store), 0).unwrap_err();
    assert!(matches!(error, JournalError::OutOfRange { .. }), "{error}");
}
