//! One batch to the server, until it has a verdict.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use indicatif::ProgressBar;
use merganser_api::receipt::Receipt;

use super::super::backoff::Backoff;
use super::super::client::{ApiClient, CallError, HttpReply};
use super::super::output;
use super::super::text::events_have;
use super::batch_reply::BatchReply;
use super::batches::{RowSpan, UploadBatch, has_id};
use super::interrupt::InterruptWatch;
use super::line_ids::LineIdLifetime;
use super::progress::{UnansweredLines, UploadProgress};
use super::{EncodingArg, OnInvalidArg};

impl UploadBatch {
    fn unanswered(&self) -> UnansweredLines {
        let line = |number: Option<&u64>| number.copied().unwrap_or_default();
        UnansweredLines {
            first: line(self.lines.first()),
            last: line(self.lines.last()),
            unsafe_events: self.unsafe_events(),
        }
    }

    /// Where it is in its file.
    pub(super) fn place(&self, file: &Path) -> String {
        let UnansweredLines { first, last, .. } = self.unanswered();
        match first == last {
            true => format!("`{}` line {first}", file.display()),
            false => format!("`{}` lines {first} to {last}", file.display()),
        }
    }

    /// The last event with an id that the server has by now.
    pub(super) fn last_taken(&self, verdict: &BatchReply) -> Option<String> {
        let is_given = self.ids != LineIdLifetime::None;
        if !self.rows.is_empty() {
            let taken = |(index, row): &(usize, &RowSpan)| {
                (row.has_id || is_given) && !verdict.is_refused(*index)
            };
            let (_, row) = self.rows.iter().enumerate().rev().find(taken)?;
            let (head, row) =
                (self.body.get(..self.head_bytes)?, self.body.get(row.bytes.clone())?);
            return String::from_utf8([head, row, b"\n"].concat()).ok();
        }
        let lines: Vec<&[u8]> = self.body.split_inclusive(|byte| *byte == b'\n').collect();
        let taken = lines
            .iter()
            .enumerate()
            .rev()
            .find(|(index, line)| !verdict.is_refused(*index) && (is_given || has_id(line)));
        taken.and_then(|(_, line)| String::from_utf8(line.to_vec()).ok())
    }
}

/// Sends batches.
#[derive(Debug)]
pub(super) struct BatchSender<'a> {
    /// To this server.
    pub(super) client: &'a ApiClient,
    /// With the options in the query string.
    pub(super) path: String,
    /// Compressed so.
    pub(super) encoding: EncodingArg,
    /// With this said about invalid events.
    pub(super) on_invalid: OnInvalidArg,
    /// Trying again for so long.
    pub(super) retry: Duration,
    /// Stops it after a signal.
    pub(super) watch: &'a InterruptWatch,
}

/// What a try came to.
enum SendOutcome {
    Done(BatchReply),
    /// The server has nothing of it.
    NotTaken {
        reason: String,
        after: Option<Duration>,
    },
    /// It is unknown which of them it has stored.
    Unknown {
        reason: String,
    },
    /// It will have nothing of it.
    Refused(anyhow::Error),
}

impl BatchSender<'_> {
    /// Sends a batch until there is a verdict.
    ///
    /// # Errors
    /// When the server refuses it as a whole, or the time for retries is over, or it is not known
    /// whether events without an id were stored, or a signal stops it.
    pub(super) fn send(
        &self,
        batch: &UploadBatch,
        bar: &ProgressBar,
    ) -> anyhow::Result<BatchReply> {
        let (encoding, body) = self.encode(&batch.body)?;
        let path = format!("{}{}", self.path, batch.shape.parameters);
        let mut backoff = Backoff::with_deadline(self.retry);
        let (mut is_noted, mut is_unknown) = (false, false);
        loop {
            self.watch.begin_request(batch.unanswered())?;
            let reply = self.client.send_events(&path, batch.shape.content_type, encoding, &body);
            let (reason, after) = match self.classify_reply(reply) {
                Ok(SendOutcome::Done(verdict)) => return Ok(verdict),
                Ok(SendOutcome::Unknown { reason }) => {
                    is_unknown = true;
                    (reason, None)
                }
                Ok(SendOutcome::NotTaken { reason, after }) => (reason, after),
                Ok(SendOutcome::Refused(error)) => {
                    // What became of an earlier try may not be known all the same.
                    if !is_unknown {
                        self.watch.with_progress(UploadProgress::clear_in_flight);
                    }
                    return Err(error);
                }
                Err(error) => return Err(error),
            };
            match is_unknown {
                true => ensure_resend_safe(&reason, batch.unsafe_events())?,
                false => self.watch.with_progress(UploadProgress::clear_in_flight),
            }
            if !std::mem::replace(&mut is_noted, true) {
                bar.suspend(|| output::print_note(&format!("{reason}; trying again")));
            }
            match backoff.next(after) {
                Some(pause) => self.watch.pause(pause)?,
                None => anyhow::bail!("{reason}; gave up after {} s", self.retry.as_secs()),
            }
        }
    }

    fn classify_reply(&self, reply: Result<HttpReply, CallError>) -> anyhow::Result<SendOutcome> {
        let reply = match reply {
            Ok(reply) => reply,
            Err(error @ CallError::NotSent { .. }) => {
                return Ok(SendOutcome::NotTaken { reason: error.to_string(), after: None });
            }
            Err(error @ CallError::NoReply { .. }) => {
                return Ok(SendOutcome::Unknown { reason: error.to_string() });
            }
        };
        match reply.status {
            200 => Ok(SendOutcome::Done(reply.json::<Receipt>()?.into())),
            // Every event was invalid, or some were and the request was rejected: a verdict.
            422 if reply.json::<Receipt>().is_ok_and(|receipt| !receipt.invalid.is_empty()) => {
                let is_rejected = self.on_invalid == OnInvalidArg::Reject;
                Ok(SendOutcome::Done(BatchReply { receipt: reply.json()?, is_rejected }))
            }
            502 | 504 => {
                Ok(SendOutcome::Unknown { reason: format!("a gateway replied {}", reply.status) })
            }
            // A body that was too slow was not taken.
            408 | 429 | 503 => {
                let after = reply.retry_after;
                let reason = reply.ok().err().map(|e| e.to_string()).unwrap_or_default();
                Ok(SendOutcome::NotTaken { reason, after })
            }
            400..500 | 507 => Ok(SendOutcome::Refused(reply.problem())),
            _ => Ok(SendOutcome::Done(reply.ok()?.json::<Receipt>()?.into())),
        }
    }

    fn encode(&self, body: &[u8]) -> anyhow::Result<(Option<&'static str>, Vec<u8>)> {
        Ok(match self.encoding {
            EncodingArg::None => (None, body.to_vec()),
            EncodingArg::Zstd => (Some("zstd"), zstd::encode_all(body, 1)?),
            EncodingArg::Gzip => {
                let level = flate2::Compression::fast();
                let mut gzip = flate2::write::GzEncoder::new(Vec::new(), level);
                gzip.write_all(body)?;
                (Some("gzip"), gzip.finish()?)
            }
        })
    }
}

