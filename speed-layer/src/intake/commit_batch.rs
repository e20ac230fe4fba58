//! Requests that wait for the committer, and the batches that it takes them in.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver};
use std::time::Instant;

use memchr::memchr_iter;
use tokio::sync::oneshot;

use super::body_decoder::BodyDecoder;
use super::body_format::BodyFormat;
use super::budget::IntakePermit;
use super::error::IntakeError;
use super::prepare::{PlainBody, PreparedEvents};
use super::settings::IntakeSettings;
use merganser_api::receipt::Receipt;

/// A request that waits to be committed.
pub(super) struct Submission {
    pub(super) content: SubmissionContent,
    pub(super) caller: ReplyHandle,
}

/// What there is of a request.
pub(super) enum SubmissionContent {
    /// A decoded one.
    Decoded(PreparedEvents),
    /// A small body, which is decoded together with others.
    Small(PlainBody),
}

/// A request that waits for its answer.
pub(super) struct ReplyHandle {
    /// What the request holds of the budget, until it is answered.
    pub(super) share: IntakePermit,
    pub(super) reply: oneshot::Sender<SubmissionResult>,
}

/// The answer to a request.
pub(super) type SubmissionResult = Result<Receipt, IntakeError>;

impl ReplyHandle {
    pub(super) fn send(self, answer: SubmissionResult) {
        drop(self.share);
        // A client that has gone does not need its answer.
        let _ = self.reply.send(answer);
    }
}

/// Requests that were decoded together, and who sent them.
pub(super) struct PreparedSubmissions {
    pub(super) prepared: PreparedEvents,
    pub(super) callers: Vec<ReplyHandle>,
}

impl SubmissionContent {
    /// Events that it has at most.
    pub(super) fn events(&self) -> usize {
        match self {
            Self::Decoded(prepared) => prepared.candidates.len(),
            Self::Small(PlainBody {
                bytes,
                format: BodyFormat::Ndjson | BodyFormat::NamedNdjson,
                ..
            }) => memchr_iter(b'\n', bytes).count() + 1,
            Self::Small(PlainBody { bytes, format: BodyFormat::Json, .. })
                if bytes.first() == Some(&b'{') =>
            {
                1
            }
            Self::Small(PlainBody { bytes, .. }) => memchr_iter(b',', bytes).count() + 1,
        }
    }
}

/// A queue for the committer. Its bound is that of pending requests, which is kept before a request
/// gets here.
pub(super) fn commit_queue(
    requests_max: usize,
) -> (mpsc::SyncSender<Submission>, mpsc::Receiver<Submission>) {
    mpsc::sync_channel(requests_max)
}

/// What is queued, and what comes within the delay of a commit, up to the bounds of a batch; a
/// single request may exceed them. Also returns the request that did not fit any more.
pub(super) fn take_batch(
    first: Submission,
    queue: &Receiver<Submission>,
    settings: &IntakeSettings,
) -> (Vec<Submission>, Option<Submission>) {
    let mut events = first.content.events();
    let mut bytes = first.caller.share.bytes();
    let mut batch = vec![first];
    let until = Instant::now() + settings.commit_delay;
    loop {
        if events >= settings.commit_max_events || bytes >= settings.commit_max_bytes {
            return (batch, None);
        }
        let Ok(submission) = queue.try_recv().or_else(|_| {
            // Without time left, and at the end, nothing is waited for.
            queue.recv_timeout(until.saturating_duration_since(Instant::now()))
        }) else {
            return (batch, None);
        };
        events += submission.content.events();
        bytes += submission.caller.share.bytes();
        if events > settings.commit_max_events || bytes > settings.commit_max_bytes {
            return (batch, Some(submission));
        }
        batch.push(submission);
    }
}

/// Decodes what is small, all together, and puts it last.
pub(super) fn decode_small(
    decoder: &BodyDecoder,
    batch: Vec<Submission>,
) -> Vec<PreparedSubmissions> {
    let mut all = Vec::new();
    let (mut bodies, mut callers) = (Vec::new(), Vec::new());
    for Submission { content, caller } in batch {
        match content {
            SubmissionContent::Decoded(prepared) => {
                all.push(PreparedSubmissions { prepared, callers: vec![caller] });
            }
            SubmissionContent::Small(body) => {
                bodies.push(body);
                callers.push(caller);
            }
        }
    }
    if bodies.is_empty() {
        return all;
    }
    if let Ok(prepared) = try_decode(decoder, &bodies) {
        all.push(PreparedSubmissions { prepared, callers });
        return all;
    }
    // One of them may be the only reason.
    for (body, caller) in bodies.iter().zip(callers) {
        match try_decode(decoder, std::slice::from_ref(body)) {
            Ok(prepared) => all.push(PreparedSubmissions { prepared, callers: vec![caller] }),
            Err(failure) => caller.send(Err(failure)),
        }
    }
    all
}

/// A fault in decoding is one request's and not the end of the thread that commits.
fn try_decode(decoder: &BodyDecoder, bodies: &[PlainBody]) -> Result<PreparedEvents, IntakeError> {
    catch_unwind(AssertUnwindSafe(|| decoder.decode_bodies(bodies)))
        .unwrap_or_else(|_| Err(IntakeError::Internal("decoding panicked".to_owned())))
}
