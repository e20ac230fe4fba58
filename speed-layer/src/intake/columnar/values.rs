//! Values of Arrow columns as JSON.
//!
//! | Arrow | JSON |
//! |---|---|
//! | booleans, integers, decimals, text | the same |
//! | floats | the shortest number that reads back as the same one; not finite: null |
//! | timestamps | RFC 3339 in UTC; without a time zone they are taken to be in UTC |
//! | dates | `YYYY-MM-DD` |
//! | structs, maps with keys that are text | objects, without the fields that are null |
//! | lists | arrays |
//! | dictionaries | as their values |

use std::fmt;
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
    write: Option<Write1<'a>>,
}

impl<'a> Values<'a> {
    fn new(array: &dyn Array, write: impl Fn(usize, &mut Text) -> io::Result<()> + 'a) -> Self {
        Self { nulls: array.logical_nulls(), write: Some(Box::new(write)) }
    }

    /// No value in any row.
    fn none() -> Self {
        Self { nulls: None, write: None }
    }

    /// Whether there is a value in a row.
    pub(super) fn is_there(&self, row: usize) -> bool {
        self.write.is_some() && self.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row))
    }

    /// Writes the value of a row, `null` where there is none.
    pub(super) fn write(&self, row: usize, text: &mut Text) -> io::Result<()> {
        match &self.write {
            Some(write) if self.is_there(row) => write(row, text),
            _ => text.write_all(b"null"),
        }
    }
}

/// The values of a column of texts, each written by `write`.
fn of_text<'a>(
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

/// Whether values of a type stand for something in JSON.
///
/// # Errors
/// The path to what does not, and why.
pub(super) fn check(data_type: &DataType, path: &Path<'_>) -> Result<(), IntakeError> {
    use DataType as D;
    let wrong = |why: &str| Err(malformed(format!("`{path}` {why}")));
    if path.depth() > DEPTH_MAX {
        return wrong("is too deep");
    }
    match data_type {
        D::Null | D::Boolean | D::Utf8 | D::LargeUtf8 | D::Utf8View => Ok(()),
        D::Float16 | D::Decimal128(..) | D::Decimal256(..) => Ok(()),
        D::Timestamp(..) | D::Date32 | D::Date64 => Ok(()),
        D::Int8 | D::Int16 | D::Int32 | D::Int64 | D::Float32 | D::Float64 => Ok(()),
        D::UInt8 | D::UInt16 | D::UInt32 | D::UInt64 => Ok(()),
        D::Struct(fields) => {
            fields.iter().try_for_each(|field| check(field.data_type(), &path.to(field.name())))
        }
        D::List(item) | D::LargeList(item) | D::FixedSizeList(item, _) => {
            check(item.data_type(), &path.to("[]"))
        }
        D::Dictionary(_, values) => check(values, &path.to("[]")),
        D::Map(entries, _) => match entries.data_type() {
            D::Struct(fields) => match &fields[..] {
                [key, _] if !is_text(key.data_type()) => wrong("has keys that are no texts"),
                [_, value] => check(value.data_type(), &path.to("[]")),
                _ => wrong("is no map"),
            },
            _ => wrong("is no map"),
        },
        other => {
            let name: String = other.to_string().chars().take(80).collect();
            wrong(&format!("has the type {name}, which stands for nothing in JSON"))
        }
    }
}

/// Whether it is one of the types of texts.
fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// Where a value is among columns.
#[derive(Clone, Copy)]
pub(super) struct Path<'a> {
    before: Option<&'a Path<'a>>,
    name: &'a str,
}

impl<'a> Path<'a> {
    /// That of a column.
    pub(super) fn of(name: &'a str) -> Self {
        Self { before: None, name }
    }

    fn to<'b>(&'b self, name: &'b str) -> Path<'b> {
        Path { before: Some(self), name }
    }

    fn depth(&self) -> usize {
        self.before.map_or(0, |before| 1 + before.depth())
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(before) = self.before {
            write!(f, "{before}.")?;
        }
        self.name.chars().take(80).try_for_each(|c| write!(f, "{c}"))
    }
}