/// The batch may have been stored. Ids make sending it again safe.
fn ensure_resend_safe(reason: &str, unsafe_events: u64) -> anyhow::Result<()> {
    anyhow::ensure!(
        unsafe_events == 0,
        "{reason}; whether the batch was stored is not known, and {} no `id`, so sending it again \
         could store events twice",
        events_have(unsafe_events)
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::super::client::ClientArgs;
    use super::super::totals::UploadTotals;
    use super::*;

    fn reply(status: u16, body: &str) -> Result<HttpReply, CallError> {
        let body = body.as_bytes().to_vec();
        Ok(HttpReply { status, retry_after: None, location: None, body })
    }

    fn classify_reply(reply: Result<HttpReply, CallError>) -> anyhow::Result<SendOutcome> {
        judge_with(OnInvalidArg::Quarantine, reply)
    }

    fn judge_with(
        on_invalid: OnInvalidArg,
        reply: Result<HttpReply, CallError>,
    ) -> anyhow::Result<SendOutcome> {
        let client = ApiClient::new(&ClientArgs::at("http://localhost:1")).unwrap();
        let (encoding, retry, watch) =
            (EncodingArg::None, Duration::ZERO, InterruptWatch::default());
        let path = String::new();
        BatchSender { client: &client, path, encoding, on_invalid, retry, watch: &watch }
            .classify_reply(reply)
    }

    fn lost() -> Result<HttpReply, CallError> {
        Err(CallError::NoReply { server: "s".into(), reason: "reset".into() })
    }

    #[test]
    fn only_what_cannot_be_stored_twice_is_sent_again() {
        assert!(matches!(classify_reply(lost()), Ok(SendOutcome::Unknown { .. })));
        assert!(matches!(classify_reply(reply(504, "{}")), Ok(SendOutcome::Unknown { .. })));
        let refused = Err(CallError::NotSent { server: "s".into(), reason: "refused".into() });
        assert!(matches!(classify_reply(refused), Ok(SendOutcome::NotTaken { .. })));
        assert!(matches!(classify_reply(reply(503, "{}")), Ok(SendOutcome::NotTaken { .. })));
        assert!(matches!(classify_reply(reply(408, "{}")), Ok(SendOutcome::NotTaken { .. })));
        assert!(matches!(
            classify_reply(reply(413, r#"{"detail":"too large"}"#)),
            Ok(SendOutcome::Refused(_))
        ));
        assert!(classify_reply(reply(200, "no verdict")).is_err());
        assert!(ensure_resend_safe("reset", 0).is_ok());
        let error = ensure_resend_safe("reset", 3).unwrap_err().to_string();
        assert!(error.contains("3 events have no `id`"), "{error}");
    }

    #[test]
    fn a_batch_of_invalid_events_only_has_a_verdict_too() {
        let body = r#"{"accepted":0,"duplicates":0,"conflicts":[],
                       "invalid":[{"index":0,"code":"invalid_time","message":"m"}],
                       "position":{"0":0},"status":422}"#;
        let Ok(SendOutcome::Done(verdict)) = classify_reply(reply(422, body)) else {
            panic!("expected a verdict")
        };
        let batch = UploadBatch { lines: vec![7], ..UploadBatch::default() };
        let mut totals = UploadTotals::default();
        totals.add(Path::new("f"), &batch, &verdict, &ProgressBar::hidden());
        assert_eq!((totals.refused(), totals.sent()), (1, 1));
        assert!(matches!(
            classify_reply(reply(422, r#"{"detail":"no"}"#)),
            Ok(SendOutcome::Refused(_))
        ));
        let Ok(SendOutcome::Done(verdict)) = judge_with(OnInvalidArg::Reject, reply(422, body))
        else {
            panic!("expected a verdict")
        };
        assert!(verdict.is_rejected && !verdict.has_no_events());
        let batch = UploadBatch { lines: vec![7, 9, 12], ..UploadBatch::default() };
        let mut totals = UploadTotals::default();
        totals.add(Path::new("f"), &batch, &verdict, &ProgressBar::hidden());
        assert_eq!((totals.invalid, totals.rejected, totals.refused[0].line), (1, 2, 7));
    }
}
