//! Rows in order of time, taken piece by piece: how parts of a view are made in chunks.

use std::collections::VecDeque;

use arrow::array::{AsArray, RecordBatch, UInt32Array};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::TimestampMicrosecondType;
use arrow::error::ArrowError;
use merganser_core::time::Timestamp;

/// The column `time` of a batch.
///
/// # Errors
/// When there is none.
pub(crate) fn times(batch: &RecordBatch) -> Result<&[i64], ArrowError> {
    let column = batch.column_by_name("time");
    let times = column.and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>());
    let missing = || ArrowError::SchemaError("there is no column `time`".to_owned());
    Ok(times.ok_or_else(missing)?.values())
}

/// The rows before `to`, and the others, of a batch in order of time.
///
/// # Errors
/// As [`times`].
pub(crate) fn cut(
    batch: &RecordBatch,
    to: Timestamp,
) -> Result<(RecordBatch, RecordBatch), ArrowError> {
    let before = times(batch)?.partition_point(|time| *time < to.0);
    let rest = batch.num_rows() - before;
    Ok((batch.slice(0, before), batch.slice(before, rest)))
}

/// Batches as one, in order of time; rows of equal time stay as they are.
///
/// # Errors
/// As [`times`], or when the batches differ in their columns.
pub(crate) fn sorted(batches: &[RecordBatch]) -> Result<Option<RecordBatch>, ArrowError> {
    let Some(first) = batches.first() else { return Ok(None) };
    let batch = concat_batches(first.schema_ref(), batches)?;
    let by_time = times(&batch)?;
    if by_time.is_sorted() {
        return Ok(Some(batch));
    }
    let mut order: Vec<(i64, u32)> = by_time.iter().copied().zip(0..).collect();
    order.sort_unstable();
    let order: UInt32Array = order.into_iter().map(|(_, row)| row).collect();
    take_record_batch(&batch, &order).map(Some)
}

/// Batches that follow each other in order of time.
#[derive(Debug, Default)]
pub(crate) struct TimeOrderedBatches(VecDeque<RecordBatch>);

impl TimeOrderedBatches {
    /// Of batches in this order.
    pub(crate) fn new(batches: impl IntoIterator<Item = RecordBatch>) -> Self {
        Self(batches.into_iter().collect())
    }

    /// How many rows are left.
    pub(crate) fn remaining_rows(&self) -> usize {
        self.0.iter().map(RecordBatch::num_rows).sum()
    }

    /// Takes the rows before `to` that are left.
    ///
    /// # Errors
    /// As [`times`].
    pub(crate) fn take(&mut self, to: Timestamp) -> Result<Vec<RecordBatch>, ArrowError> {
        let mut taken = Vec::new();
        while let Some(batch) = self.0.pop_front() {
            let (before, rest) = cut(&batch, to)?;
            if before.num_rows() > 0 {
                taken.push(before);
            }
            if rest.num_rows() > 0 {
                self.0.push_front(rest);
                break;
            }
        }
        Ok(taken)
    }
}
