//! Random histories of a journal against a plain vector.

use merganser_core::event::EventIdentities;
use object_store::memory::InMemory;
use proptest::prelude::*;

use super::super::ObjectJournal;
use super::*;

#[derive(Clone, Debug)]
enum Step {
    Append(u64),
    Seal,
    Reopen,
    /// A position between start and end, in thousandths.
    Trim(u64),
    Read(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1u64..12).prop_map(Step::Append),
        2 => Just(Step::Seal),
        1 => Just(Step::Reopen),
        1 => (0u64..1100).prop_map(Step::Trim),
        3 => (0u64..=1000).prop_map(Step::Read),
    ]
}

/// What the journal must hold: for each event, the epoch; for each record, its end and checksum.
#[derive(Default)]
struct Oracle {
    epochs: Vec<Epoch>,
    ends: Vec<(Offset, u32)>,
    epoch: Epoch,
    epoch_first: Offset,
    start: Offset,
}

impl Oracle {
    fn end(&self) -> Offset {
        Offset(self.epochs.len() as u64)
    }

    fn at(&self, thousandths: u64) -> Offset {
        self.start.plus(self.end().since(self.start) * thousandths / 1000)
    }

    fn append(&mut self, journal: &dyn Journal, count: u64) {
        let end = self.end();
        let committed = journal.append(&events(end.0, count)).unwrap();
        assert_eq!((committed.epoch, committed.first), (self.epoch, end));
        self.epochs.extend((0..count).map(|_| self.epoch));
        self.ends.push((self.end(), committed.checksum));
    }

    fn seal(&mut self, journal: &dyn Journal) {
        if self.end() > self.epoch_first {
            self.epoch = self.epoch.next();
            self.epoch_first = self.end();
        }
        let boundary = Boundary { epoch: self.epoch, offset: self.epoch_first };
        assert_eq!(journal.seal().unwrap(), boundary);
    }

    fn trim(&mut self, journal: &dyn Journal, below: Offset) {
        let start = journal.trim(below).unwrap();
        assert!(self.start <= start && start <= below.max(self.start));
        self.start = start;
    }

    fn check(&self, journal: &dyn Journal, from: Offset) {
        assert_eq!((journal.start(), journal.end()), (self.start, self.end()));
        let mut at = from;
        let mut identities = journal.read_identities(from).unwrap();
        for committed in journal.read(from).unwrap() {
            let committed = committed.unwrap();
            let identity = (committed.first, EventIdentities::of(&committed.events));
            assert_eq!(identities.next().unwrap().unwrap(), identity);
            let count = committed.events.len() as u64;
            assert_eq!(committed.first, at);
            assert_eq!(committed.events, events(at.0, count));
            let epochs = &self.epochs[at.0 as usize..(at.0 + count) as usize];
            assert!(epochs.iter().all(|epoch| *epoch == committed.epoch));
            at = committed.end();
            assert!(self.ends.contains(&(at, committed.checksum)));
        }
        assert_eq!(at, self.end());
        assert!(identities.next().is_none());
        for (end, checksum) in self.ends.iter().filter(|(end, _)| *end >= self.start) {
            assert_eq!(journal.checksum_at(*end).unwrap(), Some(*checksum));
        }
    }
}

/// Does the same to a journal and to a vector. `open` opens and claims what is there.
fn check_history(steps: Vec<Step>, open: &dyn Fn() -> Box<dyn Journal>) {
    let mut journal = open();
    let mut oracle = Oracle::default();
    for step in steps {
        match step {
            Step::Append(count) => oracle.append(&*journal, count),
            Step::Seal => oracle.seal(&*journal),
            Step::Reopen => {
                drop(journal);
                journal = open();
            }
            Step::Trim(at) => {
                let below = oracle.at(at);
                oracle.trim(&*journal, below);
            }
            Step::Read(at) => oracle.check(&*journal, oracle.at(at)),
        }
    }
    oracle.check(&*journal, oracle.start);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn any_history_in_files_reads_as_a_vector_would(
        steps in proptest::collection::vec(step(), 1..40),
    ) {
        let directory = TempDir::new().unwrap();
        check_history(steps, &|| Box::new(open_hastily(directory.path()).unwrap()));
    }

    #[test]
    fn any_history_in_a_storage_reads_as_a_vector_would(
        steps in proptest::collection::vec(step(), 1..40),
    ) {
        let store = Arc::new(InMemory::new());
        check_history(steps, &|| {
            let journal = ObjectJournal::open(Arc::clone(&store) as _, small()).unwrap();
            journal.claim().unwrap();
            Box::new(journal)
        });
    }
}
