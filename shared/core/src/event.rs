//! The record batch that accepted events live in, from the journal to the master dataset.
//!
//! | column | type | what |
//! |---|---|---|
//! | `id` | text | the client's id, or a UUIDv7 that the server made |
//! | `content` | u64, nullable | digest of the content as sent; null when the server made the id |
//! | `event` | text | the event's type |
//! | `time` | timestamp, µs, UTC | when it happened |
//! | `arrived` | timestamp, µs, UTC | when it was accepted; stamped once |
//! | `subject` | text, nullable | whom it is about |
//! | `properties` | text, nullable | the original JSON text of the object |
//!
//! The master dataset leaves `content` in the journal.

use std::sync::{Arc, LazyLock};

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray, TimestampMicrosecondArray,
    UInt32Array, UInt64Array, new_null_array,
};
use arrow::compute::{concat_batches, filter_record_batch};
use arrow::datatypes::{
    DataType, Field, Schema, SchemaRef, TimestampMicrosecondType, UInt32Type, UInt64Type,
};
use arrow::error::ArrowError;

use crate::ids::{Offset, PartitionId};
use crate::properties::{PropertyBatch, slice_bytes};
use crate::time::{Timestamp, timestamp_type};

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    Arc::new(Schema::new(vec![
        Field::new("id", DataType::Utf8, false),
        Field::new("content", DataType::UInt64, true),
        Field::new("event", DataType::Utf8, false),
        Field::new("time", timestamp_type(), false),
        Field::new("arrived", timestamp_type(), false),
        Field::new("subject", DataType::Utf8, true),
        Field::new("properties", DataType::Utf8, true),
    ]))
});

/// A record batch with [`EventBatch::schema`], which its constructor checks.
///
/// Properties that were read from their text may come along, so that they are read once. They are
/// neither stored nor compared.
#[derive(Clone, Debug)]
pub struct EventBatch {
    batch: RecordBatch,
    read: PropertyBatch,
}

impl PartialEq for EventBatch {
    fn eq(&self, other: &Self) -> bool {
        self.batch == other.batch
    }
}

impl EventBatch {
    /// The columns of the module's table, in that order.
    #[must_use]
    pub fn schema() -> SchemaRef {
        Arc::clone(&SCHEMA)
    }

    /// Takes a batch whose columns are those of [`EventBatch::schema`]; further ones are ignored.
    /// A column that may be null may be missing: it is null then.
    ///
    /// # Errors
    /// When another column is missing, or one has another type.
    pub fn new(batch: &RecordBatch) -> Result<Self, ArrowError> {
        let nulls = |field: &Field| new_null_array(field.data_type(), batch.num_rows());
        let columns = SCHEMA
            .fields()
            .iter()
            .map(|field| match column(batch, field.name()) {
                Err(_) if field.is_nullable() => Ok(nulls(field)),
                found => found.cloned(),
            })
            .collect::<Result<_, _>>()?;
        RecordBatch::try_new(Self::schema(), columns).map(Self::of)
    }

    /// Of a batch that is known to have the schema.
    fn of(batch: RecordBatch) -> Self {
        Self { batch, read: PropertyBatch::default() }
    }

    /// No events.
    #[must_use]
    pub fn empty() -> Self {
        Self::of(RecordBatch::new_empty(Self::schema()))
    }

    /// The same events, with what was read of their properties: a value an event.
    #[must_use]
    pub fn with_read(self, read: PropertyBatch) -> Self {
        Self { read, ..self }
    }

    /// What was read of their properties before.
    #[must_use]
    pub fn read(&self) -> &PropertyBatch {
        &self.read
    }

