//! Publications against each other.

mod lost_answers;

use super::*;
use crate::storage::Storage;
use crate::testing::{at, outcome};
use merganser_core::access::{KeyChange, KeyDigest, Role};

fn definition(name: &str) -> MetricDefinition {
    let text = format!(r#"{{"name":"{name}","event":"e","measures":{{"n":{{"kind":"count"}}}}}}"#);
    merganser_metric::definition::from_json(text.as_bytes()).unwrap()
}

fn define(name: &str, start: Boundary) -> ManifestChange {
    ManifestChange::Define { definition: Box::new(definition(name)), start }
}

fn journal() -> JournalId {
    JournalId(uuid::Uuid::from_u128(7))
}

#[test]
fn a_change_before_the_first_event_answers_at_once_and_a_later_one_backfills() {
    let now = Timestamp(0);
    let state = ManifestState::new(journal(), now).apply(&define("m", at(0, 0)), now).unwrap();
    assert_eq!(state.manifest.metrics[0].stage, LifecycleStage::Active);
    let state = state.apply(&define("m", at(3, 100)), now).unwrap();
    let stages: Vec<_> = state.manifest.metrics.iter().map(|m| (m.version, m.stage)).collect();
    assert_eq!(stages, [(1, LifecycleStage::Active), (2, LifecycleStage::Backfilling)]);
    // A third definition takes the place of the one that has not answered yet.
    let state = state.apply(&define("m", at(4, 120)), now).unwrap();
    let versions: Vec<_> = state.manifest.metrics.iter().map(|m| (m.id.0, m.version)).collect();
    assert_eq!(versions, [(1, 1), (3, 3)]);
    assert_eq!(state.covered_boundary(), at(0, 0));
    // Its backfill swaps it in.
    let state = state.apply(&outcome(3, at(4, 120), at(4, 120)), now).unwrap();
    assert_eq!(state.manifest.metrics.len(), 1);
    assert_eq!(state.manifest.metrics[0].stage, LifecycleStage::Active);
    // The loser's outcome finds its metric gone and changes nothing.
    let after = state.apply(&outcome(1, at(0, 0), at(4, 120)), now).unwrap();
    assert_eq!(after.manifest.metrics, state.manifest.metrics);
}

#[test]
fn an_outcome_on_another_boundary_is_discarded() {
    let now = Timestamp(0);
    let state = ManifestState::new(journal(), now).apply(&define("m", at(0, 0)), now).unwrap();
    let state = state.apply(&outcome(1, at(0, 0), at(1, 10)), now).unwrap();
    assert!(state.apply(&outcome(1, at(0, 0), at(2, 20)), now).is_err());
    let archive = |from, to| {
        ManifestChange::Run(RunOutcome { archived: Some((from, to)), ..RunOutcome::default() })
    };
    let state = state.apply(&archive(at(0, 0), at(1, 10)), now).unwrap();
    assert!(state.apply(&archive(at(0, 0), at(1, 10)), now).is_err());
}

#[test]
fn a_key_is_there_until_it_is_revoked_and_the_last_of_its_role_stays() {
    let key = |id: &str, role| {
        ManifestChange::Keys(KeyChange::Create(Arc::new(AccessKey {
            id: id.to_owned(),
            digest: KeyDigest([7; 32]),
            role,
            scope: Arc::default(),
            set: None,
            created_at: Timestamp(0),
            expires_at: None,
            requests_per_s: None,
            note: None,
        })))
    };
    let revoke = |id: &str| ManifestChange::Keys(KeyChange::Revoke(id.to_owned()));
    let now = Timestamp(0);
    let state = ManifestState::new(journal(), now);
    assert!(state.apply(&key("r", Role::Read), now).is_err());
    let state = state.apply(&key("a", Role::Admin), now).unwrap();
    let state = state.apply(&key("r", Role::Read), now).unwrap();
    let text = serde_json::to_string(&state.manifest).unwrap();
    assert_eq!(serde_json::from_str::<Manifest>(&text).unwrap(), state.manifest);
    assert!(state.apply(&revoke("a"), now).is_err());
    let state = state.apply(&revoke("r"), now).unwrap();
    assert_eq!(state.keys().keys().collect::<Vec<_>>(), ["a"]);
    assert!(state.apply(&revoke("a"), now).is_err());
}

#[tokio::test]
async fn two_publishers_both_get_in_and_a_reopened_store_sees_both() {
    let directory = tempfile::tempdir().unwrap();
    let storage = Storage::local(directory.path()).unwrap();
    let open = || ManifestStore::open(storage.clone(), journal(), true, Timestamp(0));
    let (a, b) = (open().await.unwrap(), open().await.unwrap());
    a.publish(&define("a", at(0, 0)), Timestamp(1)).await.unwrap();
    let state = b.publish(&define("b", at(0, 0)), Timestamp(2)).await.unwrap();
    assert_eq!(state.manifest.generation, Generation(2));
    a.publish(&outcome(1, at(0, 0), at(1, 10)), Timestamp(3)).await.unwrap();
    assert!(b.publish(&outcome(1, at(0, 0), at(1, 10)), Timestamp(4)).await.is_err());
    let state = open().await.unwrap().current();
    let names: Vec<_> = state.manifest.metrics.iter().map(|m| &*m.definition.name).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(state.view(MetricId(1)).len(), 1);
    let foreign = JournalId(uuid::Uuid::from_u128(8));
    assert!(ManifestStore::open(storage.clone(), foreign, true, Timestamp(0)).await.is_err());
}

/// Found by fuzzing: the next generation was published under a name that a start passed over.
#[tokio::test]
async fn a_generation_under_the_name_of_another_is_refused() {
    let storage = Storage::new(std::sync::Arc::new(object_store::memory::InMemory::new()));
    let open = || ManifestStore::open(storage.clone(), journal(), true, Timestamp(0));
    let first = open().await.unwrap().current();
    storage.create_document("manifest/00000000000000000007.json", &first.manifest).await.unwrap();
    let error = open().await.unwrap_err().to_string();
    assert!(error.contains("7.json") && error.contains("says generation 0"), "{error}");
}

/// What the second format did not count is not known, and what is added to it stays so.
#[tokio::test]
async fn an_entry_of_the_second_format_reads() {
    let storage = Storage::new(std::sync::Arc::new(object_store::memory::InMemory::new()));
    let state =
        ManifestState::new(journal(), Timestamp(0)).apply(&define("m", at(0, 0)), Timestamp(1));
    let mut manifest = serde_json::to_value(&state.unwrap().manifest).unwrap();
    manifest["format"] = 2.into();
    manifest["metrics"][0]["mismatches"] = 7.into();
    assert!(manifest["metrics"][0].as_object_mut().unwrap().remove("omissions").is_some());
    storage.create_document(&format!("manifest/{:020}.json", 1), &manifest).await.unwrap();
    let store = ManifestStore::open(storage, journal(), false, Timestamp(0)).await.unwrap();
    let entry = store.current().manifest.metrics[0].clone();
    assert_eq!((entry.mismatches, entry.omissions), (7, None));
}

#[tokio::test]
async fn an_older_format_is_taken_over_and_a_newer_one_is_refused() {
    for (format, is_read) in [(0, false), (1, true), (2, true), (FORMAT, true), (FORMAT + 1, false)]
    {
        let storage = Storage::new(std::sync::Arc::new(object_store::memory::InMemory::new()));
        let mut state = ManifestState::new(journal(), Timestamp(0));
        state.manifest.format = format;
        let name = format!("manifest/{:020}.json", 0);
        storage.create_document(&name, &state.manifest).await.unwrap();
        match ManifestStore::open(storage, journal(), false, Timestamp(0)).await {
            Ok(store) => {
                assert!(is_read, "{format}");
                let next = store.publish(&define("m", at(0, 0)), Timestamp(1)).await.unwrap();
                assert_eq!(next.manifest.format, FORMAT);
            }
            Err(error) => {
                assert!(!is_read && error.to_string().contains("newer Merganser"), "{error}");
            }
        }
    }
}
