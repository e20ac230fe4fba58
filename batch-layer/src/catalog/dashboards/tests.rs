//! Dashboards against each other, against other publications, and against a naive map.

use std::collections::BTreeMap;

use merganser_core::clock::{Clock, ManualClock};
use merganser_core::journal::Journal;
use merganser_core::testing::MemoryJournal;
use merganser_core::time::Timestamp;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::catalog::CatalogSettings;
use crate::job::RunQueue;
use crate::manifest::{ManifestStore, RunOutcome};
use crate::schedule::Schedule;
use crate::storage::Storage;
use crate::testing::definition;

/// A process of its own on the same storage.
async fn open(storage: &Storage, journal: &Arc<dyn Journal>) -> BatchCatalog {
    let settings = CatalogSettings { grace_ms: 0, ..CatalogSettings::default() };
    let clock = ManualClock::at(Timestamp(7)) as Arc<dyn Clock>;
    let (storage, journal) = (storage.clone(), Arc::clone(journal));
    BatchCatalog::open(settings, storage, journal, clock, RunQueue::default()).await.unwrap()
}

async fn new() -> (Storage, Arc<dyn Journal>, BatchCatalog) {
    let storage = Storage::new(Arc::new(object_store::memory::InMemory::new()));
    let journal = MemoryJournal::new(7);
    journal.claim().unwrap();
    let journal: Arc<dyn Journal> = Arc::new(journal);
    let catalog = open(&storage, &journal).await;
    (storage, journal, catalog)
}

fn draft(name: &str, title: &str) -> DashboardDraft {
    let document = json!({ "title": title, "charts": [] });
    DashboardDraft { name: name.to_owned(), title: title.to_owned(), charts: 0, document }
}

fn summary(outcome: DashboardOutcome) -> DashboardSummary {
    match outcome {
        DashboardOutcome::Created(summary)
        | DashboardOutcome::Changed(summary)
        | DashboardOutcome::Unchanged(summary) => summary,
    }
}

#[tokio::test]
async fn a_version_takes_the_place_of_the_one_that_was_expected() {
    let (storage, journal, catalog) = new().await;
    let write = async |title: &str, expected| catalog.write(draft("sales", title), expected).await;
    let made = write("one", ExpectedVersion::Absent).await.unwrap();
    assert!(matches!(&made, DashboardOutcome::Created(_)));
    let first = summary(made).version;
    let changed = Err(DashboardError::Changed("sales".to_owned()));
    assert_eq!(write("two", ExpectedVersion::Absent).await, changed);
    assert_eq!(write("two", ExpectedVersion::Exactly("other".to_owned())).await, changed);
    let same = write("one", ExpectedVersion::Exactly(first.clone())).await.unwrap();
    assert!(matches!(&same, DashboardOutcome::Unchanged(same) if same.version == first));
    let second = write("two", ExpectedVersion::Exactly(first.clone())).await.unwrap();
    assert!(matches!(&second, DashboardOutcome::Changed(_)));
    assert_eq!(write("three", ExpectedVersion::Exactly(first.clone())).await, changed);

    let second = summary(second);
    let reopened = open(&storage, &journal).await;
    let found = reopened.read("sales").await.unwrap();
    assert_eq!((&found.summary, &found.document["title"]), (&second, &json!("two")));
    assert_eq!(catalog.list(), reopened.list());
    // What it took the place of is collected, and no more.
    catalog.collect_garbage().await.unwrap();
    assert!(storage.read(&dashboard_path(&first)).await.is_err());
    assert!(catalog.read("sales").await.is_ok());

    let delete = async |name, expected| DashboardCatalog::delete(&catalog, name, expected).await;
    let unknown = Err(DashboardError::Unknown("sale".to_owned()));
    assert_eq!(delete("sale", ExpectedVersion::Any).await, unknown);
    assert_eq!(delete("sales", ExpectedVersion::Exactly(first)).await, changed.map(|_| ()));
    delete("sales", ExpectedVersion::Exactly(second.version.clone())).await.unwrap();
    assert!(catalog.list().is_empty() && catalog.read("sales").await.is_err());
    catalog.collect_garbage().await.unwrap();
    assert!(storage.list("dashboards").await.unwrap().is_empty());
}

/// Of many who read the same version and change it, one gets in; the others learn of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_who_change_the_same_version_one_learns_of_it() {
    let (storage, journal, one) = new().await;
    let other = open(&storage, &journal).await;
    let made = one.write(draft("sales", "begin"), ExpectedVersion::Any).await.unwrap();
    let mut version = summary(made).version;
    for round in 0..10 {
        let writes = (0..8).map(|n| {
            // Half of them by another process, which has not seen the last write yet.
            let catalog = if n % 2 == 0 { one.clone() } else { other.clone() };
            let expected = ExpectedVersion::Exactly(version.clone());
            let draft = draft("sales", &format!("{round}-{n}"));
            tokio::spawn(async move { catalog.write(draft, expected).await })
        });
        let written = futures::future::join_all(writes).await;
        let won: Vec<_> = written.into_iter().filter_map(|done| done.unwrap().ok()).collect();
        assert_eq!(won.len(), 1, "round {round}: {won:?}");
        version = summary(won[0].clone()).version;
        let reopened = open(&storage, &journal).await;
        assert_eq!(reopened.list()[0].version, version, "round {round}");
        // The other process sees it with its next publication.
        let schedule = ManifestChange::Schedule(Schedule::default());
        one.publish(schedule.clone()).await.unwrap();
        other.publish(schedule).await.unwrap();
    }
}

