//! Bodies of `POST /v1/events`: what intake accepts, refuses and keeps, against another reading.
//!
//! The first byte says how the rest is sent; see [`Sending`].

mod compressed;
mod expected;
mod read;
mod table;

use merganser_api::quarantine::QuarantineKind;
use merganser_api::receipt::Receipt;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use arrow::array::Array;
use bytes::Bytes;
use merganser_core::clock::ManualClock;
use merganser_core::event::EventBatch;
use merganser_core::ids::Offset;
use merganser_core::testing::MemoryJournal;
use merganser_core::time::Timestamp;
use speed_layer::intake::{
    BodyEncoding, BodyFormat, EventBody, EventIdGenerator, ExceededLimit, Intake, IntakeError,
    IntakeHandle, IntakeLimits, IntakeSettings, InvalidEventPolicy, LineFile, Quarantine,
};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use uuid::Uuid;

use self::expected::{Event, Outcome, Verdict};

/// 2026-11-22T00:00:00Z.
const NOW: Timestamp = Timestamp(1_795_305_600_000_000);
/// Bytes that a body may become.
const PLAIN_MAX_BYTES: usize = 1 << 16;
/// Events of a body.
const EVENTS_MAX: usize = 16;
/// Bytes of an event.
const EVENT_MAX_BYTES: usize = 512;

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().max_blocking_threads(1).build().unwrap());

/// How a body is sent.
struct Sending {
    format: BodyFormat,
    on_invalid: InvalidEventPolicy,
    encoding: BodyEncoding,
    /// Whether the input is the plain text, which is compressed before it is sent.
    is_plain: bool,
}

impl Sending {
    fn of(byte: u8) -> Self {
        let bits = byte ^ b'0';
        Self {
            format: match (bits & 64 != 0, bits & 1 == 0) {
                (true, _) => BodyFormat::Csv(Arc::default()),
                (false, true) => BodyFormat::Ndjson,
                (false, false) => BodyFormat::Json,
            },
            on_invalid: if bits & 2 == 0 {
                InvalidEventPolicy::Quarantine
            } else {
                InvalidEventPolicy::Reject
            },
            encoding: match bits >> 2 & 3 {
                1 => BodyEncoding::Gzip,
                2 => BodyEncoding::Zstd,
                _ => BodyEncoding::Identity,
            },
            is_plain: bits & 16 == 0,
        }
    }
}

/// Sends a body to an intake that is new, and compares all that comes of it.
pub(crate) fn check(input: &[u8]) {
    let Some((first, rest)) = input.split_first() else { return };
    let sending = Sending::of(*first);
    let sent =
        if sending.is_plain { compressed::compress(rest, sending.encoding) } else { rest.to_vec() };
    let plain = compressed::read(&sent, sending.encoding, PLAIN_MAX_BYTES);
    let expected = match &plain {
        Some(plain) => expected::outcome(plain, &sending.format),
        None => Outcome::Refused,
    };
    let directory = tempfile::tempdir().unwrap();
    let (feed, mut fed) = mpsc::channel(4);
    let intake = Intake::start(
        settings(),
        Arc::new(MemoryJournal::default()),
        ManualClock::at(NOW),
        Arc::new(Counted::default()),
        read::snapshots(),
        feed,
        Box::new(LineFile::new(directory.path().join(Quarantine::FILE))),
    );
    let intake = intake.unwrap();
    let result = RUNTIME.block_on(submit(&intake, &sending, sent));
    RUNTIME.block_on(intake.shutdown());
    let mut accepted = Vec::new();
    while let Ok(committed) = fed.try_recv() {
        read::check(&committed.events);
        accepted.extend(events(&committed.events));
    }
    compare(expected, sending.on_invalid, result, &accepted, intake.quarantine());
}

async fn submit(
    intake: &IntakeHandle,
    sending: &Sending,
    bytes: Vec<u8>,
) -> Result<Receipt, IntakeError> {
    let mut share = intake.admit()?;
    share.grow(bytes.len())?;
    let (bytes, format, encoding) = (Bytes::from(bytes), sending.format.clone(), sending.encoding);
    intake
        .submit(
            EventBody { bytes, format, encoding, on_invalid: sending.on_invalid, fixed: None },
            share,
        )
        .await
}

