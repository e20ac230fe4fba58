//! Random changes on two stores, which must say and hold the same.

use merganser_core::ids::Epoch;
use merganser_core::time::{Grain, TimeRange, Timestamp};
use merganser_metric::views::SpeedReadRequest;
use proptest::collection::vec;
use proptest::prelude::*;

use super::fixture::{Fixture, Row, journal, layout};
use super::sweep;
use crate::store::{EpochStates, SpaceStage, SpeedStore};

/// An event's time in grains, its two dimensions and its amount.
type Event = (i64, Option<u8>, Option<u8>, Option<i64>);

/// Something that a writer or a reader does.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Events of an epoch, written at once, or later together with others.
    Fold {
        epoch: u64,
        rows: Vec<Event>,
        flush: bool,
        /// The flush needs more changes.
        half: bool,
    },
    /// Everything anew.
    Rebuild,
    /// A change that does not follow.
    Stray {
        serial: u64,
        from: u64,
    },
    Retire(u64),
    Sweep,
    Read {
        from: u64,
        to: Option<u64>,
        range: (i64, i64),
    },
}

const SPAN: i64 = 200;

fn step() -> impl Strategy<Value = Step> {
    let row = (-SPAN..SPAN, option(0_u8..4), option(0_u8..3), option(-1000_i64..1000));
    let read = (0_u64..5, option(0_u64..6), (-SPAN..SPAN, -SPAN..SPAN));
    prop_oneof![
        6 => (0_u64..4, vec(row, 0..20), any::<bool>(), any::<bool>())
            .prop_map(|(epoch, rows, flush, half)| Step::Fold { epoch, rows, flush, half }),
        1 => Just(Step::Rebuild),
        1 => (0_u64..9, 0_u64..60).prop_map(|(serial, from)| Step::Stray { serial, from }),
        1 => (0_u64..4).prop_map(Step::Retire),
        1 => Just(Step::Sweep),
        4 => read.prop_map(|(from, to, range)| Step::Read { from, to, range }),
    ]
}

fn option<S: Strategy>(of: S) -> impl Strategy<Value = Option<S::Value>>
where
    S::Value: Clone,
{
    proptest::option::weighted(0.8, of)
}

/// The cases of the test.
pub(crate) fn random_changes() -> impl Strategy<Value = (Grain, Vec<Step>)> {
    let grain = prop_oneof![Just(Grain::Minute), Just(Grain::Hour), Just(Grain::Day)];
    (grain, vec(step(), 1..40))
}

/// Takes the steps on both stores. `number` is for a journal that neither knows.
pub(crate) async fn same_on_both(
    one: &dyn SpeedStore,
    other: &dyn SpeedStore,
    number: u128,
    grain: Grain,
    steps: Vec<Step>,
) {
    let mut fixture = Fixture::new(journal(number), 1, grain, layout());
    let mut waiting = Vec::new();
    let mut first = 0;
    rebuild(&mut fixture, one, other, first).await;
    for step in steps {
        match step {
            Step::Fold { epoch, rows, flush, half } => {
                let epoch = epoch.max(first);
                waiting.push(fold(&mut fixture, grain, epoch, &rows));
                if flush {
                    let to = fixture.at.offset.0 + rows.len() as u64;
                    let states = std::mem::take(&mut waiting);
                    let change = match half && !rows.is_empty() {
                        true => fixture.half(states, to),
                        false => fixture.change(states, to),
                    };
                    other.apply(&fixture.view, &change).await.unwrap();
                    fixture.apply(one, &change).await.unwrap();
                }
            }
            Step::Rebuild => {
                waiting.clear();
                rebuild(&mut fixture, one, other, first).await;
            }
            Step::Stray { serial, from } => {
                let mut change = fixture.change(Vec::new(), from + 5);
                (change.serial, change.from.0) = (serial, from);
                if (serial, from) != (fixture.serial, fixture.at.offset.0) {
                    let answers = (
                        one.apply(&fixture.view, &change).await,
                        other.apply(&fixture.view, &change).await,
                    );
                    assert_eq!(answers.0, answers.1);
                    assert!(answers.0.is_err());
                }
            }
            Step::Retire(epoch) => {
                for store in [one, other] {
                    store.retire(&fixture.view, fixture.fence, Epoch(epoch)).await.unwrap();
                }
                first = first.max(epoch);
                fixture.tables.retain(|epoch, _| epoch.0 >= first);
                waiting.retain(|states| states.epoch.0 >= first);
            }
            Step::Sweep => sweep(other, fixture.view.id).await,
            Step::Read { from, to, range } => {
                let instant = |n: i64| Timestamp(n * grain.micros() + n % 3);
                let range = TimeRange { from: instant(range.0), to: instant(range.1) };
                let read =
                    SpeedReadRequest { from: Epoch(from), to: to.map(Epoch), range, columns: None };
                compare(&fixture, one, other, &read).await;
            }
        }
        assert_eq!(one.open(&fixture.view).await, other.open(&fixture.view).await);
    }
    let read =
        SpeedReadRequest { from: Epoch(first), to: None, range: TimeRange::ALL, columns: None };
    compare(&fixture, one, other, &read).await;
}

fn fold(fixture: &mut Fixture, grain: Grain, epoch: u64, events: &[Event]) -> EpochStates {
    let texts: Vec<_> = events.iter().map(|event| (name(event.1), name(event.2))).collect();
    let rows = events.iter().zip(&texts).map(|(event, (a, b))| {
        let time = event.0 * grain.micros();
        (time, a.as_deref(), b.as_deref(), event.3.map(i128::from))
    });
    fixture.fold(epoch, &rows.collect::<Vec<Row<'_>>>())
}

fn name(number: Option<u8>) -> Option<String> {
    number.map(|number| ["", "a", "ü\"", "null"][usize::from(number)].to_owned())
}

async fn rebuild(fixture: &mut Fixture, one: &dyn SpeedStore, other: &dyn SpeedStore, first: u64) {
    let mut same = fixture.clone();
    same.begin(other, Epoch(first)).await.unwrap();
    fixture.begin(one, Epoch(first)).await.unwrap();
    let all = fixture.everything();
    for (n, part) in all.iter().enumerate() {
        let mut change = fixture.change(vec![part.clone()], 0);
        change.stage = if n + 1 < all.len() { SpaceStage::Building } else { SpaceStage::Complete };
        other.apply(&fixture.view, &change).await.unwrap();
        fixture.apply(one, &change).await.unwrap();
    }
    if all.is_empty() {
        let change = fixture.change(Vec::new(), 0);
        other.apply(&fixture.view, &change).await.unwrap();
        fixture.apply(one, &change).await.unwrap();
    }
}

async fn compare(
    fixture: &Fixture,
    one: &dyn SpeedStore,
    other: &dyn SpeedStore,
    read: &SpeedReadRequest,
) {
    let answers = (
        one.read(&fixture.view, read, 10_000).await,
        other.read(&fixture.view, read, 10_000).await,
    );
    match answers {
        (Ok(one), Ok(other)) => {
            assert_eq!((one.through, &one.missing), (other.through, &other.missing));
            assert_eq!(fixture.merged(&one.states), fixture.merged(&other.states), "{read:?}");
        }
        (one, other) => {
            assert_eq!(one.map(|_| ()).unwrap_err(), other.map(|_| ()).unwrap_err());
        }
    }
}