    /// Number of events.
    #[must_use]
    pub fn len(&self) -> usize {
        self.batch.num_rows()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The batch itself.
    #[must_use]
    pub fn batch(&self) -> &RecordBatch {
        &self.batch
    }

    /// The events `[from, from + len)`, sharing memory.
    #[must_use]
    pub fn slice(&self, from: usize, len: usize) -> Self {
        if from == 0 && len == self.len() {
            return self.clone();
        }
        Self::of(self.batch.slice(from, len))
    }

    /// The events that a mask chooses.
    ///
    /// # Errors
    /// When the mask has another length.
    pub fn filter(&self, mask: &BooleanArray) -> Result<Self, ArrowError> {
        let batch = filter_record_batch(&self.batch, mask)?;
        Ok(Self { batch, read: self.read.filter(mask)? })
    }

    /// Several batches as one.
    ///
    /// # Errors
    /// When the text of a column outgrows 2 GiB.
    pub fn concat<'a>(batches: impl IntoIterator<Item = &'a Self>) -> Result<Self, ArrowError> {
        let batches: Vec<&Self> = batches.into_iter().filter(|batch| !batch.is_empty()).collect();
        let read: Vec<_> = batches.iter().map(|batch| (&batch.read, batch.len())).collect();
        let batch = concat_batches(&SCHEMA, batches.iter().map(|batch| &batch.batch))?;
        Ok(Self { batch, read: PropertyBatch::concat(&read)? })
    }

    /// Bytes that the events take. What they share with others is not in it.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        let columns = self.batch.columns().iter().map(slice_bytes);
        columns.sum::<usize>() + self.read.size_bytes()
    }

    /// The same events, all of which arrived then.
    ///
    /// # Errors
    /// Only by a fault.
    pub fn arrived_at(self, now: Timestamp) -> Result<Self, ArrowError> {
        let arrived = TimestampMicrosecondArray::from_value(now.0, self.len());
        let mut columns = self.batch.columns().to_vec();
        columns[4] = Arc::new(arrived.with_data_type(timestamp_type()));
        Ok(Self { batch: RecordBatch::try_new(Self::schema(), columns)?, read: self.read })
    }

    /// Column `id`.
    #[must_use]
    pub fn ids(&self) -> &StringArray {
        self.batch.column(0).as_string()
    }

    /// Column `content`.
    #[must_use]
    pub fn contents(&self) -> &UInt64Array {
        self.batch.column(1).as_primitive::<UInt64Type>()
    }

    /// Column `event`.
    #[must_use]
    pub fn types(&self) -> &StringArray {
        self.batch.column(2).as_string()
    }

    /// Column `time`.
    #[must_use]
    pub fn times(&self) -> &TimestampMicrosecondArray {
        self.batch.column(3).as_primitive::<TimestampMicrosecondType>()
    }

    /// Column `arrived`.
    #[must_use]
    pub fn arrivals(&self) -> &TimestampMicrosecondArray {
        self.batch.column(4).as_primitive::<TimestampMicrosecondType>()
    }

    /// Column `subject`.
    #[must_use]
    pub fn subjects(&self) -> &StringArray {
        self.batch.column(5).as_string()
    }

    /// Column `properties`.
    #[must_use]
    pub fn properties(&self) -> &StringArray {
        self.batch.column(6).as_string()
    }
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, ArrowError> {
    let lacks = || ArrowError::SchemaError(format!("events lack the column `{name}`"));
    batch.column_by_name(name).ok_or_else(lacks)
}

/// The identities of events, by which repetitions are recognized: columns `id` and `content`.
#[derive(Clone, Debug, PartialEq)]
pub struct EventIdentities {
    ids: StringArray,
    contents: UInt64Array,
}

impl EventIdentities {
    /// Takes the two columns of a batch.
    ///
    /// # Errors
    /// When one is missing or has another type.
    pub fn new(batch: &RecordBatch) -> Result<Self, ArrowError> {
        let wrong = || ArrowError::SchemaError("an identity's column has another type".to_owned());
        let ids = column(batch, "id")?.as_string_opt::<i32>();
        let contents = column(batch, "content")?.as_primitive_opt::<UInt64Type>();
        Ok(Self {
            ids: ids.ok_or_else(wrong)?.clone(),
            contents: contents.ok_or_else(wrong)?.clone(),
        })
    }

    /// Of events.
    #[must_use]
    pub fn of(events: &EventBatch) -> Self {
        Self { ids: events.ids().clone(), contents: events.contents().clone() }
    }

