//! One batch to the server, until it has a verdict.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use indicatif::{HumanCount, ProgressBar};
use serde::Deserialize;

use super::super::backoff::Backoff;
use super::super::client::{CallError, Client, Reply};
use super::super::counted::counted;
use super::super::output;
use super::batches::{Batch, IdsGiven, Row, has_id};
use super::interrupt::Watch;
use super::standing::{Standing, Unanswered};
use super::{Encoding, OnInvalid};

/// What the server did with a batch.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Verdict {
    pub(super) accepted: u64,
    pub(super) duplicates: u64,
    #[serde(default)]
    pub(super) conflicts: Vec<Conflict>,
    #[serde(default)]
    pub(super) invalid: Vec<Invalid>,
    #[serde(default)]
    position: BTreeMap<String, u64>,
    /// Whether nothing was stored because some are invalid.
    #[serde(skip)]
    is_rejected: bool,
}

impl Verdict {
    /// Where the journal ended behind the batch.
    pub(super) fn journal_end(&self) -> u64 {
        self.position.values().sum()
    }
}

/// An event whose id has other content.
#[derive(Debug, Deserialize)]
pub(super) struct Conflict {
    pub(super) index: usize,
    pub(super) id: String,
}

/// An event that breaks a rule.
#[derive(Debug, Deserialize)]
pub(super) struct Invalid {
    pub(super) index: usize,
    pub(super) code: String,
    pub(super) message: String,
}

impl Verdict {
    /// Whether nothing was stored because some events are invalid.
    pub(super) fn is_rejected(&self) -> bool {
        self.is_rejected
    }

    /// Why nothing was stored.
    pub(super) fn rejection(&self) -> anyhow::Error {
        let what = match self.invalid.len() {
            1 => "1 event is invalid".to_owned(),
            count => format!("{} events are invalid", HumanCount(count as u64)),
        };
        anyhow::anyhow!("{what}, and with --on-invalid reject nothing of their request is stored")
    }

    /// Whether every line is of another shape than an event: there is no point in sending more of
    /// such a file.
    pub(super) fn is_of_no_events(&self) -> bool {
        const SHAPE: [&str; 4] =
            ["malformed_event", "not_an_object", "unknown_field", "invalid_event"];
        let is_shape = |invalid: &Invalid| SHAPE.contains(&&*invalid.code);
        self.accepted + self.duplicates == 0
            && self.conflicts.is_empty()
            && !self.invalid.is_empty()
            && self.invalid.iter().all(is_shape)
    }

    /// Whether anything was stored.
    pub(super) fn is_new(&self) -> bool {
        self.accepted > 0
    }

    /// Whether the event at a place of its batch was refused.
    fn is_refused(&self, index: usize) -> bool {
        self.conflicts.iter().any(|c| c.index == index)
            || self.invalid.iter().any(|i| i.index == index)
    }
}

impl Batch {
    fn unanswered(&self) -> Unanswered {
        let line = |number: Option<&u64>| number.copied().unwrap_or_default();
        Unanswered {
            first: line(self.lines.first()),
            last: line(self.lines.last()),
            unsafe_events: self.unsafe_events(),
        }
    }

    /// Where it is in its file.
    pub(super) fn place(&self, file: &Path) -> String {
        let Unanswered { first, last, .. } = self.unanswered();
        match first == last {
            true => format!("`{}` line {first}", file.display()),
            false => format!("`{}` lines {first} to {last}", file.display()),
        }
    }