/// The values of a column whose type was checked.
pub(super) fn of(array: &dyn Array) -> Result<Values<'_>, IntakeError> {
    match array.data_type() {
        DataType::Struct(_) => object(array),
        DataType::Map(..) => map(array),
        DataType::List(_) => list::<i32>(array),
        DataType::LargeList(_) => list::<i64>(array),
        DataType::FixedSizeList(_, size) => {
            let size = usize::try_from(*size).unwrap_or_default();
            let items = of(array.as_fixed_size_list().values().as_ref())?;
            Ok(Values::new(array, move |row, text| {
                elements(&items, row * size..(row + 1) * size, text)
            }))
        }
        DataType::Dictionary(..) => dictionary(array, of(array.as_any_dictionary().values())?),
        other => number(array)
            .or_else(|| time(array))
            .or_else(|| plain(array))
            .ok_or_else(|| malformed(format!("the type {other} is not read"))),
    }
}

/// The values of a column of texts, or of a dictionary of them, each written by `write`; `None` for
/// others.
pub(super) fn of_texts<'a>(
    array: &'a dyn Array,
    write: impl Fn(&str, &mut Text) -> io::Result<()> + 'a,
) -> Option<Result<Values<'a>, IntakeError>> {
    match array.data_type() {
        DataType::Dictionary(_, values) if is_text(values) => {
            let texts = of_text(array.as_any_dictionary().values().as_ref(), write);
            Some(dictionary(array, texts))
        }
        text if is_text(text) => Some(Ok(of_text(array, write))),
        _ => None,
    }
}

fn plain(array: &dyn Array) -> Option<Values<'_>> {
    Some(match array.data_type() {
        DataType::Null => Values::none(),
        DataType::Boolean => {
            let booleans = array.as_boolean();
            Values::new(array, |row, text| json(text, &booleans.value(row)))
        }
        text if is_text(text) => of_text(array, |value, text| json(text, value)),
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

fn object(array: &dyn Array) -> Result<Values<'_>, IntakeError> {
    let object = array.as_struct();
    let mut fields = Vec::new();
    for (field, values) in object.fields().iter().zip(object.columns()) {
        fields.push((field.name(), of(values.as_ref())?));
    }
    Ok(Values::new(array, move |row, text| {
        text.look_at(fields.len())?;
        let there = fields.iter().filter(|(_, values)| values.is_there(row));
        text.enclose([b"{", b"}"], there, |(name, values), text| {
            json(text, name)?;
            text.write_all(b":")?;
            values.write(row, text)
        })
    }))
}

fn map(array: &dyn Array) -> Result<Values<'_>, IntakeError> {
    let map = array.as_map();
    let (keys, values) = (of(map.keys().as_ref())?, of(map.values().as_ref())?);
    Ok(Values::new(array, move |row, text| {
        let range = range(map.value_offsets(), row);
        text.look_at(range.len())?;
        let there = range.filter(|at| values.is_there(*at));
        text.enclose([b"{", b"}"], there, |at, text| {
            keys.write(at, text)?;
            text.write_all(b":")?;
            values.write(at, text)
        })
    }))
}

fn list<O: OffsetSizeTrait>(array: &dyn Array) -> Result<Values<'_>, IntakeError> {
    let list: &GenericListArray<O> = array.as_list();
    let items = of(list.values().as_ref())?;
    Ok(Values::new(array, move |row, text| {
        elements(&items, range(list.value_offsets(), row), text)
    }))
}

fn range<O: OffsetSizeTrait>(offsets: &[O], row: usize) -> std::ops::Range<usize> {
    let at = |row: usize| offsets.get(row).map_or(0, |offset| offset.as_usize());
    at(row)..at(row + 1)
}

fn elements(items: &Values<'_>, range: std::ops::Range<usize>, text: &mut Text) -> io::Result<()> {
    text.look_at(range.len())?;
    text.enclose([b"[", b"]"], range, |at, text| items.write(at, text))
}

fn dictionary<'a>(array: &'a dyn Array, values: Values<'a>) -> Result<Values<'a>, IntakeError> {
    let keys = array.as_any_dictionary().keys();
    let keys: ArrayRef = cast(keys, &DataType::UInt64).map_err(malformed)?;
    Ok(Values::new(array, move |row, text| {
        let key = keys.as_primitive::<UInt64Type>().value(row);
        values.write(usize::try_from(key).unwrap_or(usize::MAX), text)
    }))
}