/// Publications of runs, definitions and dashboards, by two processes at once: none is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_publication_loses_what_another_published() {
    let (storage, journal, one) = new().await;
    let other = open(&storage, &journal).await;
    let dashboards = |catalog: BatchCatalog, who: &'static str| async move {
        for n in 0..10 {
            let draft = draft(&format!("{who}{n}"), who);
            catalog.write(draft, ExpectedVersion::Absent).await.unwrap();
        }
    };
    let runs = async {
        for _ in 0..20 {
            one.publish(ManifestChange::Run(RunOutcome::default())).await.unwrap();
        }
    };
    let metrics = async {
        for n in 0..10 {
            let mut metric = definition("m");
            metric.name = format!("m{n}");
            other.define(metric).await.unwrap();
        }
    };
    tokio::join!(dashboards(one.clone(), "a"), dashboards(other.clone(), "b"), runs, metrics);
    let found = open(&storage, &journal).await;
    let names: Vec<String> = found.list().into_iter().map(|one| one.name).collect();
    let expected = ["a", "b"].map(|who| (0..10).map(move |n| format!("{who}{n}")));
    assert_eq!(names, expected.into_iter().flatten().collect::<Vec<_>>());
    for name in &names {
        assert_eq!(found.read(name).await.unwrap().document["title"], name[..1]);
    }
    assert_eq!(found.current().names().len(), 10);
    assert_eq!(found.current().generation.0, 20 + 20 + 10);
}

#[derive(Clone, Debug)]
enum Step {
    Write { by: usize, name: usize, title: u8, sees: bool },
    Delete { by: usize, name: usize, sees: bool },
    Other { by: usize },
    Restart { who: usize },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..2_usize, 0..3_usize, 0..3_u8, any::<bool>())
            .prop_map(|(by, name, title, sees)| Step::Write { by, name, title, sees }),
        2 => (0..2_usize, 0..3_usize, any::<bool>())
            .prop_map(|(by, name, sees)| Step::Delete { by, name, sees }),
        2 => (0..2_usize).prop_map(|by| Step::Other { by }),
        1 => (0..2_usize).prop_map(|who| Step::Restart { who }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Two processes that take turns, of which one may not have seen what the other did: what is
    /// published is what a map of names to titles and numbers of writes says.
    #[test]
    fn what_is_there_is_what_a_map_says(steps in proptest::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (storage, journal, first) = new().await;
            let mut processes = [first.clone(), open(&storage, &journal).await];
            let mut naive: BTreeMap<String, (u8, String)> = BTreeMap::new();
            for step in steps {
                match step {
                    Step::Write { by, name, title, sees } => {
                        let name = format!("d{name}");
                        let newest = naive.get(&name).map(|(_, version)| version.clone());
                        let expected = match (sees, &newest) {
                            (true, Some(version)) => ExpectedVersion::Exactly(version.clone()),
                            (true, None) => ExpectedVersion::Absent,
                            (false, _) => ExpectedVersion::Exactly("stale".to_owned()),
                        };
                        let catalog = &processes[by];
                        let draft = draft(&name, &title.to_string());
                        match catalog.write(draft, expected).await {
                            Ok(outcome) => {
                                assert!(sees);
                                naive.insert(name, (title, summary(outcome).version));
                            }
                            // A process that has not seen the newest version refuses it, too.
                            Err(DashboardError::Changed(_)) => {}
                            Err(other) => panic!("{other}"),
                        }
                    }
                    Step::Delete { by, name, sees } => {
                        let name = format!("d{name}");
                        let newest = naive.get(&name).map(|(_, version)| version.clone());
                        let expected = newest.filter(|_| sees).unwrap_or("stale".to_owned());
                        let expected = ExpectedVersion::Exactly(expected);
                        if DashboardCatalog::delete(&processes[by], &name, expected).await.is_ok() {
                            assert!(naive.remove(&name).is_some() && sees);
                        }
                    }
                    Step::Other { by } => {
                        let change = ManifestChange::Schedule(Schedule::default());
                        processes[by].publish(change).await.unwrap();
                    }
                    Step::Restart { who } => processes[who] = open(&storage, &journal).await,
                }
                let found = ManifestStore::open(storage.clone(), journal.id(), false, Timestamp(0));
                let found = found.await.unwrap().current();
                let found = found.dashboards.iter().map(|one| {
                    (one.name.clone(), (one.title.parse().unwrap(), one.version.clone()))
                });
                assert_eq!(found.collect::<BTreeMap<_, _>>(), naive);
            }
        });
    }
}

#[tokio::test]
async fn there_are_so_many_dashboards_and_no_more() {
    let some = |n: usize| DashboardSummary {
        name: format!("d{n}"),
        title: String::new(),
        charts: 0,
        updated_at: Timestamp(0),
        version: n.to_string(),
    };
    let all: Vec<DashboardSummary> = (0..1000).map(some).collect();
    let write = |n| DashboardChange::Write { summary: some(n), expected: ExpectedVersion::Any };
    assert_eq!(write(1000).check(&all), Err(DashboardError::TooMany));
    assert_eq!(write(999).check(&all), Ok(()), "it takes the place of one");
    assert_eq!(write(1000).check(&all[1..]), Ok(()));
}
