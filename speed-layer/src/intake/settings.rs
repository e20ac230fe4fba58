//! What can be set about intake. Every queue, body and store has its bound here.

use std::path::PathBuf;
use std::time::Duration;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// Limits of one request and its events. The refusal of a request that exceeds one names it and its
/// value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntakeLimits {
    /// Bytes of a body as it is sent; default 16 MiB.
    pub body_max_bytes: usize,
    /// Bytes of a body after decompression; default 64 MiB.
    pub decompressed_max_bytes: usize,
    /// Events of a request; default 100,000.
    pub request_max_events: usize,
    /// Bytes of an event's JSON text; default 64 KiB. A larger event is invalid by itself.
    pub event_max_bytes: usize,
    /// How far an event's time may be ahead of the clock, in milliseconds; default 24 hours.
    pub time_ahead_max_ms: i64,
    /// How long a body may take to arrive, in milliseconds; default one minute.
    pub body_time_max_ms: u64,
    /// The longest that a body may pause while it arrives, in milliseconds.
    pub body_idle_max_ms: u64,
}

impl Default for IntakeLimits {
    fn default() -> Self {
        Self {
            body_max_bytes: 16 * MIB,
            decompressed_max_bytes: 64 * MIB,
            request_max_events: 100_000,
            event_max_bytes: 64 * KIB,
            time_ahead_max_ms: 24 * 60 * 60 * 1000,
            body_time_max_ms: 60_000,
            body_idle_max_ms: 10_000,
        }
    }
}

/// Bounds of the quarantine. When one is reached the oldest entries go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuarantineSettings {
    /// Entries; default 10,000.
    pub max_events: usize,
    /// Bytes of all entries together; default 64 MiB. They are held in memory too.
    pub max_bytes: usize,
}

impl Default for QuarantineSettings {
    fn default() -> Self {
        Self { max_events: 10_000, max_bytes: 64 * MIB }
    }
}

/// Settings of intake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntakeSettings {
    /// Limits of one request.
    pub limits: IntakeLimits,
    /// How many identified events back a repetition is recognised; default 10 million. Each takes
    /// about 32 bytes of memory.
    pub dedup_window_events: usize,
    /// Bounds of the quarantine.
    pub quarantine: QuarantineSettings,
    /// Requests that may be decoded or queued at once; default 1024. One more is refused
    /// with a time to try again.
    pub pending_max_requests: usize,
    /// Bytes that pending requests may hold, bodies and columns together; default 512 MiB.
    pub pending_max_bytes: usize,
    /// Bodies that are decoded at once off the async threads; default: as many as there are cores.
    pub decoders_max: usize,
    /// Events that are committed together, unless a single request has more; default 100,000.
    pub commit_max_events: usize,
    /// Bytes that are committed together, unless a single request has more; default 32 MiB.
    pub commit_max_bytes: usize,
    /// How long a commit waits for more requests, unless it is full; default: not at all. What
    /// comes while one is under way is committed together with the next.
    pub commit_delay: Duration,
    /// Events that no run has archived, over which intake slows down; default 50 million. At twice
    /// as many nothing is taken.
    pub backlog_max_events: u64,
    /// A directory of the disk that is looked at; default: the current one.
    pub disk_path: PathBuf,
    /// Free bytes of the disk below which nothing is accepted; default 1 GiB.
    pub disk_floor_bytes: u64,
}

impl Default for IntakeSettings {
    fn default() -> Self {
        Self {
            limits: IntakeLimits::default(),
            dedup_window_events: 10_000_000,
            quarantine: QuarantineSettings::default(),
            pending_max_requests: 1024,
            pending_max_bytes: 512 * MIB,
            decoders_max: std::thread::available_parallelism().map_or(2, usize::from),
            commit_max_events: 100_000,
            commit_max_bytes: 32 * MIB,
            commit_delay: Duration::ZERO,
            backlog_max_events: 50_000_000,
            disk_path: PathBuf::from("."),
            disk_floor_bytes: 1 << 30,
        }
    }
}

impl IntakeSettings {
    /// The most that [`IntakeLimits::decompressed_max_bytes`] can be: columns hold less than 2 GiB
    /// of text, and the columns of a request hold little more than its body.
    const DECOMPRESSED_BYTES_CAP: usize = 1 << 30;
    /// The most that [`IntakeLimits::request_max_events`] can be.
    pub(super) const EVENTS_CAP: usize = 1 << 20;
    /// The most that [`IntakeSettings::commit_delay`] can be, in milliseconds: clients wait for it.
    const DELAY_MS_CAP: usize = 10_000;
    /// The most that [`IntakeSettings::dedup_window_events`] can be.
    const WINDOW_CAP: usize = 1 << 31;

    /// Refuses values that nothing could work with, saying what is wrong with the first of them.
    pub(crate) fn check(&self) -> Result<(), String> {
        let wrong = [
            too_high(
                "decompressed_max_bytes",
                self.limits.decompressed_max_bytes,
                Self::DECOMPRESSED_BYTES_CAP,
            ),
            too_high("body_max_bytes", self.limits.body_max_bytes, Self::DECOMPRESSED_BYTES_CAP),
            too_high("commit_max_bytes", self.commit_max_bytes, Self::DECOMPRESSED_BYTES_CAP),
            too_high("dedup_window_events", self.dedup_window_events, Self::WINDOW_CAP),
            too_high("request_max_events", self.limits.request_max_events, Self::EVENTS_CAP),
            too_high("commit_max_events", self.commit_max_events, Self::EVENTS_CAP),
            too_low("request_max_events", self.limits.request_max_events),
            too_low("event_max_bytes", self.limits.event_max_bytes),
            too_low("pending_max_requests", self.pending_max_requests),
            too_low("pending_max_bytes", self.pending_max_bytes),
            too_low("decoders_max", self.decoders_max),
            too_high(
                "commit_delay_ms",
                usize::try_from(self.commit_delay.as_millis()).unwrap_or(usize::MAX),
                Self::DELAY_MS_CAP,
            ),
            too_low(
                "backlog_max_events",
                usize::try_from(self.backlog_max_events).unwrap_or(usize::MAX),
            ),
        ];
        match wrong.into_iter().flatten().next() {
            Some(detail) => Err(detail),
            None => Ok(()),
        }
    }
}

fn too_low(name: &str, value: usize) -> Option<String> {
    (value == 0).then(|| format!("`{name}` is 0; it must be at least 1"))
}

fn too_high(name: &str, value: usize, max: usize) -> Option<String> {
    (value > max).then(|| format!("`{name}` is {value}, which is over {max}"))
}
