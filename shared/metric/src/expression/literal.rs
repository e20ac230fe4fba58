//! Values that are written out, and the types that a cast may name.

use std::sync::Arc;

use datafusion_common::ScalarValue;
use datafusion_expr::Expr;
use sqlparser::ast::{self, Value};

use super::typed::{Result, TypedExpr, boolean, refuse};
use super::{ExpressionError, NumberWidth};
use merganser_core::decimal;
use merganser_core::property::PropertyType;

/// A value that an expression names, as the type `want` of its use.
pub(super) fn literal(
    value: &Value,
    want: PropertyType,
    numbers: NumberWidth,
) -> Result<TypedExpr> {
    match value {
        Value::Number(text, false) if want == PropertyType::Text => {
            let number = decimal::parse_wide(text).map(decimal::format_wide);
            let text = number.ok_or_else(|| too_large(text))?;
            Ok(TypedExpr::new(
                Expr::Literal(ScalarValue::Utf8(Some(text)), None),
                PropertyType::Text,
            ))
        }
        Value::Number(text, false) => number_literal(text, numbers),
        Value::Boolean(value) => Ok(boolean(Expr::Literal(ScalarValue::from(*value), None))),
        Value::SingleQuotedString(text) if want == PropertyType::Time => time_literal(text),
        Value::SingleQuotedString(text) => Ok(TypedExpr::new(
            Expr::Literal(ScalarValue::Utf8(Some(text.clone())), None),
            PropertyType::Text,
        )),
        Value::Null => {
            let null = ScalarValue::try_from(&want.data_type());
            let null = null.map_err(|e| ExpressionError(e.to_string()))?;
            Ok(TypedExpr::new(Expr::Literal(null, None), want))
        }
        other => {
            refuse(format!("`{other}` cannot be used; numbers, 'text', TRUE, FALSE, NULL can"))
        }
    }
}

/// A number, short if `numbers` are and its digits allow it.
pub(super) fn number_literal(text: &str, numbers: NumberWidth) -> Result<TypedExpr> {
    let wide = decimal::parse_wide(text).ok_or_else(|| too_large(text))?;
    let short = decimal::narrow(wide).filter(|value| decimal::widen(*value) == wide);
    match short.filter(|_| numbers == NumberWidth::Short) {
        Some(value) => {
            let scale = decimal::SCALE;
            let value = ScalarValue::Decimal128(Some(value), decimal::PRECISION, scale);
            Ok(TypedExpr::new(Expr::Literal(value, None), PropertyType::Number))
        }
        None => {
            let scale = decimal::WIDE_SCALE;
            let value = ScalarValue::Decimal256(Some(wide), decimal::WIDE_PRECISION, scale);
            Ok(TypedExpr::wide(Expr::Literal(value, None)))
        }
    }
}

fn too_large(text: &str) -> ExpressionError {
    ExpressionError(format!("the number {text} is out of range; numbers are below 10^40"))
}

fn time_literal(text: &str) -> Result<TypedExpr> {
    let instant = chrono::DateTime::parse_from_rfc3339(text).map(|t| t.timestamp_micros());
    let instant = instant.or_else(|_| {
        let date = chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d");
        date.map(|d| d.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_micros())
    });
    let micros = instant.map_err(|_| {
        ExpressionError(format!(
            "'{text}' is not a time; expected RFC 3339 as '2026-11-21T10:00:00Z', or a date"
        ))
    })?;
    let value = ScalarValue::TimestampMicrosecond(Some(micros), Some(Arc::from("UTC")));
    Ok(TypedExpr::new(Expr::Literal(value, None), PropertyType::Time))
}

pub(super) fn cast_type(to: &ast::DataType) -> Result<PropertyType> {
    use ast::{DataType as To, ExactNumberInfo};
    match to {
        To::Decimal(ExactNumberInfo::None) | To::Numeric(ExactNumberInfo::None) => {
            Ok(PropertyType::Number)
        }
        To::Text | To::Varchar(None) | To::String(None) => Ok(PropertyType::Text),
        other => refuse(format!("a cast to {other} cannot be used; DECIMAL and TEXT can")),
    }
}
