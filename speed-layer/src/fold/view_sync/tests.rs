//! Every transition, and what each state does next.

use merganser_core::ids::Fence;

use super::*;

const FENCE: Fence = Fence(7);

fn space(number: u64) -> ViewSpace {
    ViewSpace { fence: FENCE, number }
}

fn position(offset: u64) -> JournalPosition {
    JournalPosition { offset: Offset(offset), checksum: offset as u32 }
}

/// A change that follows `cursor`, up to `to`.
fn change(cursor: &StoreCursor, to: u64, goal: u64, stage: SpaceStage) -> Arc<ViewChange> {
    Arc::new(ViewChange {
        fence: FENCE,
        space: cursor.space,
        serial: cursor.serial,
        flushes: cursor.flushes,
        from: cursor.through.offset,
        to: position(to),
        reach: position(goal),
        stage,
        states: Vec::new(),
        counters: Vec::new(),
    })
}

fn last(cursor: &StoreCursor, goal: u64) -> Arc<ViewChange> {
    change(cursor, goal, goal, SpaceStage::Complete)
}

fn step(sync: &ViewSync, demand: FlushDemand) -> String {
    match sync.next_step(&demand) {
        SyncStep::Begin(space) => format!("begin {}", space.number),
        SyncStep::Send(change) => format!("send {}", change.serial),
        SyncStep::Retire(first) => format!("retire {first}"),
        SyncStep::StartFlush => "flush".to_owned(),
        SyncStep::TakePortion => "portion".to_owned(),
        SyncStep::Look => "look".to_owned(),
        SyncStep::Wait => "wait".to_owned(),
    }
}

fn nothing() -> FlushDemand {
    FlushDemand::default()
}

/// A writer that is done with everything up to `offset`.
fn idle(offset: u64) -> ViewSync {
    let mut sync = ViewSync::new(SyncState::Begin(space(1)));
    sync.record_begun(space(1));
    sync.start_flush(position(offset));
    let change = last(&StoreCursor::empty(space(1)), offset);
    sync.send(Arc::clone(&change));
    sync.record_applied(&change);
    sync
}

#[test]
fn a_view_is_begun_flushed_in_portions_and_then_complete() {
    let mut sync = ViewSync::new(SyncState::Begin(space(1)));
    assert_eq!((step(&sync, nothing()), sync.is_claimed()), ("begin 1".into(), false));
    sync.record_begun(space(2));
    assert_eq!(step(&sync, nothing()), "begin 1", "another space was begun");
    sync.record_begun(space(1));
    assert!(sync.is_claimed() && sync.complete().is_none());
    assert_eq!(step(&sync, nothing()), "flush", "readers wait for the first flush");
    sync.start_flush(position(9));
    assert_eq!(step(&sync, nothing()), "portion");
    let (cursor, goal) = sync.flushing().unwrap();
    assert_eq!(goal, position(9));
    let first = change(&cursor, 0, 9, SpaceStage::Building);
    sync.send(Arc::clone(&first));
    assert_eq!(step(&sync, nothing()), "send 0");
    assert_eq!(step(&sync, nothing()), "send 0", "the same again until it is applied");
    sync.record_applied(&first);
    assert_eq!((step(&sync, nothing()), sync.complete().is_none()), ("portion".into(), true));
    let (cursor, _) = sync.flushing().unwrap();
    let second = last(&cursor, 9);
    sync.send(Arc::clone(&second));
    sync.record_applied(&second);
    assert_eq!(sync.complete().unwrap().through, position(9));
    assert!(!sync.is_urgent());
    assert_eq!(step(&sync, nothing()), "wait");
}

#[test]
fn a_flush_is_due_for_a_reader_at_once_and_else_in_its_time() {
    let sync = idle(9);
    let at = |folded, wanted, dirty, is_flush_time| {
        let (folded, wanted) = (Offset(folded), Offset(wanted));
        step(&sync, FlushDemand { folded, wanted, dirty, is_flush_time, is_look_time: true })
    };
    assert_eq!(at(9, 0, 0, true), "look", "there is nothing to write");
    assert_eq!(at(10, 0, 1, false), "look", "it is collected");
    assert_eq!(at(10, 0, 1, true), "flush");
    assert_eq!(at(10, 0, 0, true), "flush", "the position moves without groups too");
    assert_eq!(at(9, 0, 1, true), "flush");
    assert_eq!(at(10, 10, 1, false), "flush", "a reader waits");
    assert_eq!(at(10, 9, 1, false), "look", "the reader's events are applied");
    assert_eq!(at(9, 10, 0, false), "look", "what the reader waits for is not folded yet");
}

#[test]
fn a_store_that_was_found_is_written_to_at_once() {
    let found = *idle(9).cursor().unwrap();
    let mut sync = ViewSync::new(SyncState::Idle(found));
    assert!(sync.is_urgent() && !sync.is_claimed());
    assert_eq!(step(&sync, nothing()), "flush");
    sync.start_flush(position(9));
    let claim = last(&found, 9);
    sync.send(Arc::clone(&claim));
    assert!(!sync.is_claimed(), "the store has not answered");
    sync.record_applied(&claim);
    assert!(sync.is_claimed() && !sync.is_urgent());
}

#[test]
fn epochs_are_retired_after_the_change_that_may_hold_them() {
    let mut sync = idle(9);
    sync.start_flush(position(12));
    let under_way = last(sync.cursor().unwrap(), 12);
    sync.send(Arc::clone(&under_way));
    sync.retire(Epoch(3));
    sync.retire(Epoch(2));
    assert_eq!(step(&sync, nothing()), "send 1");
    sync.record_applied(&under_way);
    assert!(sync.is_urgent());
    assert_eq!(step(&sync, nothing()), "retire 3", "the higher of both");
    sync.record_retired();
    assert_eq!(step(&sync, nothing()), "wait");
}

#[test]
fn a_rebuild_forgets_what_was_under_way_and_its_late_answer_changes_nothing() {
    let mut sync = idle(9);
    sync.start_flush(position(12));
    let late = last(sync.cursor().unwrap(), 12);
    sync.send(Arc::clone(&late));
    sync.retire(Epoch(3));
    sync.rebuild(space(2));
    assert_eq!(step(&sync, nothing()), "begin 2");
    sync.record_applied(&late);
    assert_eq!((step(&sync, nothing()), sync.cursor()), ("begin 2".into(), None));
    sync.record_begun(space(2));
    sync.start_flush(position(12));
    let anew = last(sync.cursor().unwrap(), 12);
    sync.send(Arc::clone(&anew));
    sync.record_applied(&late);
    assert_eq!(step(&sync, nothing()), "send 0", "it is of another space");
    sync.record_applied(&anew);
    assert_eq!(step(&sync, nothing()), "wait", "nothing is retired from a space that is new");
}
