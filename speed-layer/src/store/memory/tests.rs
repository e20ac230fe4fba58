//! The contract, and what only this store can refuse.

use std::sync::Arc;

use super::MemoryStore;
use crate::store::contract::{Fixture, contract};
use crate::store::{SpeedStore, StoreError};

contract!(async { (Arc::new(MemoryStore::default()) as Arc<dyn SpeedStore>, ()) });

#[tokio::test]
async fn a_slot_stays_one_groups() {
    let store = MemoryStore::default();
    let mut fixture = Fixture::begun(&store).await;
    let states = fixture.fold(0, &[(0, Some("x"), None, Some(1)), (0, None, None, Some(1))]);
    fixture.write(&store, vec![states.clone()], 2).await.unwrap();
    for slots in [vec![1, 0], vec![0, 3]] {
        let mut wrong = fixture.change(vec![states.clone()], 4);
        wrong.states[0].slots = slots;
        let error = store.apply(&fixture.view, &wrong).await.unwrap_err();
        assert!(matches!(error, StoreError::Invalid(_)), "{error}");
    }
    fixture.check_all(&store).await;
}
