//! The files of a view's part, a grain each, from chunks of base states in order of time.

use arrow::array::RecordBatch;
use merganser_core::ids::Boundary;
use merganser_core::time::{Grain, Timestamp};
use merganser_metric::catalog::ViewFile;
use merganser_metric::table::StateTable;

use super::{ViewSchema, merge_error, rollup, rows, write};
use crate::storage::{Storage, StorageError};

/// Files that are being built.
#[derive(Debug)]
pub struct ViewFileBuilder {
    subject: ViewSchema,
    /// The base grain's rows.
    base: Vec<RecordBatch>,
    rollups: Vec<GrainRollup>,
}

#[derive(Debug)]
struct GrainRollup {
    grain: Grain,
    /// Buckets that later chunks may add to.
    open: StateTable,
    rows: Vec<RecordBatch>,
}

impl ViewFileBuilder {
    /// Files without rows.
    #[must_use]
    pub fn new(subject: ViewSchema) -> Self {
        let coarser = subject.base.rollups().iter().filter(|grain| **grain != subject.base);
        let rollup = |grain: &Grain| GrainRollup {
            grain: *grain,
            open: StateTable::new(&subject.layout),
            rows: Vec::new(),
        };
        let rollups = coarser.map(rollup).collect();
        Self { subject, base: Vec::new(), rollups }
    }

    /// Adds the base states before `to`, of which `sorted` are the [`rows`], behind those of
    /// earlier chunks.
    ///
    /// # Errors
    /// When states cannot be merged.
    pub fn add(
        &mut self,
        chunk: StateTable,
        sorted: Vec<RecordBatch>,
        to: Timestamp,
    ) -> Result<(), StorageError> {
        self.base.extend(sorted);
        let mut finer = chunk;
        for GrainRollup { grain, open, rows: all } in &mut self.rollups {
            let coarse = rollup(&finer, &self.subject.layout, *grain).map_err(merge_error)?;
            let is_end = grain.floor(to) == to;
            match (open.is_empty(), is_end) {
                (true, true) => all.extend(rows(&coarse)),
                (_, is_end) => {
                    open.merge_table(&coarse, |time| time).map_err(merge_error)?;
                    if is_end {
                        let ended = std::mem::replace(open, StateTable::new(&self.subject.layout));
                        all.extend(rows(&ended));
                    }
                }
            }
            finer = coarse;
        }
        Ok(())
    }

    /// Writes a file of each grain that has rows.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub async fn write(
        self,
        storage: &Storage,
        epochs: (Boundary, Boundary),
    ) -> Result<Vec<ViewFile>, StorageError> {
        let Self { subject, base, rollups } = self;
        let rollups = rollups.into_iter().map(|GrainRollup { grain, open, rows: mut all }| {
            all.extend(rows(&open));
            (grain, all)
        });
        let mut files = Vec::new();
        for (grain, rows) in std::iter::once((subject.base, base)).chain(rollups) {
            if !rows.is_empty() {
                files.push(write(storage, &subject, rows, grain, epochs).await?);
            }
        }
        Ok(files)
    }
}
