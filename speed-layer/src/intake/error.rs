//! Why a request was not taken, and what its sender can do about it.
//!
//! None of these is an acknowledgement: a sender that gets one sends the request again, as it was
//! or corrected, and events with an id are counted once all the same.

use merganser_api::error_code::ErrorCode;
use merganser_api::problem::{FAULT, Problem};
use merganser_api::receipt::{InvalidEvent, Receipt};
use merganser_core::blocking::WorkerFailure;
use merganser_core::journal::{AppendFailure, JournalError};
use merganser_core::line_store::LineStoreError;

use super::quarantine::QuarantineError;

/// A bound of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExceededLimit {
    /// Bytes of the body as it was sent.
    BodyBytes,
    /// Bytes of the body after decompression.
    DecompressedBytes,
    /// Events of a request.
    Events,
    /// Bytes of one record of the journal.
    RecordBytes,
}

impl ExceededLimit {
    /// The name of its setting.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BodyBytes => "body_max_bytes",
            Self::DecompressedBytes => "decompressed_max_bytes",
            Self::Events => "request_max_events",
            Self::RecordBytes => "record_max_bytes",
        }
    }

    const fn error_code(self) -> ErrorCode {
        match self {
            Self::BodyBytes => ErrorCode::BodyTooLarge,
            Self::DecompressedBytes => ErrorCode::DecompressedBodyTooLarge,
            Self::Events => ErrorCode::TooManyEvents,
            Self::RecordBytes => ErrorCode::RequestTooLarge,
        }
    }

    const fn subject(self) -> &'static str {
        match self {
            Self::BodyBytes => "bytes a body may have as it is sent",
            Self::DecompressedBytes => "bytes a body may have after decompression",
            Self::Events => "events a request may have",
            Self::RecordBytes => "bytes that may be committed at once",
        }
    }
}

/// What is wrong with some events of a request, of which the first few are named.
fn invalid_events(invalid: &[InvalidEvent]) -> String {
    const NAMED: usize = 3;
    let named = invalid.iter().take(NAMED).map(|one| format!("{}: {}", one.index, one.message));
    let named = named.collect::<Vec<_>>().join("; ");
    let more = if invalid.len() > NAMED { "; …" } else { "" };
    match invalid.len() {
        1 => format!("1 of the request's events is invalid (place {named})"),
        count => format!("{count} of the request's events are invalid (places {named}{more})"),
    }
}

/// Why a request was not taken, or why intake did not start.
#[derive(Clone, Debug, thiserror::Error)]
pub enum IntakeError {
    /// The body cannot be decoded at all.
    #[error("{0}")]
    MalformedBody(String),
    /// The body took too long to arrive.
    #[error("the body did not arrive within {limit_ms} ms")]
    BodyTimeout {
        /// How long it may take.
        limit_ms: u64,
    },
    /// The body stopped to arrive.
    #[error("nothing of the body arrived for {limit_ms} ms")]
    BodyIdle {
        /// How long it may pause.
        limit_ms: u64,
    },
    /// The content type or encoding is not one that is read.
    #[error("{0}")]
    UnsupportedMedia(String),
    /// A bound of the request was exceeded.
    #[error("the request exceeds `{}`: {max} {}", limit.name(), limit.subject())]
    TooLarge {
        /// Which bound.
        limit: ExceededLimit,
        /// Its value.
        max: usize,
    },
    /// An event is invalid, and the sender wanted all or nothing.
    #[error("{}, and with `on_invalid=reject` nothing is stored", invalid_events(&.0.invalid))]
    Rejected(Box<Receipt>),
    /// Too much is pending.
    #[error("more is pending than intake may hold; send the request again")]
    Overloaded,
    /// Runs do not keep up with what comes in.
    #[error(
        "{backlog} events wait for a run, which is over `backlog_max_events` of {max_events}; send \
         the request again in {retry_after_s} s"
    )]
    BacklogFull {
        /// Events that no run has archived.
        backlog: u64,
        /// The setting.
        max_events: u64,
        /// When to come again, in seconds.
        retry_after_s: u64,
    },
    /// The service is stopping.
    #[error("the service is stopping; send the request again")]
    ShuttingDown,
    /// The journal takes nothing more until the service starts anew.
    #[error("{0}")]
    JournalStopped(String),
    /// The journal could not write this once, and nothing of it is stored.
    #[error("{0}; nothing was written; send the request again")]
    JournalUnavailable(String),
    /// The data directory is not the one any more that the service was started on.
    #[error("{0}")]
    DirectoryGone(String),
    /// The fold ended, so that answers would fall behind without a bound.
    #[error("the speed layer has ended; restart the service")]
    FoldStopped,
    /// There is no room, or less than the floor that was set.
    #[error("{0}")]
    DiskFull(String),
    /// The quarantine could not be written, so that a verdict would not have been durable.
    #[error("the quarantine cannot be written: {0}")]
    Quarantine(String),
    /// A setting has a value that nothing can work with.
    #[error("{0}")]
    Settings(String),
    /// A fault of this program.
    #[error("{0}")]
    Internal(String),
}

