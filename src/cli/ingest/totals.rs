//! The sum of what the server did with all batches.

use std::path::Path;

use indicatif::{HumanCount, ProgressBar};
use merganser_api::receipt::Receipt;
use serde::Serialize;

use super::super::output::{self, OutputFormat};
use super::super::text::pluralize;
use super::batch_reply::BatchReply;
use super::batches::UploadBatch;
use super::line_ids::LineIdLifetime;

/// How many refused events are shown; the others are only counted.
const SHOWN: u64 = 20;

/// An event that was not taken.
#[derive(Clone, Debug, Serialize)]
pub(super) struct RefusedEvent {
    file: String,
    /// Its line, from 1.
    pub(super) line: u64,
    code: String,
    message: String,
}

/// The sum of the verdicts.
#[derive(Debug, Default, Serialize)]
pub(in crate::cli) struct UploadTotals {
    /// Stored now.
    pub(in crate::cli) accepted: u64,
    /// Stored before.
    pub(in crate::cli) duplicates: u64,
    conflicts: u64,
    pub(super) invalid: u64,
    /// Not stored because others of their request are invalid.
    pub(super) rejected: u64,
    /// Without an `id`, whatever they were given for it.
    unidentified: u64,
    /// Of these, those that the same line of the same file is known by.
    #[serde(skip)]
    lasting: u64,
    /// The first events that were not taken.
    pub(super) refused: Vec<RefusedEvent>,
}

impl UploadTotals {
    /// Adds a verdict, and reports refused events by file and line.
    pub(super) fn add(
        &mut self,
        file: &Path,
        batch: &UploadBatch,
        verdict: &BatchReply,
        bar: &ProgressBar,
    ) {
        let Receipt { accepted, duplicates, conflicts, invalid, .. } = &verdict.receipt;
        let line = |index: u32| batch.lines.get(index as usize).copied().unwrap_or_default();
        let refused = |index, code: &str, message: String| RefusedEvent {
            file: file.display().to_string(),
            line: line(index),
            code: code.to_owned(),
            // Of a row the server says the line too.
            message: match message.strip_prefix(&format!("line {}: ", line(index))) {
                Some(rest) => rest.to_owned(),
                None => message,
            },
        };
        let of_conflicts = conflicts.iter().map(|c| {
            refused(c.index, "conflict", format!("`{}` is stored with other content", c.id))
        });
        let of_invalid = invalid.iter().map(|i| refused(i.index, i.code.name(), i.message.clone()));
        let mut count = self.refused();
        for refused in of_conflicts.chain(of_invalid) {
            count += 1;
            if count <= SHOWN {
                let RefusedEvent { file, line, code, message } = &refused;
                bar.suspend(|| output::print_note(&format!("{file}:{line}: {code}: {message}")));
                self.refused.push(refused);
            } else if count == SHOWN + 1 {
                bar.suspend(|| output::print_note("further refused events are only counted"));
            }
        }
        self.accepted += accepted;
        self.duplicates += duplicates;
        self.conflicts += conflicts.len() as u64;
        self.invalid += invalid.len() as u64;
        if verdict.is_rejected {
            self.rejected += batch.lines.len().saturating_sub(invalid.len()) as u64;
            return;
        }
        self.unidentified += batch.unidentified;
        if batch.ids == LineIdLifetime::Lasting {
            self.lasting += batch.unidentified;
        }
    }

    /// Events that were sent.
    pub(super) fn sent(&self) -> u64 {
        self.accepted + self.duplicates + self.refused()
    }

    /// Events that the server did not take.
    pub(super) fn refused(&self) -> u64 {
        self.conflicts + self.invalid
    }

    /// Prints the sum, and what to know before the command is run again.
    pub(super) fn report(&self, end: UploadOutcome, output: OutputFormat) -> anyhow::Result<()> {
        let rejected = match self.rejected {
            0 => String::new(),
            rejected => format!(", rejected {}", HumanCount(rejected)),
        };
        match output {
            OutputFormat::Json => output::print_json(&UploadReport { totals: self, end })?,
            OutputFormat::Table => output::print(&format!(
                "accepted {}, duplicates {}, conflicts {}, invalid {}{rejected}",
                HumanCount(self.accepted),
                HumanCount(self.duplicates),
                HumanCount(self.conflicts),
                HumanCount(self.invalid),
            ))?,
        }
        if self.lasting > 0 {
            output::print_note(&format!(
                "{} had no `id` and got one by file and line: the same line of the same file \
                 counts once (--no-ids: as often as it is sent)",
                pluralize(self.lasting, "event")
            ));
        }
        if self.unidentified > self.lasting {
            output::print_note(&format!(
                "{} had no `id`: what is sent again is stored again",
                pluralize(self.unidentified - self.lasting, "event")
            ));
        }
        Ok(())
    }
}

/// How sending ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum UploadOutcome {
    /// Everything was sent.
    Complete,
    /// Something went wrong on the way.
    Interrupted,
}

/// What `--output json` prints.
#[derive(Debug, Serialize)]
struct UploadReport<'a> {
    #[serde(flatten)]
    totals: &'a UploadTotals,
    end: UploadOutcome,
}
