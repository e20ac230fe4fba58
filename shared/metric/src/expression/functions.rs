//! The functions that expressions may call: the allow-list.

use std::sync::Arc;

use super::arithmetic::ScalarOperation;
use super::lower::ExpressionLowering;
use super::typed::{Result, TypedExpr, boolean, cast, clip, refuse};
use arrow::datatypes::DataType;
use datafusion_common::ScalarValue;
use datafusion_expr::expr::Case;
use datafusion_expr::{Expr, ScalarUDF};
use datafusion_functions::{datetime, string, unicode};
use merganser_core::property::PropertyType;
use merganser_core::text::suggestion;
use sqlparser::ast::{
    CeilFloorKind, DateTimeField, Expr as Sql, Function, FunctionArg, FunctionArgExpr,
    FunctionArguments, TrimWhereField, Value, ValueWithSpan,
};

/// What an argument must be.
#[derive(Clone, Copy)]
enum ArgumentKind {
    Text,
    /// A whole number, written out, from this to 100,000.
    Int(i64),
}

use ArgumentKind::{Int, Text};

/// A function of DataFusion's over texts: names, arguments (the last may be left out if
/// `optional`), what it gives.
struct TextFunction {
    names: &'static [&'static str],
    args: &'static [ArgumentKind],
    optional: bool,
    result: PropertyType,
    function: fn() -> Arc<ScalarUDF>,
}

macro_rules! text_function {
    ([$($name:literal),+], $args:expr, $optional:literal, $result:ident, $function:path) => {
        TextFunction {
            names: &[$($name),+],
            args: &$args,
            optional: $optional,
            result: PropertyType::$result,
            function: $function,
        }
    };
}

const TEXT_FUNCTIONS: &[TextFunction] = &[
    text_function!(["lower"], [Text], false, Text, string::lower),
    text_function!(["upper"], [Text], false, Text, string::upper),
    text_function!(["trim", "btrim"], [Text, Text], true, Text, string::btrim),
    text_function!(["ltrim"], [Text, Text], true, Text, string::ltrim),
    text_function!(["rtrim"], [Text, Text], true, Text, string::rtrim),
    text_function!(
        ["length", "char_length", "character_length"],
        [Text],
        false,
        Number,
        unicode::character_length
    ),
    text_function!(["substr", "substring"], [Text, Int(1), Int(0)], true, Text, unicode::substr),
    text_function!(["left"], [Text, Int(0)], false, Text, unicode::left),
    text_function!(["right"], [Text, Int(0)], false, Text, unicode::right),
    text_function!(["replace"], [Text, Text, Text], false, Text, string::replace),
    text_function!(["split_part"], [Text, Text, Int(1)], false, Text, string::split_part),
    text_function!(["starts_with"], [Text, Text], false, Boolean, string::starts_with),
];

/// Functions that are lowered by hand, and what they give; `None` takes the arguments' type.
const OTHER_FUNCTIONS: &[(&str, Option<PropertyType>)] = &[
    ("concat", Some(PropertyType::Text)),
    ("coalesce", None),
    ("nullif", None),
    ("abs", Some(PropertyType::Number)),
    ("round", Some(PropertyType::Number)),
    ("floor", Some(PropertyType::Number)),
    ("ceil", Some(PropertyType::Number)),
    ("date_part", Some(PropertyType::Number)),
    ("date_trunc", Some(PropertyType::Time)),
];

const DATE_PARTS: &[&str] = &[
    "year", "quarter", "month", "week", "day", "doy", "dow", "isodow", "hour", "minute", "second",
];
const DATE_UNITS: &[&str] =
    &["year", "quarter", "month", "week", "day", "hour", "minute", "second"];

fn text_function(name: &str) -> Option<&'static TextFunction> {
    TEXT_FUNCTIONS.iter().find(|f| f.names.contains(&name))
}

