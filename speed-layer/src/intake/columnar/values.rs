//! Values of Arrow columns as JSON.
//!
//! | Arrow | JSON |
//! |---|---|
//! | booleans, integers, decimals, text | the same |
//! | floats | the shortest number that reads back as the same one; not finite: left out |
//! | timestamps | RFC 3339 in UTC; without a time zone they are taken to be in UTC |
//! | dates | `YYYY-MM-DD` |
//! | structs, maps with keys that are text | objects, without the fields that are null |
//! | lists | arrays |
//! | dictionaries | as their values |

use std::io::{self, Write};

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, GenericListArray, OffsetSizeTrait,
    StringArrayType,
};
use arrow::buffer::NullBuffer;
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Date64Type, Decimal128Type, Decimal256Type, DecimalType, Float16Type,
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimeUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use super::write::Text;
use super::{IntakeError, malformed};

/// Values within each other, as deep as an event may be.
const DEPTH_MAX: usize = 64;

type Write1<'a> = Box<dyn Fn(usize, &mut Text) -> io::Result<()> + 'a>;

/// The values of a column.
pub(super) struct Values<'a> {
    nulls: Option<NullBuffer>,
    write: Write1<'a>,
}

impl<'a> Values<'a> {
    fn new(array: &dyn Array, write: impl Fn(usize, &mut Text) -> io::Result<()> + 'a) -> Self {
        Self { nulls: array.logical_nulls(), write: Box::new(write) }
    }

    /// Whether there is a value in a row.
    pub(super) fn is_there(&self, row: usize) -> bool {
        self.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row))
    }

    /// Writes the value of a row, `null` where there is none.
    pub(super) fn write(&self, row: usize, text: &mut Text) -> io::Result<()> {
        match self.is_there(row) {
            true => (self.write)(row, text),
            false => text.write_all(b"null"),
        }
    }
}

/// The values of a column of texts, each written by `write`.
pub(super) fn of_text<'a>(
    array: &'a dyn Array,
    write: impl Fn(&str, &mut Text) -> io::Result<()> + 'a,
) -> Values<'a> {
    fn texts<'a>(
        array: &'a dyn Array,
        texts: impl StringArrayType<'a> + 'a,
        write: impl Fn(&str, &mut Text) -> io::Result<()> + 'a,
    ) -> Values<'a> {
        Values::new(array, move |row, text| write(texts.value(row), text))
    }
    match array.data_type() {
        DataType::Utf8View => texts(array, array.as_string_view(), write),
        DataType::LargeUtf8 => texts(array, array.as_string::<i64>(), write),
        _ => texts(array, array.as_string::<i32>(), write),
    }
}

/// The values of a column; `path` names it where they stand for nothing in JSON.
pub(super) fn of<'a>(array: &'a dyn Array, path: &str) -> Result<Values<'a>, IntakeError> {
    deep(array, path, 0)
}

fn deep<'a>(array: &'a dyn Array, path: &str, depth: usize) -> Result<Values<'a>, IntakeError> {
    use DataType as D;
    if depth > DEPTH_MAX {
        return Err(malformed(format!("`{path}` is over {DEPTH_MAX} levels deep")));
    }
    match array.data_type() {
        D::Struct(_) => object(array, path, depth),
        D::Map(..) => map(array, path, depth),
        D::List(_) => list::<i32>(array, path, depth),
        D::LargeList(_) => list::<i64>(array, path, depth),
        D::FixedSizeList(_, size) => {
            let size = usize::try_from(*size).unwrap_or_default();
            let items = deep(array.as_fixed_size_list().values().as_ref(), path, depth + 1)?;
            Ok(Values::new(array, move |row, text| {
                elements(&items, row * size..(row + 1) * size, text)
            }))
        }
        D::Dictionary(..) => dictionary(array, path, depth),
        other => number(array).or_else(|| time(array)).or_else(|| plain(array)).ok_or_else(|| {
            malformed(format!("`{path}` has the type {other}, which stands for nothing in JSON"))
        }),
    }
}

fn plain(array: &dyn Array) -> Option<Values<'_>> {
    Some(match array.data_type() {
        DataType::Null => Values::new(array, |_, text| text.write_all(b"null")),
        DataType::Boolean => {
            let booleans = array.as_boolean();
            Values::new(array, |row, text| json(text, &booleans.value(row)))
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            of_text(array, |value, text| json(text, value))
        }
        _ => return None,
    })
}

fn number(array: &dyn Array) -> Option<Values<'_>> {
    Some(match array.data_type() {
        DataType::Int8 => numbers::<Int8Type>(array),
        DataType::Int16 => numbers::<Int16Type>(array),
        DataType::Int32 => numbers::<Int32Type>(array),
        DataType::Int64 => numbers::<Int64Type>(array),
        DataType::UInt8 => numbers::<UInt8Type>(array),
        DataType::UInt16 => numbers::<UInt16Type>(array),
        DataType::UInt32 => numbers::<UInt32Type>(array),
        DataType::UInt64 => numbers::<UInt64Type>(array),
        DataType::Float16 => {
            let floats = array.as_primitive::<Float16Type>();
            Values::new(array, |row, text| json(text, &f32::from(floats.value(row))))
        }
        DataType::Float32 => numbers::<Float32Type>(array),
        DataType::Float64 => numbers::<Float64Type>(array),
        DataType::Decimal128(..) => decimals::<Decimal128Type>(array),
        DataType::Decimal256(..) => decimals::<Decimal256Type>(array),
        _ => return None,
    })
}

