//! Values of Arrow columns as JSON.
//!
//! | Arrow | JSON |
//! |---|---|
//! | booleans, integers, decimals, text | the same, with every digit |
//! | floats | the shortest number that reads back as the same one; not finite: null |
//! | timestamps | RFC 3339 in UTC; without a time zone they are taken to be in UTC |
//! | dates | `YYYY-MM-DD` |
//! | structs, maps with keys that are text | objects, without the fields that are null |
//! | lists | arrays |
//! | dictionaries | as their values |
//!
//! No conversion wraps or cuts: what has more digits, or lies further away, than its type says is
//! written as what it is, for the rules of events to judge. Instants of Parquet's INT96 do not fit
//! any type of Arrow; they come twice, as [`Int96Seconds`] says.

use std::fmt;
use std::io::{self, Write};

use arrow::array::{Array, ArrayRef, AsArray, GenericListArray, OffsetSizeTrait, StringArrayType};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, UInt64Type};
use merganser_core::text::clipped;

use super::bounded_text::BoundedText;
use super::column_writer::{JsonColumnWriter, json, write_object};
use super::scalar::{int96, number, time};
use super::{IntakeError, malformed};

/// Values within each other, as deep as an event may be.
const DEPTH_MAX: usize = 64;

/// The values of a column of texts, each written by `write`.
fn of_text<'a>(
    array: &'a dyn Array,
    write: impl Fn(&str, &mut BoundedText) -> io::Result<()> + 'a,
) -> JsonColumnWriter<'a> {
    fn texts<'a>(
        array: &'a dyn Array,
        texts: impl StringArrayType<'a> + 'a,
        write: impl Fn(&str, &mut BoundedText) -> io::Result<()> + 'a,
    ) -> JsonColumnWriter<'a> {
        JsonColumnWriter::new(array, move |row, text| write(texts.value(row), text))
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
pub(super) fn check(data_type: &DataType, path: &ValuePath<'_>) -> Result<(), IntakeError> {
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
            let name = other.to_string();
            let name = clipped(&name);
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
pub(super) struct ValuePath<'a> {
    before: Option<&'a ValuePath<'a>>,
    name: &'a str,
}

impl<'a> ValuePath<'a> {
    /// That of a column.
    pub(super) fn of(name: &'a str) -> Self {
        Self { before: None, name }
    }

    fn to<'b>(&'b self, name: &'b str) -> ValuePath<'b> {
        ValuePath { before: Some(self), name }
    }

    fn depth(&self) -> usize {
        self.before.map_or(0, |before| 1 + before.depth())
    }
}

impl fmt::Display for ValuePath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(before) = self.before {
            write!(f, "{before}.")?;
        }
        f.write_str(clipped(self.name))
    }
}

/// The same column once more, in which instants of Parquet's INT96 are whole seconds. In the first
/// one they are nanoseconds, which wrap beyond the years 1677 to 2262; seconds do not, and from
/// both the instant follows.
pub(super) type Int96Seconds<'a> = Option<&'a dyn Array>;

/// The values of a column whose type was checked.
pub(super) fn of<'a>(
    array: &'a dyn Array,
    twin: Int96Seconds<'a>,
) -> Result<JsonColumnWriter<'a>, IntakeError> {
    // The same of both: a column within this one.
    let both = |within: fn(&'a dyn Array) -> &'a ArrayRef| {
        of(within(array).as_ref(), twin.map(|twin| within(twin).as_ref()))
    };
    match array.data_type() {
        DataType::Struct(_) => object(array, twin),
        DataType::Map(..) => {
            let keys = of(array.as_map().keys().as_ref(), None)?;
            Ok(map(array, keys, both(|array| array.as_map().values())?))
        }
        DataType::List(_) => Ok(list::<i32>(array, both(|array| array.as_list::<i32>().values())?)),
        DataType::LargeList(_) => {
            Ok(list::<i64>(array, both(|array| array.as_list::<i64>().values())?))
        }
        DataType::FixedSizeList(_, size) => {
            let size = usize::try_from(*size).unwrap_or_default();
            let items = both(|array| array.as_fixed_size_list().values())?;
            Ok(JsonColumnWriter::new(array, move |row, text| {
                elements(&items, row * size..(row + 1) * size, text)
            }))
        }
        DataType::Dictionary(..) => {
            dictionary(array, of(array.as_any_dictionary().values().as_ref(), None)?)
        }
        other => number(array)
            .or_else(|| int96(array, twin?))
            .or_else(|| time(array))
            .or_else(|| plain(array))
            .ok_or_else(|| malformed(format!("the type {other} is not read"))),
    }
}

/// Whether values can be ids.
pub(super) fn is_text_or_integer(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_text(values),
        other => is_text(other) || other.is_integer() || *other == DataType::Null,
    }
}

