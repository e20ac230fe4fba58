//! Odd texts, great numbers, many groups, wrong changes, and readers beside a writer.

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use merganser_core::decimal;
use merganser_core::ids::Epoch;
use merganser_core::time::{DAY_US, MINUTE_US, TimeRange, Timestamp};
use merganser_metric::views::SpeedReadRequest;

use super::fixture::{Fixture, Row};
use crate::store::{EpochStates, SpeedStore, StoreError, StoreReadError, ViewChange};

type Store = Arc<dyn SpeedStore>;

pub(crate) async fn changes_that_cannot_be_stored_change_nothing(store: Store) {
    let mut fixture = Fixture::begun(&*store).await;
    let rows: Vec<Row<'_>> = (0..3).map(|n| (n * MINUTE_US, Some("x"), None, Some(1))).collect();
    let states = fixture.fold(0, &rows);
    fixture.write(&*store, vec![states], 3).await.unwrap();
    let good = fixture.change(vec![fixture.states(0, &[0, 1, 2])], 5);
    let wrong: [fn(&mut ViewChange); 3] = [
        |change| change.states[0].states = change.states[0].states.project(&[0, 1]).unwrap(),
        |change| change.states[0].slots.truncate(2),
        |change| change.reach.offset.0 -= 3,
    ];
    for spoil in wrong {
        let mut change = good.clone();
        spoil(&mut change);
        let error = store.apply(&fixture.view, &change).await.unwrap_err();
        assert!(matches!(error, StoreError::Invalid(_)), "{error}");
    }
    fixture.check_all(&*store).await;
    fixture.apply(&*store, &good).await.unwrap();
}

pub(crate) async fn odd_texts_come_back_as_they_were(store: Store) {
    let mut fixture = Fixture::begun(&*store).await;
    let long = "ä".repeat(70_000);
    let odd = [
        "",
        " ",
        "null",
        "\"",
        "\\",
        "]",
        "[,]",
        "\u{0}",
        "\n\r\t",
        "\u{7f}\u{85}\u{2028}",
        "a:b",
        "{x}",
        "💧",
        "e\u{301}",
        "é",
        "\u{10ffff}",
        "0",
        "-1",
        "true",
        "%s",
        "🇩🇪",
        &long,
    ];
    let mut rows: Vec<Row<'_>> = Vec::new();
    for text in odd {
        rows.push((0, Some(text), None, Some(1)));
        rows.push((0, None, Some(text), Some(2)));
        rows.push((0, Some(text), Some(text), None));
    }
    rows.push((0, None, None, None));
    let states = fixture.fold(0, &rows);
    assert_eq!(states.slots.len(), 3 * odd.len() + 1);
    fixture.write(&*store, vec![states], 9).await.unwrap();
    fixture.check_all(&*store).await;
    let states = fixture.fold(0, &rows[5..20]);
    fixture.write(&*store, vec![states], 20).await.unwrap();
    fixture.check_all(&*store).await;
}

pub(crate) async fn the_greatest_states_come_back_as_they_were(store: Store) {
    let mut fixture = Fixture::begun(&*store).await;
    let values = [decimal::MAX, -decimal::MAX, 1, -1, 0, decimal::ONE, 999_999_999];
    let mut rows: Vec<Row<'_>> = Vec::new();
    for (n, value) in values.into_iter().enumerate() {
        rows.push((Timestamp::MIN.0 + n as i64 * MINUTE_US, None, None, Some(value)));
    }
    // Sums over 38 digits, and sketches in each of their forms.
    let last = Timestamp::MAX.0 - MINUTE_US;
    rows.extend((0..3000).map(|n| (last, Some("many"), None, Some(decimal::MAX - n))));
    rows.extend((0..100).map(|n| (last, Some("some"), None, Some(-decimal::MAX + n))));
    rows.extend((0..5).map(|n| (last, Some("few"), None, Some(n))));
    let states = fixture.fold(0, &rows);
    let mut counts = states.clone();
    counts.states = greatest_counts(&states);
    fixture.write(&*store, vec![states], 9).await.unwrap();
    fixture.check_all(&*store).await;
    fixture.write(&*store, vec![counts.clone()], 10).await.unwrap();
    let part = fixture.read(&*store, 0, TimeRange::ALL).await.unwrap();
    let mut got = Vec::new();
    part.states.iter().for_each(|batch| got.push(fixture.merged(std::slice::from_ref(batch))));
    assert_eq!(fixture.merged(&got), fixture.merged(&[counts.states]));
}

fn greatest_counts(states: &EpochStates) -> RecordBatch {
    let mut columns = states.states.columns().to_vec();
    let counts = columns[3].as_primitive::<Int64Type>();
    columns[3] = Arc::new(counts.unary::<_, Int64Type>(|_| i64::MAX));
    RecordBatch::try_new(states.states.schema(), columns).unwrap()
}