    /// The last event with an id that the server has by now.
    pub(super) fn last_taken(&self, verdict: &Verdict) -> Option<String> {
        let is_given = self.ids != IdsGiven::None;
        if !self.rows.is_empty() {
            let taken = |(index, row): &(usize, &Row)| {
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
pub(super) struct Sender<'a> {
    /// To this server.
    pub(super) client: &'a Client,
    /// With the options in the query string.
    pub(super) path: String,
    /// Compressed so.
    pub(super) encoding: Encoding,
    /// With this said about invalid events.
    pub(super) on_invalid: OnInvalid,
    /// Trying again for so long.
    pub(super) retry: Duration,
    /// Unless it is told to stop.
    pub(super) watch: &'a Watch,
}

/// What a try came to.
enum Try {
    Done(Verdict),
    /// The server has nothing of it.
    NotTaken {
        reason: String,
        after: Option<Duration>,
    },
    /// Nobody knows what it has of it.
    Unknown {
        reason: String,
    },
    /// It will have nothing of it.
    Refused(anyhow::Error),
}

impl Sender<'_> {
    /// Sends a batch until there is a verdict.
    ///
    /// # Errors
    /// When the server refuses it as a whole, or the time for retries is over, or it is not known
    /// whether events without an id were stored, or it is told to stop.
    pub(super) fn send(&self, batch: &Batch, bar: &ProgressBar) -> anyhow::Result<Verdict> {
        let (encoding, body) = self.encode(&batch.body)?;
        let path = format!("{}{}", self.path, batch.shape.parameters);
        let mut backoff = Backoff::within(self.retry);
        let (mut is_told, mut is_unknown) = (false, false);
        loop {
            self.watch.sending(batch.unanswered())?;
            let reply = self.client.send_events(&path, batch.shape.content_type, encoding, &body);
            let (reason, after) = match self.judge(reply) {
                Ok(Try::Done(verdict)) => return Ok(verdict),
                Ok(Try::Unknown { reason }) => {
                    is_unknown = true;
                    (reason, None)
                }
                Ok(Try::NotTaken { reason, after }) => (reason, after),
                Ok(Try::Refused(error)) => {
                    // What became of an earlier try may not be known all the same.
                    if !is_unknown {
                        self.watch.standing(Standing::not_taken);
                    }
                    return Err(error);
                }
                Err(error) => return Err(error),
            };
            match is_unknown {
                true => safe_again(&reason, batch.unsafe_events())?,
                false => self.watch.standing(Standing::not_taken),
            }
            if !std::mem::replace(&mut is_told, true) {
                bar.suspend(|| output::note(&format!("{reason}; trying again")));
            }
            match backoff.next(after) {
                Some(pause) => self.watch.pause(pause)?,
                None => anyhow::bail!("{reason}; gave up after {} s", self.retry.as_secs()),
            }
        }
    }

    fn judge(&self, reply: Result<Reply, CallError>) -> anyhow::Result<Try> {
        let reply = match reply {
            Ok(reply) => reply,
            Err(error @ CallError::NotSent { .. }) => {
                return Ok(Try::NotTaken { reason: error.to_string(), after: None });
            }
            Err(error @ CallError::NoReply { .. }) => {
                return Ok(Try::Unknown { reason: error.to_string() });
            }
        };
        match reply.status {
            200 => Ok(Try::Done(reply.json()?)),
            // Every event was invalid, or some were and the request was rejected: a verdict.
            422 if reply.json::<Verdict>().is_ok_and(|verdict| !verdict.invalid.is_empty()) => {
                let is_rejected = self.on_invalid == OnInvalid::Reject;
                Ok(Try::Done(Verdict { is_rejected, ..reply.json()? }))
            }
            502 | 504 => Ok(Try::Unknown { reason: format!("a gateway replied {}", reply.status) }),
            // A body that was too slow was not taken.
            408 | 429 | 503 => {
                let after = reply.retry_after;
                let reason = reply.ok().err().map(|e| e.to_string()).unwrap_or_default();
                Ok(Try::NotTaken { reason, after })
            }
            400..500 | 507 => Ok(Try::Refused(reply.problem())),
            _ => reply.ok().and_then(|reply| reply.json()).map(Try::Done),
        }
    }

    fn encode(&self, body: &[u8]) -> anyhow::Result<(Option<&'static str>, Vec<u8>)> {
        Ok(match self.encoding {
            Encoding::None => (None, body.to_vec()),
            Encoding::Zstd => (Some("zstd"), zstd::encode_all(body, 1)?),
            Encoding::Gzip => {
                let level = flate2::Compression::fast();
                let mut gzip = flate2::write::GzEncoder::new(Vec::new(), level);
                gzip.write_all(body)?;
                (Some("gzip"), gzip.finish()?)
            }
        })
    }
}

/// The batch may have been stored. Ids make sending it again safe.
fn safe_again(reason: &str, unsafe_events: u64) -> anyhow::Result<()> {
    anyhow::ensure!(
        unsafe_events == 0,
        "{reason}; whether the batch was stored is not known, and {} no `id`, so sending it again \
         could store events twice",
        have(unsafe_events)
    );
    Ok(())
}

/// Events as the subject of what they have.
pub(super) fn have(count: u64) -> String {
    let verb = if count == 1 { "has" } else { "have" };
    format!("{} {verb}", counted(count, "event"))
}

#[cfg(test)]
mod tests {
    use super::super::super::client::ClientArgs;
    use super::super::totals::Totals;
    use super::*;

    fn reply(status: u16, body: &str) -> Result<Reply, CallError> {
        let body = body.as_bytes().to_vec();
        Ok(Reply { status, retry_after: None, location: None, body })
    }

    fn judge(reply: Result<Reply, CallError>) -> anyhow::Result<Try> {
        judge_with(OnInvalid::Quarantine, reply)
    }

    fn judge_with(on_invalid: OnInvalid, reply: Result<Reply, CallError>) -> anyhow::Result<Try> {
        let client = Client::new(&ClientArgs::at("http://localhost:1")).unwrap();
        let (encoding, retry, watch) = (Encoding::None, Duration::ZERO, Watch::default());
        let path = String::new();
        Sender { client: &client, path, encoding, on_invalid, retry, watch: &watch }.judge(reply)
    }

    fn lost() -> Result<Reply, CallError> {
        Err(CallError::NoReply { server: "s".into(), reason: "reset".into() })
    }

    #[test]
    fn only_what_cannot_be_stored_twice_is_sent_again() {
        assert!(matches!(judge(lost()), Ok(Try::Unknown { .. })));
        assert!(matches!(judge(reply(504, "{}")), Ok(Try::Unknown { .. })));
        let refused = Err(CallError::NotSent { server: "s".into(), reason: "refused".into() });
        assert!(matches!(judge(refused), Ok(Try::NotTaken { .. })));
        assert!(matches!(judge(reply(503, "{}")), Ok(Try::NotTaken { .. })));
        assert!(matches!(judge(reply(408, "{}")), Ok(Try::NotTaken { .. })));
        assert!(matches!(judge(reply(413, r#"{"detail":"too large"}"#)), Ok(Try::Refused(_))));
        assert!(judge(reply(200, "no verdict")).is_err());
        assert!(safe_again("reset", 0).is_ok());
        let error = safe_again("reset", 3).unwrap_err().to_string();
        assert!(error.contains("3 events have no `id`"), "{error}");
    }

    #[test]
    fn a_batch_of_invalid_events_only_has_a_verdict_too() {
        let body = r#"{"accepted":0,"duplicates":0,"conflicts":[],
                       "invalid":[{"index":0,"code":"invalid_time","message":"m"}],"status":422}"#;
        let Ok(Try::Done(verdict)) = judge(reply(422, body)) else { panic!("expected a verdict") };
        let batch = Batch { lines: vec![7], ..Batch::default() };
        let mut totals = Totals::default();
        totals.add(Path::new("f"), &batch, &verdict, &ProgressBar::hidden());
        assert_eq!((totals.refused(), totals.sent()), (1, 1));
        assert!(matches!(judge(reply(422, r#"{"detail":"no"}"#)), Ok(Try::Refused(_))));
        let Ok(Try::Done(verdict)) = judge_with(OnInvalid::Reject, reply(422, body)) else {
            panic!("expected a verdict")
        };
        assert!(verdict.is_rejected() && !verdict.is_of_no_events());
        let batch = Batch { lines: vec![7, 9, 12], ..Batch::default() };
        let mut totals = Totals::default();
        totals.add(Path::new("f"), &batch, &verdict, &ProgressBar::hidden());
        assert_eq!((totals.invalid, totals.rejected, totals.refused[0].line), (1, 2, 7));
    }
}