impl From<WorkerFailure> for IntakeError {
    fn from(failure: WorkerFailure) -> Self {
        Self::Internal(failure.to_string())
    }
}

impl IntakeError {
    /// Whether it lasts until the service starts anew.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self, Self::JournalStopped(_) | Self::DirectoryGone(_) | Self::FoldStopped)
    }

    const fn error_code(&self) -> ErrorCode {
        match self {
            Self::MalformedBody(_) => ErrorCode::MalformedBody,
            Self::BodyTimeout { .. } | Self::BodyIdle { .. } => ErrorCode::BodyTimeout,
            Self::UnsupportedMedia(_) => ErrorCode::UnsupportedMedia,
            Self::TooLarge { limit, .. } => limit.error_code(),
            Self::Rejected(_) => ErrorCode::InvalidEvents,
            Self::Overloaded => ErrorCode::Overloaded,
            Self::BacklogFull { .. } => ErrorCode::BacklogFull,
            Self::ShuttingDown => ErrorCode::ShuttingDown,
            Self::JournalStopped(_) => ErrorCode::JournalStopped,
            Self::JournalUnavailable(_) => ErrorCode::JournalUnavailable,
            Self::DirectoryGone(_) => ErrorCode::DataDirectoryGone,
            Self::FoldStopped => ErrorCode::SpeedLayerStopped,
            Self::DiskFull(_) => ErrorCode::DiskFull,
            Self::Quarantine(_) => ErrorCode::QuarantineFailed,
            Self::Settings(_) | Self::Internal(_) => ErrorCode::Internal,
        }
    }
}

impl From<IntakeError> for Problem {
    fn from(error: IntakeError) -> Self {
        let problem = Self::new(error.error_code(), error.to_string());
        match error {
            IntakeError::TooLarge { limit, max } => {
                problem.with("limit", limit.name()).with("limit_value", max)
            }
            IntakeError::Rejected(receipt) => receipt.add_to_problem(problem),
            IntakeError::Overloaded | IntakeError::ShuttingDown => problem.retry_after_s(1),
            IntakeError::BacklogFull { retry_after_s, .. } => problem
                .retry_after_s(retry_after_s)
                .with_public_detail("more events wait for a run than may; send the request again"),
            IntakeError::MalformedBody(_)
            | IntakeError::BodyTimeout { .. }
            | IntakeError::BodyIdle { .. }
            | IntakeError::UnsupportedMedia(_)
            | IntakeError::FoldStopped => problem,
            IntakeError::JournalStopped(_) => problem.with_public_detail(
                "the journal takes nothing until the service starts anew; nothing of the request \
                 is acknowledged",
            ),
            IntakeError::JournalUnavailable(_) => problem.retry_after_s(1).with_public_detail(
                "the journal cannot be written at the moment; nothing of the request is \
                 acknowledged; send it again",
            ),
            IntakeError::DirectoryGone(_) => problem.with_public_detail(
                "the service's data directory is gone; nothing of the request is acknowledged",
            ),
            IntakeError::DiskFull(_) => problem.with_public_detail(
                "the service's disk is full, or nearly so; nothing of the request is acknowledged",
            ),
            IntakeError::Quarantine(_) => problem.with_public_detail(
                "the quarantine cannot be written; nothing of the request is acknowledged",
            ),
            IntakeError::Settings(_) | IntakeError::Internal(_) => {
                problem.with_public_detail(FAULT)
            }
        }
    }
}

impl From<JournalError> for IntakeError {
    /// What was not written leaves the journal well, and the next batch is tried; after anything
    /// else only a new start finds out what is stored.
    fn from(error: JournalError) -> Self {
        match (error.append_failure(), error) {
            (_, JournalError::Gone(why)) => Self::DirectoryGone(why),
            (_, JournalError::TooLarge { limit_bytes, .. }) => {
                Self::TooLarge { limit: ExceededLimit::RecordBytes, max: limit_bytes }
            }
            (_, error @ JournalError::Full(_)) => Self::DiskFull(error.to_string()),
            (AppendFailure::NotWritten, error) => Self::JournalUnavailable(error.to_string()),
            (
                AppendFailure::BatchRefused | AppendFailure::Uncertain | AppendFailure::Ended,
                error,
            ) => Self::JournalStopped(error.to_string()),
        }
    }
}

impl From<QuarantineError> for IntakeError {
    fn from(error: QuarantineError) -> Self {
        match error {
            QuarantineError::Lines(LineStoreError::Full(_)) => Self::DiskFull(error.to_string()),
            QuarantineError::Lines(LineStoreError::Io { .. }) | QuarantineError::Format(_) => {
                Self::Quarantine(error.to_string())
            }
        }
    }
}
