//! Columns of an answer, before they are a record batch.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, TimestampMicrosecondArray};
use arrow::datatypes::{Field, Schema};

use crate::error::ServingError;

/// Named columns of equal length.
#[derive(Debug, Default)]
pub(super) struct NamedColumns(pub(super) Vec<(String, ArrayRef)>);

impl NamedColumns {
    pub(super) fn push(&mut self, name: &str, values: ArrayRef) {
        self.0.push((name.to_owned(), values));
    }

    /// The column `time`, of bucket starts.
    pub(super) fn push_times(&mut self, times: impl IntoIterator<Item = Option<i64>>) {
        let times: TimestampMicrosecondArray = times.into_iter().collect();
        self.push("time", Arc::new(times.with_timezone("UTC")));
    }

    pub(super) fn into_batch(self, rows: usize) -> Result<RecordBatch, ServingError> {
        let field = |(name, values): &(String, ArrayRef)| {
            Field::new(name, values.data_type().clone(), true)
        };
        let schema = Schema::new(self.0.iter().map(field).collect::<Vec<_>>());
        let columns = self.0.into_iter().map(|(_, values)| values).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(Arc::new(schema), columns, &options)?)
    }
}