impl ExpressionLowering<'_> {
    pub(super) fn function_hint(&self, function: &Function) -> Option<PropertyType> {
        let name = function.name.to_string().to_lowercase();
        if let Some(found) = text_function(&name) {
            return Some(found.result);
        }
        match OTHER_FUNCTIONS.iter().find(|(other, _)| *other == name)? {
            (_, Some(result)) => Some(*result),
            (_, None) => self.common_type(arguments(function).ok()?),
        }
    }

    /// Function calls, and the syntax that SQL has for some.
    pub(super) fn call(
        &mut self,
        sql: &Sql,
        want: PropertyType,
        depth: usize,
    ) -> Result<TypedExpr> {
        match sql {
            Sql::Function(function) => {
                let name = function.name.to_string().to_lowercase();
                let args = arguments(function)?;
                match text_function(&name) {
                    Some(found) => self.text_call(&name, found, &args, depth),
                    None => self.other_call(&name, &args, want, depth),
                }
            }
            Sql::Extract { field, expr, .. } => self.date_part(field, expr, depth),
            Sql::Floor { expr, field: CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) } => {
                self.arithmetic(ScalarOperation::Floor, expr, depth)
            }
            Sql::Ceil { expr, field: CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) } => {
                self.arithmetic(ScalarOperation::Ceiling, expr, depth)
            }
            Sql::Substring { expr, substring_from: Some(from), substring_for, .. } => {
                let args: Vec<&Sql> =
                    [expr, from].into_iter().chain(substring_for).map(AsRef::as_ref).collect();
                self.named_text_call("substr", &args, depth)
            }
            Sql::Trim { trim_where, trim_what: what, expr, trim_characters: None } => {
                let name = match trim_where {
                    None | Some(TrimWhereField::Both) => "btrim",
                    Some(TrimWhereField::Leading) => "ltrim",
                    Some(TrimWhereField::Trailing) => "rtrim",
                };
                let args: Vec<&Sql> =
                    std::iter::once(expr).chain(what).map(AsRef::as_ref).collect();
                self.named_text_call(name, &args, depth)
            }
            other => refuse(format!("`{}` is not something that can be used here", clip(other))),
        }
    }

    fn named_text_call(&mut self, name: &str, args: &[&Sql], depth: usize) -> Result<TypedExpr> {
        match text_function(name) {
            Some(found) => self.text_call(name, found, args, depth),
            None => refuse(format!("there is no function `{name}`")),
        }
    }

    fn text_call(
        &mut self,
        name: &str,
        found: &TextFunction,
        args: &[&Sql],
        depth: usize,
    ) -> Result<TypedExpr> {
        let most = found.args.len();
        let least = if found.optional { most - 1 } else { most };
        check_count(name, args, least, most)?;
        let mut lowered = Vec::new();
        for (sql, arg) in args.iter().zip(found.args) {
            lowered.push(match arg {
                Text => self.lower_as(sql, PropertyType::Text, depth)?.expr,
                Int(least) => {
                    let number = whole(name, sql, *least)?;
                    Expr::Literal(ScalarValue::Int64(Some(number)), None)
                }
            });
        }
        let called = (found.function)().call(lowered);
        Ok(match found.result {
            PropertyType::Text => TypedExpr::new(cast(called, DataType::Utf8), PropertyType::Text),
            PropertyType::Number => self.whole_number(called),
            PropertyType::Boolean | PropertyType::Time | PropertyType::Value => {
                TypedExpr::new(called, found.result)
            }
        })
    }

    fn whole_number(&self, expr: Expr) -> TypedExpr {
        TypedExpr::wide(ScalarOperation::Widen.call(vec![expr]))
    }

    fn arithmetic(
        &mut self,
        operation: ScalarOperation,
        sql: &Sql,
        depth: usize,
    ) -> Result<TypedExpr> {
        let number = self.lower_as(sql, PropertyType::Number, depth)?;
        Ok(TypedExpr::wide(operation.call(vec![number.expr])))
    }

    fn other_call(
        &mut self,
        name: &str,
        args: &[&Sql],
        want: PropertyType,
        depth: usize,
    ) -> Result<TypedExpr> {
        match name {
            "concat" => {
                check_count(name, args, 1, 100)?;
                let mut texts = Vec::new();
                for arg in args {
                    texts.push(self.lower_as(arg, PropertyType::Text, depth)?.expr);
                }
                let joined = string::concat().call(texts);
                Ok(TypedExpr::new(cast(joined, DataType::Utf8), PropertyType::Text))
            }
            "coalesce" => {
                check_count(name, args, 1, 100)?;
                self.coalesce(args, want, depth)
            }
            "nullif" => {
                check_count(name, args, 2, 2)?;
                self.nullif(args[0], args[1], want, depth)
            }
            "abs" => {
                check_count(name, args, 1, 1)?;
                self.arithmetic(ScalarOperation::Absolute, args[0], depth)
            }
            "floor" => {
                check_count(name, args, 1, 1)?;
                self.arithmetic(ScalarOperation::Floor, args[0], depth)
            }
            "ceil" => {
                check_count(name, args, 1, 1)?;
                self.arithmetic(ScalarOperation::Ceiling, args[0], depth)
            }
            "round" => {
                check_count(name, args, 1, 2)?;
                let number = self.lower_as(args[0], PropertyType::Number, depth)?.expr;
                let places = args.get(1).map_or(Ok(0), |sql| whole(name, sql, 0))?;
                let places = Expr::Literal(ScalarValue::Int64(Some(places.min(18))), None);
                Ok(TypedExpr::wide(ScalarOperation::Round.call(vec![number, places])))
            }
            "date_part" => {
                check_count(name, args, 2, 2)?;
                let part = choice(name, args[0], DATE_PARTS)?;
                self.date_part_of(&part, args[1], depth)
            }
            "date_trunc" => {
                check_count(name, args, 2, 2)?;
                let unit = choice(name, args[0], DATE_UNITS)?;
                let time = self.lower_as(args[1], PropertyType::Time, depth)?.expr;
                let unit = Expr::Literal(ScalarValue::Utf8(Some(unit)), None);
                let truncated = datetime::date_trunc().call(vec![unit, time]);
                Ok(TypedExpr::new(
                    cast(truncated, PropertyType::Time.data_type()),
                    PropertyType::Time,
                ))
            }
            other => {
                let texts = TEXT_FUNCTIONS.iter().flat_map(|f| f.names.iter().copied());
                let known = texts.chain(OTHER_FUNCTIONS.iter().map(|(name, _)| *name));
                refuse(format!("there is no function `{other}`{}", suggestion(other, known)))
            }
        }
    }

    fn nullif(
        &mut self,
        value: &Sql,
        other: &Sql,
        want: PropertyType,
        depth: usize,
    ) -> Result<TypedExpr> {
        let ty = self.result_type([value, other], want);
        let (a, b) = (self.lower_as(value, ty, depth)?, self.lower_as(other, ty, depth)?);
        let value = self.lower_as(value, ty, depth)?;
        let wide = a.wide || b.wide;
        let value = if wide { self.widen(value) } else { value.expr };
        let (a, b) = self.unify_types(a, b);
        let same = boolean(a.eq(b)).expr;
        let unequal = (Box::new(same.is_not_true()), Box::new(value));
        Ok(TypedExpr { expr: Expr::Case(Case::new(None, vec![unequal], None)), ty, wide })
    }

    fn coalesce(&mut self, args: &[&Sql], want: PropertyType, depth: usize) -> Result<TypedExpr> {
        let ty = self.result_type(args.iter().copied(), want);
        let (mut tests, mut values) = (Vec::new(), Vec::new());
        for arg in args {
            tests.push(Box::new(self.lower_as(arg, ty, depth)?.expr.is_not_null()));
            values.push(self.lower_as(arg, ty, depth)?);
        }
        let wide = values.iter().any(|value| value.wide);
        let values = self.unify_all_types(values).into_iter().map(Box::new);
        let branches = tests.into_iter().zip(values).collect();
        Ok(TypedExpr { expr: Expr::Case(Case::new(None, branches, None)), ty, wide })
    }

    fn date_part(&mut self, field: &DateTimeField, time: &Sql, depth: usize) -> Result<TypedExpr> {
        let part = field.to_string().to_lowercase();
        if !DATE_PARTS.contains(&&*part) {
            let hint = suggestion(&part, DATE_PARTS.iter().copied());
            return refuse(format!("`{part}` is no part of a time{hint}"));
        }
        self.date_part_of(&part, time, depth)
    }

    fn date_part_of(&mut self, part: &str, time: &Sql, depth: usize) -> Result<TypedExpr> {
        let time = self.lower_as(time, PropertyType::Time, depth)?.expr;
        let part = Expr::Literal(ScalarValue::Utf8(Some(part.to_owned())), None);
        let number = datetime::date_part().call(vec![part, time]);
        Ok(self.whole_number(cast(number, DataType::Int64)))
    }
}

