//! A query written out again, as parameters and as fields.

use chrono::{DateTime, SecondsFormat};
use merganser_api::answer::CompareMode;
use serde_json::{Value, json};
use serving_layer::query::{
    AnswerFormat, CsvTextStyle, FillPolicy, OrderBy, PartialPolicy, Query, TimeExpression,
};

/// Writes a query in both forms; each reads as the query.
pub(super) fn check(query: &Query) {
    let fields = fields(query);
    let read =
        Query::from_json(fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    assert_eq!(read.unwrap(), *query);
    // A list has commas between its names, and no blanks around them.
    let is_plain = |name: &str| !name.contains(',') && name.trim() == name && !name.is_empty();
    let mut lists = query.measures.iter().flatten().chain(&query.group_by);
    let orders = query.order_by.iter().all(|order| is_plain(&order.name));
    // A text cannot say a position of no partitions.
    let has_place = query.after.as_ref().is_none_or(|position| !position.0.is_empty());
    if lists.all(|name| is_plain(name)) && orders && has_place {
        let pairs = fields.into_iter().map(|(name, value)| (name.to_owned(), text(&value)));
        assert_eq!(Query::from_pairs(pairs).unwrap(), *query);
    }
}

fn fields(query: &Query) -> Vec<(&'static str, Value)> {
    let mut fields = vec![
        ("metric", json!(query.metric)),
        ("granularity", json!(query.granularity.name())),
        ("timezone", json!(query.timezone.name())),
        ("group_by", json!(query.group_by)),
        ("order_by", query.order_by.iter().map(order).collect()),
        ("csv", json!(texts(query.csv))),
        ("offset", json!(query.offset)),
        ("limit_per_bucket", json!(query.limit_per_bucket)),
        ("totals", json!(query.totals)),
        ("other", json!(query.other)),
        ("fill", json!(fill(query.fill))),
        ("partial", json!(partial(query.partial))),
    ];
    let mut optional = |name, value: Option<Value>| fields.extend(value.map(|value| (name, value)));
    optional("limit", query.limit.map(|limit| json!(limit)));
    optional("group_limit", query.group_limit.map(|limit| json!(limit)));
    optional("window", query.window.map(|window| json!(window.to_string())));
    optional("measures", query.measures.as_ref().map(|names| json!(names)));
    optional("from", query.from.map(|edge| json!(instant(edge))));
    optional("to", query.to.map(|edge| json!(instant(edge))));
    optional("filter", query.filter.as_ref().map(|text| json!(text)));
    optional("having", query.having.as_ref().map(|text| json!(text)));
    optional("compare", query.compare.map(|compare| json!(comparison(compare))));
    optional("after", query.after.as_ref().map(|position| json!(position)));
    let name = |format| AnswerFormat::EACH.iter().find(|(_, known)| *known == format).unwrap().0;
    optional("format", query.format.map(|format| json!(name(format))));
    fields
}

/// A value as it stands in a URL.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(names) => names.iter().map(text).collect::<Vec<_>>().join(","),
        Value::Object(position) => {
            let pair = |(partition, offset): (&String, &Value)| format!("{partition}:{offset}");
            position.iter().map(pair).collect::<Vec<_>>().join(",")
        }
        other => other.to_string(),
    }
}

fn order(order: &OrderBy) -> String {
    format!("{}{}", if order.descending { "-" } else { "" }, order.name)
}

fn instant(instant: TimeExpression) -> String {
    match instant {
        TimeExpression::At(time) => {
            let time = DateTime::from_timestamp_micros(time.0).unwrap();
            time.to_rfc3339_opts(SecondsFormat::Micros, true)
        }
        TimeExpression::Of(..)
        | TimeExpression::Current(..)
        | TimeExpression::Ago(_)
        | TimeExpression::MonthsAgo(_) => instant.to_string(),
    }
}

fn fill(fill: FillPolicy) -> &'static str {
    match fill {
        FillPolicy::None => "none",
        FillPolicy::Zero => "zero",
        FillPolicy::Null => "null",
        FillPolicy::Previous => "previous",
    }
}

fn comparison(compare: CompareMode) -> &'static str {
    match compare {
        CompareMode::PreviousPeriod => "previous_period",
        CompareMode::PreviousYear => "previous_year",
        CompareMode::PreviousQuarter => "previous_quarter",
        CompareMode::PreviousMonth => "previous_month",
        CompareMode::PreviousWeek => "previous_week",
    }
}

fn texts(texts: CsvTextStyle) -> &'static str {
    match texts {
        CsvTextStyle::Verbatim => "verbatim",
        CsvTextStyle::Spreadsheet => "spreadsheet",
    }
}

fn partial(partial: PartialPolicy) -> &'static str {
    match partial {
        PartialPolicy::Refuse => "refuse",
        PartialPolicy::Allow => "allow",
    }
}
