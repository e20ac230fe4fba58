//! Numbers, instants and dates of Arrow as JSON.

use std::fmt::Display;
use std::io::Write;

use arrow::array::{Array, ArrowPrimitiveType, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Date64Type, Decimal128Type, Decimal256Type, DecimalType, Float16Type,
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimeUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use serde::Serialize;

use super::column_writer::{JsonColumnWriter, json};
use super::instant;

pub(super) fn number(array: &dyn Array) -> Option<JsonColumnWriter<'_>> {
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
            JsonColumnWriter::new(array, |row, text| json(text, &f32::from(floats.value(row))))
        }
        DataType::Float32 => numbers::<Float32Type>(array),
        DataType::Float64 => numbers::<Float64Type>(array),
        DataType::Decimal128(..) => decimals::<Decimal128Type>(array),
        DataType::Decimal256(..) => decimals::<Decimal256Type>(array),
        _ => return None,
    })
}

pub(super) fn time(array: &dyn Array) -> Option<JsonColumnWriter<'_>> {
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
            JsonColumnWriter::new(array, |row, text| {
                json(text, &instant::date(i64::from(days.value(row))))
            })
        }
        DataType::Date64 => {
            let millis = array.as_primitive::<Date64Type>();
            JsonColumnWriter::new(array, |row, text| {
                json(text, &instant::date(millis.value(row).div_euclid(86_400_000)))
            })
        }
        _ => return None,
    })
}

/// Instants of INT96, where the twin says that they are.
pub(super) fn int96<'a>(array: &'a dyn Array, twin: &'a dyn Array) -> Option<JsonColumnWriter<'a>> {
    const SECOND_NANOS: i64 = 1_000_000_000;
    let seconds = twin.as_primitive_opt::<TimestampSecondType>()?;
    let nanos = array.as_primitive_opt::<TimestampNanosecondType>()?;
    Some(JsonColumnWriter::new(array, move |row, text| {
        let seconds = seconds.value(row);
        // However often the nanoseconds went round, what is left is less than a second.
        let rest = nanos.value(row).wrapping_sub(seconds.wrapping_mul(SECOND_NANOS));
        let seconds = seconds.saturating_add(rest.div_euclid(SECOND_NANOS));
        let rest = u32::try_from(rest.rem_euclid(SECOND_NANOS)).unwrap_or_default();
        json(text, &instant::instant(seconds, rest))
    }))
}

/// Numbers; what is not finite becomes `null`.
fn numbers<T: ArrowPrimitiveType<Native: Serialize>>(array: &dyn Array) -> JsonColumnWriter<'_> {
    let numbers = array.as_primitive::<T>();
    JsonColumnWriter::new(array, |row, text| json(text, &numbers.value(row)))
}

fn decimals<T: DecimalType<Native: Display>>(array: &dyn Array) -> JsonColumnWriter<'_> {
    let decimals = array.as_primitive::<T>();
    let scale = decimals.scale();
    JsonColumnWriter::new(array, move |row, text| {
        text.write_all(decimal(&decimals.value(row).to_string(), scale).as_bytes())
    })
}

/// A decimal of so many digits, with all of them, even if there are more than its type says.
fn decimal(unscaled: &str, scale: i8) -> String {
    let (sign, digits) = match unscaled.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", unscaled),
    };
    let places = usize::from(scale.unsigned_abs());
    match scale {
        ..=0 if digits == "0" => "0".to_owned(),
        ..=0 => format!("{sign}{digits}{}", "0".repeat(places)),
        _ => {
            let digits = format!("{digits:0>width$}", width = places + 1);
            let (whole, fraction) = digits.split_at(digits.len() - places);
            format!("{sign}{whole}.{fraction}")
        }
    }
}

fn instants<T: ArrowPrimitiveType<Native = i64>>(
    array: &dyn Array,
    per_s: i64,
) -> JsonColumnWriter<'_> {
    let instants = array.as_primitive::<T>();
    JsonColumnWriter::new(array, move |row, text| {
        let value = instants.value(row);
        let nanos = value.rem_euclid(per_s) * (1_000_000_000 / per_s);
        let nanos = u32::try_from(nanos).unwrap_or_default();
        json(text, &instant::instant(value.div_euclid(per_s), nanos))
    })
}