fn arguments(function: &Function) -> Result<Vec<&Sql>> {
    let plain = function.filter.is_none()
        && function.over.is_none()
        && function.null_treatment.is_none()
        && function.within_group.is_empty()
        && matches!(function.parameters, FunctionArguments::None);
    let FunctionArguments::List(list) = &function.args else {
        return refuse(format!("`{}` needs arguments in parentheses", function.name));
    };
    if !plain || list.duplicate_treatment.is_some() || !list.clauses.is_empty() {
        return refuse(format!("`{}` takes plain arguments only", function.name));
    }
    list.args
        .iter()
        .map(|arg| match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(sql)) => Ok(sql),
            other => refuse(format!("`{other}` is not a plain argument")),
        })
        .collect()
}

fn check_count(name: &str, args: &[&Sql], least: usize, most: usize) -> Result<()> {
    if (least..=most).contains(&args.len()) {
        return Ok(());
    }
    let wanted = if least == most { most.to_string() } else { format!("{least} to {most}") };
    refuse(format!("`{name}` takes {wanted} arguments, not {}", args.len()))
}

fn whole(name: &str, sql: &Sql, least: i64) -> Result<i64> {
    let number = match sql {
        Sql::Value(ValueWithSpan { value: Value::Number(text, false), .. }) => text.parse().ok(),
        _ => None,
    };
    match number {
        Some(number) if (least..=100_000).contains(&number) => Ok(number),
        _ => refuse(format!(
            "`{name}` needs a whole number from {least} to 100000 here, not `{}`",
            clip(sql)
        )),
    }
}

fn choice(name: &str, sql: &Sql, known: &[&str]) -> Result<String> {
    let given = match sql {
        Sql::Value(ValueWithSpan { value: Value::SingleQuotedString(text), .. }) => {
            text.to_lowercase()
        }
        other => return refuse(format!("`{name}` needs 'text' first, not `{}`", clip(other))),
    };
    if known.contains(&&*given) {
        return Ok(given);
    }
    let hint = suggestion(&given, known.iter().copied());
    refuse(format!("`{name}` does not know '{given}'{hint}"))
}