fn time(array: &dyn Array) -> Option<Values<'_>> {
    use TimeUnit::{Microsecond, Millisecond, Nanosecond, Second};
    Some(match array.data_type() {
        DataType::Timestamp(Second, _) => instants::<TimestampSecondType>(array, 1),
        DataType::Timestamp(Millisecond, _) => instants::<TimestampMillisecondType>(array, 1_000),
        DataType::Timestamp(Microsecond, _) => {
            instants::<TimestampMicrosecondType>(array, 1_000_000)
        }
        DataType::Timestamp(Nanosecond, _) => {
            instants::<TimestampNanosecondType>(array, 1_000_000_000)
        }
        DataType::Date32 => {
            let days = array.as_primitive::<Date32Type>();
            Values::new(array, |row, text| date(text, i64::from(days.value(row)) * 86_400))
        }
        DataType::Date64 => {
            let millis = array.as_primitive::<Date64Type>();
            Values::new(array, |row, text| date(text, millis.value(row).div_euclid(1_000)))
        }
        _ => return None,
    })
}

fn json(text: &mut Text, value: &(impl Serialize + ?Sized)) -> io::Result<()> {
    Ok(serde_json::to_writer(text, value)?)
}

/// Numbers; what is not finite becomes `null`.
fn numbers<T: ArrowPrimitiveType<Native: Serialize>>(array: &dyn Array) -> Values<'_> {
    let numbers = array.as_primitive::<T>();
    Values::new(array, |row, text| json(text, &numbers.value(row)))
}

fn decimals<T: DecimalType>(array: &dyn Array) -> Values<'_> {
    let decimals = array.as_primitive::<T>();
    Values::new(array, |row, text| write!(text, "{}", decimals.value_as_string(row)))
}

fn instants<T: ArrowPrimitiveType<Native = i64>>(array: &dyn Array, per_s: i64) -> Values<'_> {
    let instants = array.as_primitive::<T>();
    Values::new(array, move |row, text| {
        let value = instants.value(row);
        let nanos = value.rem_euclid(per_s) * (1_000_000_000 / per_s);
        let nanos = u32::try_from(nanos).unwrap_or_default();
        match DateTime::<Utc>::from_timestamp(value.div_euclid(per_s), nanos) {
            Some(time) => json(text, &time.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
            // No time that there is; the rules for `time` refuse the text.
            None => json(text, &format!("{value}/{per_s} s")),
        }
    })
}

fn date(text: &mut Text, seconds: i64) -> io::Result<()> {
    match DateTime::<Utc>::from_timestamp(seconds, 0) {
        Some(time) => json(text, &time.date_naive()),
        None => text.write_all(b"null"),
    }
}

fn object<'a>(array: &'a dyn Array, path: &str, depth: usize) -> Result<Values<'a>, IntakeError> {
    let object = array.as_struct();
    let mut fields = Vec::new();
    for (field, values) in object.fields().iter().zip(object.columns()) {
        let values = deep(values.as_ref(), &format!("{path}.{}", field.name()), depth + 1)?;
        fields.push((field.name(), values));
    }
    Ok(Values::new(array, move |row, text| {
        text.write_all(b"{")?;
        let mut is_first = true;
        for (name, values) in fields.iter().filter(|(_, values)| values.is_there(row)) {
            if !std::mem::take(&mut is_first) {
                text.write_all(b",")?;
            }
            json(text, name)?;
            text.write_all(b":")?;
            values.write(row, text)?;
        }
        text.write_all(b"}")
    }))
}

fn map<'a>(array: &'a dyn Array, path: &str, depth: usize) -> Result<Values<'a>, IntakeError> {
    let map = array.as_map();
    let keys = map.keys().as_ref();
    let is_text =
        matches!(keys.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    if !is_text {
        return Err(malformed(format!("the keys of `{path}` are no texts")));
    }
    let keys = deep(keys, path, depth + 1)?;
    let values = deep(map.values().as_ref(), path, depth + 1)?;
    Ok(Values::new(array, move |row, text| {
        text.write_all(b"{")?;
        let mut is_first = true;
        for at in range(map.value_offsets(), row).filter(|at| values.is_there(*at)) {
            if !std::mem::take(&mut is_first) {
                text.write_all(b",")?;
            }
            keys.write(at, text)?;
            text.write_all(b":")?;
            values.write(at, text)?;
        }
        text.write_all(b"}")
    }))
}

fn list<'a, O: OffsetSizeTrait>(
    array: &'a dyn Array,
    path: &str,
    depth: usize,
) -> Result<Values<'a>, IntakeError> {
    let list: &GenericListArray<O> = array.as_list();
    let items = deep(list.values().as_ref(), path, depth + 1)?;
    Ok(Values::new(array, move |row, text| {
        elements(&items, range(list.value_offsets(), row), text)
    }))
}

fn range<O: OffsetSizeTrait>(offsets: &[O], row: usize) -> std::ops::Range<usize> {
    let at = |row: usize| offsets.get(row).map_or(0, |offset| offset.as_usize());
    at(row)..at(row + 1)
}

fn elements(items: &Values<'_>, range: std::ops::Range<usize>, text: &mut Text) -> io::Result<()> {
    text.write_all(b"[")?;
    for (n, at) in range.enumerate() {
        if n > 0 {
            text.write_all(b",")?;
        }
        items.write(at, text)?;
    }
    text.write_all(b"]")
}

fn dictionary<'a>(
    array: &'a dyn Array,
    path: &str,
    depth: usize,
) -> Result<Values<'a>, IntakeError> {
    let dictionary = array.as_any_dictionary();
    let keys: ArrayRef = cast(dictionary.keys(), &DataType::UInt64).map_err(malformed)?;
    let values = deep(dictionary.values().as_ref(), path, depth + 1)?;
    Ok(Values::new(array, move |row, text| {
        let key = keys.as_primitive::<UInt64Type>().value(row);
        values.write(usize::try_from(key).unwrap_or(usize::MAX), text)
    }))
}
