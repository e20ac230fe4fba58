//! A file, opened as what it is.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::compose::input_rows::{
    ColumnLayout, ColumnarFile, ColumnarFormat, CsvParameters, ParameterStyle, check_column_names,
};
use anyhow::Context;
use indicatif::ProgressBar;

use super::super::output;
use super::batches::{BatchSource, LineBatchIter, decompressed};
use super::columns::{
    ColumnArgs, ColumnSurvey, InputFormat, csv_records, describe, describe_csv, read_header,
};
use super::csv::CsvBatchIter;
use super::is_stdin;
use super::line_ids::LineIds;

/// A file to open.
pub(super) struct InputFile<'a> {
    /// Where it is.
    pub(super) file: &'a Path,
    /// What it is.
    pub(super) format: InputFormat,
    /// What is said of its columns.
    pub(super) table: &'a ColumnArgs,
    /// Which ids its events get that have none.
    pub(super) ids: LineIds,
}

impl InputFile<'_> {
    /// Opens it, and says which columns are taken for what.
    pub(super) fn open(
        &self,
        bar: &ProgressBar,
        batch_events: usize,
    ) -> anyhow::Result<Box<dyn BatchSource>> {
        let tell = |text: &str| {
            bar.suspend(|| output::print_note(&format!("{}: {text}", self.file.display())));
        };
        self.open_as_format(bar, batch_events, &tell)
            .with_context(|| format!("`{}`", self.file.display()))
    }

    /// Opens it once more, from its beginning.
    pub(super) fn reopen(
        &self,
        bar: &ProgressBar,
        batch_events: usize,
    ) -> anyhow::Result<Box<dyn BatchSource>> {
        self.open_as_format(bar, batch_events, &|_| {})
            .with_context(|| format!("`{}`", self.file.display()))
    }

    fn open_as_format(
        &self,
        bar: &ProgressBar,
        batch_events: usize,
        tell: &dyn Fn(&str),
    ) -> anyhow::Result<Box<dyn BatchSource>> {
        match self.format {
            InputFormat::Ndjson => self.lines(self.source(bar)?, batch_events),
            InputFormat::Csv => self.csv(bar, batch_events, tell),
            InputFormat::Parquet => self.columns(ColumnarFormat::Parquet, batch_events, tell),
            InputFormat::Arrow => self.columns(ColumnarFormat::ArrowStream, batch_events, tell),
        }
    }

    fn lines(
        &self,
        source: Box<dyn Read>,
        batch_events: usize,
    ) -> anyhow::Result<Box<dyn BatchSource>> {
        Ok(Box::new(LineBatchIter::new(source, batch_events, self.ids.clone())?))
    }

    fn source(&self, bar: &ProgressBar) -> anyhow::Result<Box<dyn Read>> {
        Ok(match is_stdin(self.file) {
            true => Box::new(bar.wrap_read(io::stdin().lock())),
            false => Box::new(bar.wrap_read(File::open(self.file).context("it cannot be read")?)),
        })
    }

    fn csv(
        &self,
        bar: &ProgressBar,
        batch_events: usize,
        tell: &dyn Fn(&str),
    ) -> anyhow::Result<Box<dyn BatchSource>> {
        let delimiter = self.table.delimiter().map_err(anyhow::Error::msg)?;
        if is_stdin(self.file) {
            return self.csv_from_stdin(bar, batch_events, delimiter, tell);
        }
        let file = File::open(self.file).context("it cannot be read")?;
        let mut rows = csv_records(decompressed(Box::new(file))?, delimiter);
        let (names, mut options, layout) =
            match read_header(&mut rows).map_err(anyhow::Error::msg)? {
                Some(names) => {
                    let (options, layout) = self.resolve_columns(&names)?;
                    (names, options, layout)
                }
                None => return self.lines(Box::new(io::empty()), batch_events),
            };
        let survey = ColumnSurvey::of(&mut rows, &names, &layout, &options)?;
        let mixed = survey.resolve_mixed(&names, &mut options);
        tell(&describe_csv(&names, &layout, &options, Some(&survey)));
        mixed.iter().for_each(|text| tell(text));
        let source = decompressed(self.source(bar)?)?;
        let batches = CsvBatchIter::new(source, &options, &layout, batch_events, self.ids.clone());
        Ok(Box::new(batches.map_err(anyhow::Error::msg)?))
    }

    /// What can be read once only: names and rows come from the same source.
    fn csv_from_stdin(
        &self,
        bar: &ProgressBar,
        batch_events: usize,
        delimiter: u8,
        tell: &dyn Fn(&str),
    ) -> anyhow::Result<Box<dyn BatchSource>> {
        let mut source = decompressed(self.source(bar)?)?;
        let head = first_line(&mut *source, delimiter)?;
        let Some(names) =
            read_header(&mut csv_records(&*head, delimiter)).map_err(anyhow::Error::msg)?
        else {
            return self.lines(Box::new(io::empty()), batch_events);
        };
        let (options, layout) = self.resolve_columns(&names)?;
        tell(&describe_csv(&names, &layout, &options, None));
        let whole = Box::new(io::BufReader::new(io::Cursor::new(head).chain(source)));
        let batches = CsvBatchIter::new(whole, &options, &layout, batch_events, self.ids.clone());
        Ok(Box::new(batches.map_err(anyhow::Error::msg)?))
    }

    fn resolve_columns(&self, names: &[String]) -> anyhow::Result<(CsvParameters, ColumnLayout)> {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let options = self.table.csv(&names).map_err(anyhow::Error::msg)?;
        let layout = check_column_names(&names, &options).map_err(anyhow::Error::msg)?;
        Ok((options, layout))
    }

    fn columns(
        &self,
        kind: ColumnarFormat,
        batch_events: usize,
        tell: &dyn Fn(&str),
    ) -> anyhow::Result<Box<dyn BatchSource>> {
        let file = ColumnarFile::open(File::open(self.file).context("it cannot be read")?, kind)?;
        let names = file.names().to_vec();
        let borrowed: Vec<&str> = names.iter().map(String::as_str).collect();
        let mapping = self.table.mapping(&borrowed).map_err(anyhow::Error::msg)?;
        let layout = ColumnLayout::of(&borrowed, &mapping, ParameterStyle::Flags)
            .map_err(anyhow::Error::msg)?;
        let lines = file.lines(&mapping)?;
        tell(&describe(&names, &layout, None));
        self.lines(Box::new(lines), batch_events)
    }
}

/// Everything up to the end of the first record, and what was read with it.
fn first_line(source: &mut dyn io::BufRead, delimiter: u8) -> io::Result<Vec<u8>> {
    let mut tee = TeeReader { source, taken: Vec::new() };
    let mut rows = csv_records(&mut tee, delimiter);
    rows.next_record()?;
    Ok(tee.taken)
}

/// Keeps what is taken from a source.
struct TeeReader<'a> {
    source: &'a mut dyn io::BufRead,
    taken: Vec<u8>,
}

impl Read for TeeReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.taken.extend_from_slice(buffer.get(..count).unwrap_or_default());
        Ok(count)
    }
}

impl io::BufRead for TeeReader<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.source.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        let input = self.source.fill_buf().unwrap_or_default();
        self.taken.extend_from_slice(input.get(..count).unwrap_or_default());
        self.source.consume(count);
    }
}