fn compare(
    expected: Outcome,
    on_invalid: InvalidEventPolicy,
    result: Result<Receipt, IntakeError>,
    accepted: &[Event],
    quarantine: &Quarantine,
) {
    let verdicts = match (expected, &result) {
        (Outcome::Unknown, _) => return,
        (Outcome::Read(verdicts), _) => verdicts,
        (Outcome::TooMany, Err(IntakeError::TooLarge { limit: ExceededLimit::Events, max })) => {
            assert_eq!(*max, EVENTS_MAX);
            return assert!(accepted.is_empty());
        }
        (Outcome::Refused, Err(error)) => {
            let is_refusal = matches!(
                error,
                IntakeError::MalformedBody(_)
                    | IntakeError::TooLarge { limit: ExceededLimit::DecompressedBytes, .. }
            );
            assert!(is_refusal && accepted.is_empty(), "{error}");
            return;
        }
        (expected, result) => panic!("{result:?} instead of {expected:?}"),
    };
    let is_invalid = |verdict: &&Verdict| matches!(verdict, Verdict::Invalid { .. });
    let is_rejected =
        on_invalid == InvalidEventPolicy::Reject && verdicts.iter().any(|v| is_invalid(&v));
    let receipt = match result {
        Ok(receipt) if !is_rejected => receipt,
        Err(IntakeError::Rejected(receipt)) if is_rejected => {
            assert!(accepted.is_empty(), "stored: {accepted:?}");
            assert_eq!(quarantine.list(None, None, 1).total, 0);
            return compare_invalid(&verdicts, &receipt);
        }
        other => panic!("{other:?} instead of {verdicts:?}"),
    };
    let events = verdicts.iter().filter_map(|verdict| match verdict {
        Verdict::Accepted(event) => Some(event),
        _ => None,
    });
    let expected: Vec<&Event> = events.collect();
    assert_eq!(accepted.iter().collect::<Vec<_>>(), expected);
    assert_eq!(receipt.accepted, expected.len() as u64);
    assert_eq!(receipt.end(), Offset(receipt.accepted));
    let duplicates = verdicts.iter().filter(|v| matches!(v, Verdict::Duplicate)).count();
    assert_eq!(receipt.duplicates, duplicates as u64);
    compare_invalid(&verdicts, &receipt);
    compare_quarantine(&verdicts, &receipt, quarantine);
}

fn compare_invalid(verdicts: &[Verdict], receipt: &Receipt) {
    let expected: Vec<_> = verdicts
        .iter()
        .filter_map(|verdict| match verdict {
            Verdict::Invalid { index, codes, .. } => Some((*index, codes)),
            _ => None,
        })
        .collect();
    assert_eq!(receipt.invalid.len(), expected.len(), "{:?}", receipt.invalid);
    for (found, (index, codes)) in receipt.invalid.iter().zip(expected) {
        assert_eq!(found.index, index);
        assert!(codes.contains(&found.code.name()), "{} is none of {codes:?}", found.code);
        assert!(found.message.len() < 1024, "{}", found.message);
    }
}

/// What was not accepted is in the quarantine, as it was sent.
fn compare_quarantine(verdicts: &[Verdict], receipt: &Receipt, quarantine: &Quarantine) {
    let page = quarantine.list(None, None, usize::MAX);
    let kept: BTreeMap<_, _> = page.entries.iter().map(|entry| (entry.id, entry)).collect();
    let mut conflicts = receipt.conflicts.iter();
    let mut invalid = receipt.invalid.iter();
    let mut counts: BTreeMap<_, u64> = BTreeMap::new();
    for verdict in verdicts {
        let (raw, id, kind) = match verdict {
            Verdict::Accepted(_) | Verdict::Duplicate => continue,
            Verdict::Invalid { raw, .. } => {
                (raw, invalid.next().unwrap().quarantine_id.unwrap(), QuarantineKind::Invalid)
            }
            Verdict::Conflict { index, id, raw } => {
                let found = conflicts.next().unwrap();
                assert_eq!((found.index, &found.id), (*index, id));
                (raw, found.quarantine_id, QuarantineKind::Conflict)
            }
        };
        // What comes with the same text for the same reason is counted.
        *counts.entry(id).or_default() += 1;
        let event = &kept[&id].event;
        assert_eq!(event.kind, kind);
        let is_whole = event.raw.text == String::from_utf8_lossy(raw);
        assert!(is_whole || event.raw.is_truncated, "{:?} instead of {raw:?}", event.raw);
    }
    assert_eq!(conflicts.len(), 0, "{:?}", receipt.conflicts);
    let found: BTreeMap<_, u64> = kept.iter().map(|(id, entry)| (*id, entry.count)).collect();
    assert_eq!(found, counts);
    assert_eq!(page.total, counts.len());
}

fn events(batch: &EventBatch) -> Vec<Event> {
    let event = |row: usize| {
        let has_id = batch.contents().is_valid(row);
        let (subjects, properties) = (batch.subjects(), batch.properties());
        Event {
            id: has_id.then(|| batch.ids().value(row).to_owned()),
            event: batch.types().value(row).to_owned(),
            time: batch.times().value(row),
            subject: subjects.is_valid(row).then(|| subjects.value(row).to_owned()),
            properties: properties.is_valid(row).then(|| properties.value(row).to_owned()),
        }
    };
    (0..batch.len()).map(event).collect()
}

fn settings() -> IntakeSettings {
    IntakeSettings {
        limits: IntakeLimits {
            decompressed_max_bytes: PLAIN_MAX_BYTES,
            request_max_events: EVENTS_MAX,
            event_max_bytes: EVENT_MAX_BYTES,
            ..IntakeLimits::default()
        },
        dedup_window_events: 2 * EVENTS_MAX,
        disk_floor_bytes: 0,
        ..IntakeSettings::default()
    }
}

/// Ids that count up from 0.
#[derive(Debug, Default)]
struct Counted(AtomicU64);

impl EventIdGenerator for Counted {
    fn next(&self, _: Timestamp) -> Uuid {
        Uuid::from_u128(self.0.fetch_add(1, Ordering::Relaxed).into())
    }
}