/// The values of a column, of which integers are written as texts.
pub(super) fn as_text(array: &dyn Array) -> Result<JsonColumnWriter<'_>, IntakeError> {
    let values = of(array, None)?;
    if !array.data_type().is_integer() {
        return Ok(values);
    }
    Ok(JsonColumnWriter::new(array, move |row, text| {
        text.write_all(b"\"")?;
        values.write(row, text)?;
        text.write_all(b"\"")
    }))
}

/// The values of a column of times. Floats that are no numbers are no missing times, which would be
/// those of arrival: they are written for the rules to refuse.
pub(super) fn as_time<'a>(
    array: &'a dyn Array,
    twin: Int96Seconds<'a>,
) -> Result<JsonColumnWriter<'a>, IntakeError> {
    let values = of(array, twin)?;
    if !array.data_type().is_floating() {
        return Ok(values);
    }
    let floats = cast(array, &DataType::Float64).map_err(malformed)?;
    Ok(JsonColumnWriter::new(array, move |row, text| {
        let float = floats.as_primitive::<Float64Type>().value(row);
        match float.is_finite() {
            true => values.write(row, text),
            false => json(text, &float.to_string()),
        }
    }))
}

/// The values of a column of texts, or of a dictionary of them, each written by `write`; `None` for
/// others.
pub(super) fn of_texts<'a>(
    array: &'a dyn Array,
    write: impl Fn(&str, &mut BoundedText) -> io::Result<()> + 'a,
) -> Option<Result<JsonColumnWriter<'a>, IntakeError>> {
    match array.data_type() {
        DataType::Dictionary(_, values) if is_text(values) => {
            let texts = of_text(array.as_any_dictionary().values().as_ref(), write);
            Some(dictionary(array, texts))
        }
        text if is_text(text) => Some(Ok(of_text(array, write))),
        _ => None,
    }
}

fn plain(array: &dyn Array) -> Option<JsonColumnWriter<'_>> {
    Some(match array.data_type() {
        DataType::Null => JsonColumnWriter::none(),
        DataType::Boolean => {
            let booleans = array.as_boolean();
            JsonColumnWriter::new(array, |row, text| json(text, &booleans.value(row)))
        }
        text if is_text(text) => of_text(array, |value, text| json(text, value)),
        _ => return None,
    })
}

fn object<'a>(
    array: &'a dyn Array,
    twin: Int96Seconds<'a>,
) -> Result<JsonColumnWriter<'a>, IntakeError> {
    let object = array.as_struct();
    let twins = twin.map(|twin| twin.as_struct().columns());
    let mut fields = Vec::new();
    for (at, (field, values)) in object.fields().iter().zip(object.columns()).enumerate() {
        let twin = twins.and_then(|twins| twins.get(at)).map(AsRef::as_ref);
        fields.push((field.name().as_str(), of(values.as_ref(), twin)?));
    }
    Ok(JsonColumnWriter::new(array, move |row, text| write_object(&fields, row, text)))
}

fn map<'a>(
    array: &'a dyn Array,
    keys: JsonColumnWriter<'a>,
    values: JsonColumnWriter<'a>,
) -> JsonColumnWriter<'a> {
    let map = array.as_map();
    JsonColumnWriter::new(array, move |row, text| {
        let range = range(map.value_offsets(), row);
        text.count_visited(range.len())?;
        let there = range.filter(|at| values.is_present(*at));
        text.enclose([b"{", b"}"], there, |at, text| {
            keys.write(at, text)?;
            text.write_all(b":")?;
            values.write(at, text)
        })
    })
}

fn list<'a, O: OffsetSizeTrait>(
    array: &'a dyn Array,
    items: JsonColumnWriter<'a>,
) -> JsonColumnWriter<'a> {
    let list: &GenericListArray<O> = array.as_list();
    JsonColumnWriter::new(array, move |row, text| {
        elements(&items, range(list.value_offsets(), row), text)
    })
}

fn range<O: OffsetSizeTrait>(offsets: &[O], row: usize) -> std::ops::Range<usize> {
    let at = |row: usize| offsets.get(row).map_or(0, |offset| offset.as_usize());
    at(row)..at(row + 1)
}

fn elements(
    items: &JsonColumnWriter<'_>,
    range: std::ops::Range<usize>,
    text: &mut BoundedText,
) -> io::Result<()> {
    text.count_visited(range.len())?;
    text.enclose([b"[", b"]"], range, |at, text| items.write(at, text))
}

fn dictionary<'a>(
    array: &'a dyn Array,
    values: JsonColumnWriter<'a>,
) -> Result<JsonColumnWriter<'a>, IntakeError> {
    let keys = array.as_any_dictionary().keys();
    let keys: ArrayRef = cast(keys, &DataType::UInt64).map_err(malformed)?;
    Ok(JsonColumnWriter::new(array, move |row, text| {
        let key = keys.as_primitive::<UInt64Type>().value(row);
        values.write(usize::try_from(key).unwrap_or(usize::MAX), text)
    }))
}
