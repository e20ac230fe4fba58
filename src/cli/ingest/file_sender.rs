//! Files on their way to a server, one after the other, each from where an earlier run came to.

use std::io;
use std::path::Path;
use std::time::Instant;

use anyhow::Context;
use indicatif::{HumanCount, ProgressBar};

use super::super::output;
use super::super::text::pluralize;
use super::batch_sender::BatchSender;
use super::batches::{BatchSource, SourcePosition, UploadBatch};
use super::input_file::InputFile;
use super::progress::UploadProgress;
use super::resume::{self, Bookmark, ResumePoint};
use super::unsupported_format::UnsupportedFormat;

/// Files on their way to a server.
pub(super) struct FileSender<'a> {
    sender: BatchSender<'a>,
    batch_events: usize,
    pub(super) bar: ProgressBar,
    begun: Option<Instant>,
    /// That a place cannot be kept is said once.
    is_noted: bool,
}

impl<'a> FileSender<'a> {
    pub(super) fn new(sender: BatchSender<'a>, batch_events: usize, bar: ProgressBar) -> Self {
        Self { sender, batch_events, bar, begun: None, is_noted: false }
    }

    /// Sends a file, from where an earlier run came to.
    pub(super) fn send_file(
        &mut self,
        opening: &InputFile<'_>,
        mut bookmark: Option<&mut Bookmark>,
    ) -> anyhow::Result<()> {
        let file = opening.file;
        let place = || format!("`{}`", file.display());
        let before = self.bar.position();
        let mut batches = opening.open(&self.bar, self.batch_events)?;
        let ids = batches.ids();
        self.sender.watch.with_progress(|standing| standing.begin(file, 0));
        match bookmark.as_ref().map_or(Ok(None), |bookmark| bookmark.read(ids)) {
            Ok(None) => {}
            Ok(Some(ResumePoint { probe: Some(event), place }))
                if !self.server_has(&event, &*batches, &place)? =>
            {
                self.note(&format!("{}: {}: beginning anew", file.display(), resume::LOST));
            }
            Ok(Some(ResumePoint { place: reached, .. })) => {
                if batches.seek_to(&reached).with_context(place)? {
                    self.sender.watch.with_progress(|standing| standing.begin(file, reached.lines));
                    let lines = HumanCount(reached.lines);
                    self.note(&format!(
                        "{}: going on after line {lines}, where an earlier run was interrupted; \
                         --restart begins anew",
                        file.display()
                    ));
                } else {
                    let changed = "it was changed since an earlier run was interrupted";
                    self.note(&format!("{}: {changed}: beginning anew", file.display()));
                    self.bar.set_position(before);
                    batches = opening.reopen(&self.bar, self.batch_events)?;
                }
                self.bar.reset_eta();
            }
            Err(why) => self.note(&format!("{}: {why}: beginning anew", file.display())),
        }
        let outcome = self.send_batches(file, &mut *batches, bookmark.as_deref_mut());
        if let Some(bookmark) = bookmark {
            let written = bookmark.write();
            self.report_write_error(bookmark, written);
        }
        outcome
    }

    /// Whether the server has an event that it has acknowledged; if not, it has it now.
    fn server_has(
        &self,
        event: &str,
        source: &dyn BatchSource,
        place: &SourcePosition,
    ) -> anyhow::Result<bool> {
        let body = event.as_bytes().to_vec();
        let lines = vec![place.lines];
        let batch = UploadBatch { body, shape: source.shape(), lines, ..UploadBatch::default() };
        let verdict = self.sender.send(&batch, &self.bar)?;
        self.sender.watch.with_progress(UploadProgress::clear_in_flight);
        Ok(!verdict.is_new())
    }

    /// Sends what a source has.
    pub(super) fn send_batches(
        &mut self,
        file: &Path,
        batches: &mut dyn BatchSource,
        mut bookmark: Option<&mut Bookmark>,
    ) -> anyhow::Result<()> {
        let begun = *self.begun.get_or_insert_with(Instant::now);
        let place = || format!("`{}`", file.display());
        let start = batches.peek_lines().with_context(place)?;
        let mut is_first = start.is_some();
        if let Some(looks) = start.and_then(UnsupportedFormat::of_start) {
            return Err(anyhow::anyhow!("{looks}")).with_context(place);
        }
        for batch in batches {
            let batch = batch.with_context(place)?;
            if is_first && let Some(looks) = UnsupportedFormat::of_lines(|| batch.texts()) {
                return Err(anyhow::anyhow!("{looks}")).with_context(place);
            }
            let verdict = self.sender.send(&batch, &self.bar).with_context(|| batch.place(file))?;
            let sent = self.sender.watch.with_progress(|standing| {
                standing.totals.add(file, &batch, &verdict, &self.bar);
                match verdict.is_rejected {
                    true => standing.clear_in_flight(),
                    false => standing.set_acknowledged(batch.end.lines),
                }
                standing.totals.sent()
            });
            if verdict.is_rejected {
                return Err(verdict.rejection()).with_context(|| batch.place(file));
            }
            if let Some(bookmark) = &mut bookmark {
                let end = verdict.receipt.position.events();
                let written = bookmark.advance(&batch, end, batch.last_taken(&verdict));
                self.report_write_error(bookmark, written);
            }
            if std::mem::take(&mut is_first) && verdict.has_no_events() {
                let count = pluralize(batch.lines.len() as u64, "event");
                let error = anyhow::anyhow!(
                    "it is no file of events: of the first request's {count} none has the shape of \
                     one; stopped there"
                );
                return Err(error).with_context(place);
            }
            let rate = sent as f64 / begun.elapsed().as_secs_f64().max(1e-3);
            let (sent, rate) = (pluralize(sent, "event"), HumanCount(rate as u64));
            self.bar.set_message(format!("{sent}, {rate}/s"));
        }
        Ok(())
    }

    fn note(&self, text: &str) {
        self.bar.suspend(|| output::print_note(text));
    }

    fn report_write_error(&mut self, bookmark: &Bookmark, written: io::Result<()>) {
        if let Err(error) = written
            && !std::mem::replace(&mut self.is_noted, true)
        {
            let path = bookmark.path().display();
            self.note(&format!(
                "how far the file was sent cannot be kept in `{path}`: {error}; what is \
                 interrupted may begin anew"
            ));
        }
    }
}
