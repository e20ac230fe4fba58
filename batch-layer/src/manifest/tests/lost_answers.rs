//! Publications to a storage whose answers get lost.

use super::*;
use crate::testing::ForgetfulStore;

async fn two_stores() -> (Arc<ForgetfulStore>, ManifestStore, ManifestStore) {
    let store = Arc::new(ForgetfulStore::default());
    let open = || {
        let storage = Storage::new(Arc::<ForgetfulStore>::clone(&store));
        ManifestStore::open(storage, journal(), true, Timestamp(0))
    };
    let (a, b) = (open().await.unwrap(), open().await.unwrap());
    (store, a, b)
}

fn versions(state: &ManifestState) -> Vec<u32> {
    state.manifest.metrics.iter().map(|metric| metric.version).collect()
}

#[tokio::test]
async fn a_publication_whose_answer_was_lost_counts_once() {
    for (lost, undone) in [(1, 0), (1, 1), (2, 1), (2, 2)] {
        let (store, a, _) = two_stores().await;
        store.lose_answers(lost, undone);
        let state = a.publish(&define("m", at(0, 0)), Timestamp(1)).await.unwrap();
        assert_eq!(state.manifest.generation, Generation(1), "{lost} {undone}");
        assert_eq!(versions(&state), [1]);
        let state = a.publish(&outcome(1, at(0, 0), at(1, 10)), Timestamp(2)).await.unwrap();
        assert_eq!(state.manifest.generation, Generation(2));
    }
}

#[tokio::test]
async fn one_that_lost_its_answer_and_its_place_is_tried_on_the_winners_state() {
    let (store, a, b) = two_stores().await;
    b.publish(&define("b", at(0, 0)), Timestamp(1)).await.unwrap();
    store.lose_answers(1, 0);
    let state = a.publish(&define("a", at(0, 0)), Timestamp(1)).await.unwrap();
    let names: Vec<_> = state.manifest.metrics.iter().map(|m| &*m.definition.name).collect();
    assert_eq!((names, state.manifest.generation), (vec!["b", "a"], Generation(2)));
}

#[tokio::test]
async fn one_that_stays_in_doubt_is_found_by_who_looks_or_by_the_next() {
    for looks in [true, false] {
        let (store, a, _) = two_stores().await;
        store.lose_answers(u32::MAX, 0);
        let error = a.publish(&define("a", at(0, 0)), Timestamp(1)).await.unwrap_err();
        store.lose_answers(0, 0);
        assert!(error.to_string().contains("could not be published"), "{error}");
        assert_eq!(a.current().manifest.generation, Generation::ZERO);
        if looks {
            a.follow().await.unwrap();
            assert_eq!(a.current().manifest.generation, Generation(1));
        }
        let state = a.publish(&define("b", at(0, 0)), Timestamp(2)).await.unwrap();
        let names: Vec<_> = state.manifest.metrics.iter().map(|m| &*m.definition.name).collect();
        assert_eq!((names, state.manifest.generation), (vec!["a", "b"], Generation(2)));
    }
}