    /// Number of events.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All but the first so many.
    #[must_use]
    pub fn skip(&self, count: usize) -> Self {
        let left = self.len().saturating_sub(count);
        let from = self.len() - left;
        Self { ids: self.ids.slice(from, left), contents: self.contents.slice(from, left) }
    }

    /// Id and digest of each event; no digest where the server made the id.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<u64>)> {
        (0..self.len()).map(|row| {
            let content = self.contents.is_valid(row).then(|| self.contents.value(row));
            (self.ids.value(row), content)
        })
    }
}

/// Where each of a number of events is in the journal.
#[derive(Clone, Debug, PartialEq)]
pub struct EventOffsets {
    partitions: UInt32Array,
    offsets: UInt64Array,
}

impl EventOffsets {
    /// The places of `count` events that follow each other in the single partition.
    #[must_use]
    pub fn consecutive(first: Offset, count: usize) -> Self {
        let offsets = (0..count as u64).map(|n| first.plus(n).0);
        Self {
            partitions: UInt32Array::from_value(PartitionId::ONLY.0, count),
            offsets: UInt64Array::from_iter_values(offsets),
        }
    }

    /// Takes the columns `partition` and `offset` of a batch.
    ///
    /// # Errors
    /// When one is missing or has another type.
    pub fn of(batch: &RecordBatch) -> Result<Self, ArrowError> {
        let wrong = || ArrowError::SchemaError("a place's column has another type".to_owned());
        let partitions = column(batch, "partition")?.as_primitive_opt::<UInt32Type>();
        let offsets = column(batch, "offset")?.as_primitive_opt::<UInt64Type>();
        Ok(Self {
            partitions: partitions.ok_or_else(wrong)?.clone(),
            offsets: offsets.ok_or_else(wrong)?.clone(),
        })
    }

    /// The fields of [`EventOffsets::columns`]: `partition` (u32) and `offset` (u64).
    #[must_use]
    pub fn fields() -> [Field; 2] {
        [
            Field::new("partition", DataType::UInt32, false),
            Field::new("offset", DataType::UInt64, false),
        ]
    }

    /// As columns.
    #[must_use]
    pub fn columns(&self) -> [ArrayRef; 2] {
        [Arc::new(self.partitions.clone()), Arc::new(self.offsets.clone())]
    }

    /// Partition and offset of an event.
    #[must_use]
    pub fn place(&self, row: usize) -> (PartitionId, Offset) {
        (PartitionId(self.partitions.value(row)), Offset(self.offsets.value(row)))
    }
}

/// One event by value, to build batches from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// See the module's table.
    pub id: String,
    /// See the module's table.
    pub content: Option<u64>,
    /// The event's type.
    pub event: String,
    /// When it happened, µs.
    pub time: i64,
    /// When it was accepted, µs.
    pub arrived: i64,
    /// Whom it is about.
    pub subject: Option<String>,
    /// JSON text of an object.
    pub properties: Option<String>,
}

impl FromIterator<Event> for EventBatch {
    fn from_iter<I: IntoIterator<Item = Event>>(events: I) -> Self {
        let events: Vec<Event> = events.into_iter().collect();
        let text = |get: fn(&Event) -> Option<&str>| -> Arc<dyn Array> {
            Arc::new(events.iter().map(get).collect::<StringArray>())
        };
        let time = |get: fn(&Event) -> i64| -> Arc<dyn Array> {
            let times = TimestampMicrosecondArray::from_iter_values(events.iter().map(get));
            Arc::new(times.with_timezone("UTC"))
        };
        let columns = vec![
            text(|e| Some(&e.id)),
            Arc::new(events.iter().map(|e| e.content).collect::<UInt64Array>()) as Arc<dyn Array>,
            text(|e| Some(&e.event)),
            time(|e| e.time),
            time(|e| e.arrived),
            text(|e| e.subject.as_deref()),
            text(|e| e.properties.as_deref()),
        ];
        Self::of(
            RecordBatch::try_new(Self::schema(), columns)
                .expect("columns are built from the schema"),
        )
    }
}
