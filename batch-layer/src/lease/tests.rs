//! Leases with short times: who holds them, and that never two do.

use std::sync::Arc;

use object_store::memory::InMemory;

use super::*;
use crate::testing::ForgetfulStore;

const QUICK: LeaseSettings = LeaseSettings {
    lasts: Duration::from_millis(400),
    renew: Duration::from_millis(100),
    look: Duration::from_millis(20),
};

fn process(storage: &Storage, name: &str) -> (Lease, CancellationToken) {
    let (process, url) = (name.to_owned(), format!("http://{name}"));
    let me = LeaseHolder { process, url, fence: None };
    let stop = CancellationToken::new();
    let lease = Lease::follow(storage.clone(), "owner", me, QUICK, stop.clone());
    lease.set_candidate(true);
    (lease, stop)
}

async fn until(lease: &Lease, is: impl FnMut(&LeaseState) -> bool) -> LeaseState {
    let mut state = lease.state();
    let found = tokio::time::timeout(Duration::from_secs(20), state.wait_for(is)).await;
    found.expect("in time").unwrap().clone()
}

#[tokio::test]
async fn of_several_candidates_one_holds_it_and_another_follows() {
    let storage = Storage::new(Arc::new(InMemory::new()));
    let (first, stop) = process(&storage, "first");
    until(&first, |state| state.is_mine).await;
    let (second, _second_stop) = process(&storage, "second");
    let seen = until(&second, |state| state.holder.is_some()).await;
    assert_eq!((seen.holder.unwrap().process.as_str(), seen.is_mine), ("first", false));
    first.set_fence(Some(Fence(7)));
    let is_told = |state: &LeaseState| state.holder.as_ref().is_some_and(|h| h.fence.is_some());
    until(&second, is_told).await;

    // Given back, it changes hands at once; of one that was killed, when it is over.
    stop.cancel();
    until(&second, |state| state.is_mine).await;
    let (third, _third_stop) = process(&storage, "third");
    until(&third, |state| state.holder.is_some()).await;
    second.set_candidate(false);
    until(&third, |state| state.is_mine).await;
    until(&second, |state| !state.is_mine).await;
    let kept = storage.list("leases/owner").await.unwrap().len();
    assert!(kept <= KEPT as usize + 2, "{kept} objects are left");
}

#[tokio::test]
async fn a_lease_of_one_who_says_nothing_ends() {
    let storage = Storage::new(Arc::new(InMemory::new()));
    let holder = Some(LeaseHolder { process: "x".into(), url: String::new(), fence: None });
    let record = LeaseRecord { holder, nonce: String::new() };
    storage.create_document("leases/owner/00000000000000000041.json", &record).await.unwrap();
    let began = Instant::now();
    let (next, _stop) = process(&storage, "next");
    let seen = until(&next, |state| state.holder.is_some()).await;
    assert!(!seen.is_mine);
    until(&next, |state| state.is_mine).await;
    assert!(began.elapsed() >= QUICK.lasts, "it was taken too early");
}

#[tokio::test]
async fn answers_that_get_lost_do_not_make_two_holders() {
    let storage = Storage::new(Arc::new(ForgetfulStore::of("leases")));
    let candidates: Vec<_> = ["a", "b", "c"].map(|name| process(&storage, name)).into();
    for _ in 0..50 {
        tokio::time::sleep(QUICK.look).await;
        let mine = candidates.iter().filter(|(lease, _)| lease.state().borrow().is_mine).count();
        assert!(mine <= 1, "{mine} hold it");
    }
    let held = candidates.iter().any(|(lease, _)| lease.state().borrow().holder.is_some());
    assert!(held, "nobody got it");
}