pub(crate) async fn many_groups_are_read_in_portions_up_to_the_bound(store: Store) {
    let mut fixture = Fixture::begun(&*store).await;
    let texts: Vec<String> = (0..25_000).map(|n| format!("t{n}")).collect();
    let text = |n: usize| Some(&*texts[n]);
    // One chunk with more groups than a portion, and many with few.
    let mut rows: Vec<Row<'_>> =
        (0..texts.len()).map(|n| (n as i64 % 60 * MINUTE_US, text(n), None, Some(1))).collect();
    rows.extend((0..3000).map(|n| (n * DAY_US / 8, Some("x"), Some("y"), Some(2))));
    for (n, part) in rows.chunks(9000).enumerate() {
        let states = fixture.fold(0, part);
        fixture.write(&*store, vec![states], n as u64 + 1).await.unwrap();
    }
    fixture.check_all(&*store).await;
    let range = TimeRange { from: Timestamp(0), to: Timestamp(MINUTE_US) };
    fixture
        .check(&*store, &SpeedReadRequest { from: Epoch(0), to: None, range, columns: None })
        .await;
    let all = fixture.tables[&Epoch(0)].len();
    let read = SpeedReadRequest { from: Epoch(0), to: None, range: TimeRange::ALL, columns: None };
    let enough = store.read(&fixture.view, &read, all).await.unwrap();
    assert_eq!(enough.states.iter().map(RecordBatch::num_rows).sum::<usize>(), all);
    let read = store.read(&fixture.view, &read, all - 1).await;
    assert_eq!(read.unwrap_err(), StoreReadError::TooLarge { limit: all - 1 });
}

/// A flush adds an event to each of some groups in several chunks, by several changes, and says so
/// by its position; between them, epochs are retired and the view is written anew. What a reader
/// counts is what the position says.
pub(crate) async fn a_reader_beside_the_writer_counts_each_event_once(store: Store) {
    const FLUSHES: u64 = 150;
    const GROUPS: i64 = 13;
    let mut fixture = Fixture::begun(&*store).await;
    let view = fixture.view.clone();
    let (reader, done) = (Arc::clone(&store), Arc::new(std::sync::atomic::AtomicBool::new(false)));
    let is_done = Arc::clone(&done);
    let reads = tokio::spawn(async move {
        let (mut answers, mut last) = (0, 0);
        while !is_done.load(std::sync::atomic::Ordering::SeqCst) {
            let read =
                SpeedReadRequest { from: Epoch(1), to: None, range: TimeRange::ALL, columns: None };
            match reader.read(&view, &read, 1000).await {
                Ok(part) => {
                    let counts = part.states.iter().map(|batch| batch.column(3));
                    let counts = counts.flat_map(|c| c.as_primitive::<Int64Type>().values());
                    let counted = counts.sum::<i64>() as u64;
                    assert_eq!((part.through.0, part.reach.0), (counted, counted));
                    assert!(last <= counted, "{counted} after {last}");
                    (answers, last) = (answers + 1, counted);
                }
                Err(StoreReadError::Building) => last = 0,
                Err(error) => panic!("{error}"),
            }
        }
        answers
    });
    for n in 0..FLUSHES {
        let to = (n + 1) * GROUPS as u64;
        for group in 0..GROUPS {
            let row = (group * DAY_US, Some("x"), None, Some(1));
            let states = vec![fixture.fold(1 + n / 60, &[row])];
            match group < GROUPS - 1 {
                true => fixture.apply(&*store, &fixture.half(states, to)).await.unwrap(),
                false => fixture.write(&*store, states, to).await.unwrap(),
            }
        }
        if n % 40 == 20 {
            fixture.begin(&*store, Epoch(1)).await.unwrap();
            let all = fixture.everything();
            fixture.write(&*store, all, to).await.unwrap();
            super::sweep(&*store, fixture.view.id).await;
        }
    }
    done.store(true, std::sync::atomic::Ordering::SeqCst);
    assert!(reads.await.unwrap() > 0);
    fixture.check_all(&*store).await;
}

/// Old groups, new ones and new chunks, in several changes.
pub(crate) async fn a_flush_is_seen_when_it_is_whole(store: Store) {
    let mut fixture = Fixture::begun(&*store).await;
    let states = fixture.fold(0, &[(0, Some("x"), None, Some(1)), (0, Some("y"), None, Some(2))]);
    fixture.write(&*store, vec![states], 2).await.unwrap();
    let seen = fixture.clone();
    let first = fixture.fold(0, &[(0, Some("x"), None, Some(5)), (0, Some("z"), None, Some(1))]);
    let second = fixture.fold(0, &[(DAY_US, Some("x"), None, None)]);
    let third = fixture.fold(1, &[(0, Some("x"), None, Some(7))]);
    let again = fixture.fold(0, &[(0, Some("x"), None, Some(9))]);
    for states in [first, second, third] {
        let change = fixture.half(vec![states], 6);
        fixture.apply(&*store, &change).await.unwrap();
        seen.check_all(&*store).await;
        let stored = store.open(&fixture.view).await.unwrap().unwrap();
        assert_eq!((stored.through, stored.reach.offset.0), (seen.at, 6));
    }
    // The same group twice in a flush, as after a restart in the middle of it.
    fixture.write(&*store, vec![again], 6).await.unwrap();
    fixture.check_all(&*store).await;
    // Half a flush, and then all anew.
    let states = fixture.fold(0, &[(0, Some("y"), None, Some(3))]);
    fixture.apply(&*store, &fixture.half(vec![states], 7)).await.unwrap();
    fixture.begin(&*store, Epoch(0)).await.unwrap();
    let all = fixture.everything();
    fixture.write(&*store, all, 7).await.unwrap();
    fixture.check_all(&*store).await;
}
