//! Compiled definitions against hand-computed answers.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Decimal128Type, Int64Type, TimestampMicrosecondType};

use super::*;
use crate::definition::from_json;
use crate::extract::PropertyExtractor;
use crate::table::StateTable;
use merganser_core::decimal::Scale;
use merganser_core::event::{EventBatch, EventOffsets};
use merganser_core::ids::Offset;
use merganser_core::omissions::{DefinitionUse, MetricOmissions};
use merganser_core::testing::event;
use merganser_core::time::{MINUTE_US, Timestamp};

const SALES: &str = r#"{
    "name": "sales", "event": ["sale", "refund"], "filter": "amount <> 0",
    "dimensions": ["country", {"name": "plan", "property": "account.plan"},
                   {"name": "size", "expr": "CASE WHEN amount > 10 THEN 'large' ELSE 'small' END"}],
    "measures": {
        "share": {"kind": "expr", "expr": "large / n"},
        "n": {"kind": "count"},
        "large": {"kind": "count", "filter": "amount > 10"},
        "total": {"kind": "sum", "of": "amount * quantity"},
        "mean": {"kind": "avg", "of": "amount"},
        "least": {"kind": "min", "of": "amount"},
        "most": {"kind": "max", "of": "amount", "filter": "country = 'DE'"},
        "buyers": {"kind": "distinct", "of": "subject"},
        "median": {"kind": "quantile", "of": "amount", "q": 0.5},
        "p99": {"kind": "quantile", "of": "amount", "q": 0.99},
        "priced": {"kind": "count", "of": "amount"},
        "last": {"kind": "latest", "of": "country"},
        "last_price": {"kind": "latest", "type": "number", "of": "amount", "filter": "amount > 12"}
    }
}"#;

fn metric(text: &str) -> Metric {
    Metric::compile(&from_json(text.as_bytes()).unwrap()).unwrap()
}

fn wrong(text: &str) -> DefinitionError {
    let compiled = from_json(text.as_bytes())
        .map_err(DefinitionError::from)
        .and_then(|definition| Metric::compile(&definition));
    compiled.err().unwrap_or_else(|| panic!("{text} was taken"))
}

fn sales() -> EventBatch {
    [
        ("sale", 0, r#"{"country":"DE","account":{"plan":"pro"},"amount":20,"quantity":2}"#),
        ("sale", 1, r#"{"country":"DE","account":{"plan":"pro"},"amount":12.5,"quantity":"2"}"#),
        ("visit", 1, r#"{"country":"DE","amount":"not a number"}"#),
        ("refund", 59_999_999, r#"{"country":"FR","amount":-5,"quantity":1}"#),
        ("sale", MINUTE_US, r#"{"country":"DE","account":{"plan":"pro"},"amount":0}"#),
        ("sale", MINUTE_US, r#"{"country":7,"amount":1,"quantity":1e40}"#),
        ("sale", MINUTE_US, r#"{"amount":"x"}"#),
    ]
    .into_iter()
    .map(|(kind, time, properties)| event(kind, time, Some(properties)))
    .collect()
}

fn places(events: &EventBatch) -> EventOffsets {
    EventOffsets::consecutive(Offset::ZERO, events.len())
}

fn folded(metric: &Metric, events: &EventBatch) -> (StateTable, u64) {
    let extracted =
        PropertyExtractor::new(metric.properties().cloned()).extract(events, places(events));
    let mut table = StateTable::new(metric.layout());
    let folded = metric.fold(&mut table, &extracted, usize::MAX).unwrap();
    (table, folded.mismatches)
}

fn values(metric: &Metric, name: &str, states: &RecordBatch) -> Vec<Option<String>> {
    let at = metric.measures().iter().position(|m| m.name == name).unwrap();
    let finished = metric.finish(&[at], states).unwrap();
    let column: &ArrayRef = &finished.values[0];
    (0..column.len())
        .map(|row| {
            column.is_valid(row).then(|| match column.data_type() {
                DataType::Int64 => column.as_primitive::<Int64Type>().value(row).to_string(),
                DataType::Utf8 => column.as_string::<i32>().value(row).to_owned(),
                DataType::Timestamp(..) => {
                    Timestamp(column.as_primitive::<TimestampMicrosecondType>().value(row))
                        .to_string()
                }
                other => {
                    let value = column.as_primitive::<Decimal128Type>().value(row);
                    Scale::of(other).unwrap().format(value)
                }
            })
        })
        .collect()
}

#[test]
fn groups_and_measures_are_what_they_say() {
    let metric = metric(SALES);
    let (table, mismatches) = folded(&metric, &sales());
    // A quantity and an amount that are text, a quantity out of range, and those are all: the visit
    // is of another type.
    assert_eq!(mismatches, 3);
    assert_eq!(table.len(), 3);
    assert_eq!(table.time(2), Timestamp(MINUTE_US));
    let groups: Vec<Vec<Option<&str>>> =
        (0..3).map(|g| (0..3).map(|d| table.dimension(g, d)).collect()).collect();
    assert_eq!(groups[0], [Some("DE"), Some("pro"), Some("large")]);
    assert_eq!(groups[1], [Some("FR"), None, Some("small")]);
    assert_eq!(groups[2], [Some("7"), None, Some("small")]);
    let states = table.emit_all();
    let row = |name: &str| values(&metric, name, &states);
    let texts = |all: [&str; 3]| all.map(|t| (!t.is_empty()).then(|| t.to_owned()));
    assert_eq!(row("n"), texts(["2", "1", "1"]));
    assert_eq!(row("large"), texts(["2", "0", "0"]));
    assert_eq!(row("share"), texts(["1", "0", "0"]));
    assert_eq!(row("total"), texts(["40", "-5", ""]));
    assert_eq!(row("mean"), texts(["16.25", "-5", "1"]));
    assert_eq!(row("least"), texts(["12.5", "-5", "1"]));
    assert_eq!(row("most"), texts(["20", "", ""]));
    assert_eq!(row("buyers"), texts(["0", "0", "0"]));
    assert_eq!(row("priced"), texts(["2", "1", "1"]));
    assert_eq!(row("last"), texts(["DE", "FR", "7"]));
    assert_eq!(row("last_price"), texts(["12.5", "", ""]));
}

mod values;

#[test]
fn measures_share_states_and_formulas_name_theirs() {
    let metric = metric(SALES);
    let kinds: Vec<&str> = metric.layout().states.iter().map(|kind| kind.name()).collect();
    // mean and priced count the same values twice: once as numbers, once as texts.
    assert_eq!(
        kinds,
        [
            "count", "count", "sum", "sum", "count", "min", "max", "distinct", "quantile", "count",
            "latest", "latest"
        ]
    );
    let at = |name: &str| metric.measures().iter().position(|m| m.name == name).unwrap();
    assert_eq!(metric.states_of(&[at("share")]), [0, 1]);
    assert_eq!(metric.states_of(&[at("median"), at("p99")]), [8]);
}

#[test]
fn bad_definitions_say_where_and_what() {
    let with = |fields: &str| format!(r#"{{"name":"m","event":"e",{fields}}}"#);
    let count = r#""measures":{"n":{"kind":"count"}}"#;
    for (text, pointer, reason) in [
        (with(r#""measures":{}"#), "/measures", "at least one"),
        (with(r#""measures":{"n":{"kind":"sum"}}"#), "/measures/n/of", "needs `of`"),
        (with(r#""measures":{"n":{"kind":"median"}}"#), "/measures/n/kind", "quantile"),
        (with(r#""measures":{"n":{"kind":"quantile","of":"a"}}"#), "/measures/n/q", "0.95"),
        (with(r#""measures":{"n":{"kind":"quantile","of":"a","q":2}}"#), "/measures/n/q", "0 to 1"),
        (with(r#""measures":{"n":{"kind":"count","q":0.5}}"#), "/measures/n/q", "quantile"),
        (with(r#""measures":{"n":{"kind":"count","type":"text"}}"#), "/measures/n/type", "latest"),
        (with(r#""measures":{"n":{"kind":"latest"}}"#), "/measures/n/of", "needs `of`"),
        (
            with(r#""measures":{"n":{"kind":"latest","of":"a","type":"date"}}"#),
            "/measures/n/type",
            "`number`, `text`, `time`",
        ),
        (
            with(r#""measures":{"t":{"kind":"latest","of":"a"},"n":{"kind":"expr","expr":"t+1"}}"#),
            "/measures/n/expr",
            "number",
        ),
        (with(r#""measures":{"n":{"kind":"expr"}}"#), "/measures/n/expr", "needs `expr`"),
        (
            with(r#""measures":{"n":{"kind":"expr","expr":"x+1"}}"#),
            "/measures/n/expr",
            "no measure",
        ),
        (with(r#""measures":{"n":{"kind":"expr","expr":"n+1"}}"#), "/measures/n/expr", "itself"),
        (with(r#""measures":{"n":{"kind":"sum","of":"a +"}}"#), "/measures/n/of", "not finished"),
        (with(r#""measures":{"N":{"kind":"count"}}"#), "/measures/N", "a-z"),
        (with(r#""measures":{"time":{"kind":"count"}}"#), "/measures/time", "reserved"),
        (with(&format!(r#""dimensions":["n"],{count}"#)), "/measures/n", "named twice"),
        (with(&format!(r#""dimensions":["a-b"],{count}"#)), "/dimensions/0", "a-z"),
        (with(&format!(r#""filter":"a = ",{count}"#)), "/filter", "not finished"),
        (with(&format!(r#""granularity":"week",{count}"#)), "/granularity", "minute"),
        (with(&format!(r#""colour":1,{count}"#)), "", "colour"),
    ] {
        let error = wrong(&text);
        assert!(error.pointer.starts_with(pointer), "{text}: {error:?}");
        assert!(error.message.contains(reason), "{text}: {error:?}");
    }
    assert_eq!(
        wrong(r#"{"name":"M","event":"e","measures":{"n":{"kind":"count"}}}"#).pointer,
        "/name"
    );
    assert_eq!(
        wrong(r#"{"name":"m","event":"a b","measures":{"n":{"kind":"count"}}}"#).pointer,
        "/event"
    );
    assert_eq!(
        wrong(r#"{"name":"m","event":[],"measures":{"n":{"kind":"count"}}}"#).pointer,
        "/event"
    );
}

#[test]
fn sums_that_do_not_fit_are_null_with_a_warning() {
    let metric = metric(r#"{"name":"m","event":"*","measures":{"s":{"kind":"sum","of":"a"}}}"#);
    let events: EventBatch =
        (0..3).map(|n| event("e", n, Some(r#"{"a":60000000000000000000000000000}"#))).collect();
    let (table, mismatches) = folded(&metric, &events);
    assert_eq!(mismatches, 0);
    let finished = metric.finish(&[0], &table.emit_all()).unwrap();
    assert!(finished.values[0].is_null(0));
    let warnings: Vec<String> = finished.misfits.warnings().collect();
    assert!(warnings[0].contains("`s`"), "{warnings:?}");
    let two = events.slice(0, 1);
    let (table, _) = folded(&metric, &two);
    assert_eq!(
        values(&metric, "s", &table.emit_all()),
        [Some("60000000000000000000000000000".to_owned())]
    );
}

const CALLS: &str = r#"{
    "name": "calls", "event": "call", "filter": "status <> 'test'",
    "dimensions": ["tenant"],
    "measures": {
        "n": {"kind": "count"},
        "tokens": {"kind": "sum", "of": "tokens"},
        "paid": {"kind": "sum", "of": "tokens", "filter": "plan = 'pro'"},
        "price": {"kind": "sum", "of": "cost / tokens"},
        "long": {"kind": "count", "filter": "seconds > 10"},
        "who": {"kind": "distinct", "of": "subject"},
        "typo": {"kind": "max", "of": "amounteur"}
    }
}"#;

fn calls() -> EventBatch {
    [
        ("call", r#"{"status":"ok","tenant":"a","tokens":10,"cost":1,"plan":"pro","seconds":1}"#),
        ("call", r#"{"status":"ok","tenant":"a","tokens":"12","cost":1,"plan":"free"}"#),
        ("call", r#"{"status":"ok","tenant":{"x":1},"tokens":"7","cost":1,"plan":"pro"}"#),
        ("call", r#"{"status":"test","tenant":"a","tokens":"0","cost":"1","plan":"pro"}"#),
        ("call", r#"{"status":["x"],"tokens":"3","seconds":true}"#),
        ("call", r#"{"status":"ok","tenant":"a","tokens":0,"cost":1,"seconds":"long"}"#),
        ("call", r#"{"status":"ok","tenant":"a","tokens":null,"amounteur":null}"#),
        ("other", r#"{"status":"ok","tokens":"0","amounteur":1}"#),
    ]
    .into_iter()
    .map(|(kind, properties)| event(kind, 0, Some(properties)))
    .collect()
}

fn omitted(metric: &Metric, events: &EventBatch) -> MetricOmissions {
    let extracted =
        PropertyExtractor::new(metric.properties().cloned()).extract(events, places(events));
    metric.project(&extracted).unwrap().omissions
}

/// The omissions, a line a use and kind.
fn lines(omissions: &MetricOmissions) -> Vec<String> {
    let mut lines = Vec::new();
    for (usage, omitted) in &omissions.uses {
        for (property, tally) in &omitted.mismatched {
            let example = tally.example.as_ref().unwrap().json();
            lines.push(format!("{usage} {property} {} {example}", tally.count));
        }
        if !omitted.no_result.is_empty() {
            lines.push(format!("{usage} no result {}", omitted.no_result.count));
        }
    }
    lines
}

#[test]
fn omissions_of_a_use_name_the_property_and_its_values() {
    let metric = metric(CALLS);
    let omissions = omitted(&metric, &calls());
    assert_eq!(
        lines(&omissions),
        [
            "filter text:status 1 [",
            // An event that passes no filter has no other omission.
            "dimension:tenant text:tenant 1 {",
            "measure:paid number:tokens 1 \"7\"",
            "measure:price number:tokens 2 \"7\"",
            "measure:price no result 1",
            "measure:tokens number:tokens 2 \"7\"",
            "measure_filter:long number:seconds 1 \"long\"",
        ]
    );
    assert!(omissions.has_events);
    let seen: Vec<&str> = omissions.seen.iter().map(|path| &**path).collect();
    assert_eq!(seen, ["cost", "plan", "seconds", "status", "tenant", "tokens"]);
    let none = omitted(&metric, &calls().slice(7, 1));
    assert_eq!(none, MetricOmissions::default());
}

#[test]
fn omissions_do_not_depend_on_how_events_are_cut_into_batches() {
    let (metric, events) = (metric(CALLS), calls());
    let whole = omitted(&metric, &events);
    for cut in 0..=events.len() {
        let mut parts = omitted(&metric, &events.slice(cut, events.len() - cut));
        parts.merge(&omitted(&metric, &events.slice(0, cut)));
        assert_eq!(parts, whole, "{cut}");
    }
}

/// What DataFusion passes over depends on the batch: of an AND whose left side is rarely true, the
/// right side is evaluated for those rows alone.
#[test]
fn arithmetic_without_a_result_is_counted_by_row_under_conditions_too() {
    let metric = metric(
        r#"{"name":"m","event":"e","measures":{
            "rare":{"kind":"count","filter":"kind = 'x' AND a / b > 1"},
            "case":{"kind":"sum","of":"CASE WHEN kind = 'x' OR b / a = 2 THEN a / b ELSE 3 END"},
            "safe":{"kind":"sum","of":"coalesce(a / b, 0)"}}}"#,
    );
    let rows = (0..60).map(|n| {
        let kind = if n % 12 == 0 { "x" } else { "y" };
        format!(r#"{{"kind":"{kind}","a":{},"b":{}}}"#, n % 5, n % 3)
    });
    let events: EventBatch = rows.map(|row| event("e", 0, Some(&row))).collect();
    let whole = omitted(&metric, &events);
    for size in [1, 7, 20] {
        let mut parts = MetricOmissions::default();
        for from in (0..events.len()).step_by(size) {
            parts.merge(&omitted(&metric, &events.slice(from, size.min(events.len() - from))));
        }
        assert_eq!(parts, whole, "{size}");
    }
    // Of the rows with kind x all have b = 0.
    let count = |name: &str| {
        whole.uses.get(&DefinitionUse::Measure(name.to_owned())).map_or(0, |o| o.no_result.count)
    };
    assert_eq!(count("rare"), 5);
}

#[test]
fn as_many_failures_as_there_are_events_are_counted_at_once() {
    let metric = metric(
        r#"{"name":"m","event":"e","measures":{
            "bad":{"kind":"sum","of":"CASE WHEN a > 1 OR a / b > 1 THEN a / b ELSE 3 END"}}}"#,
    );
    let rows = (0..50_000).map(|n| format!(r#"{{"a":{n},"b":0}}"#));
    let events: EventBatch = rows.map(|row| event("e", 0, Some(&row))).collect();
    let omitted = omitted(&metric, &events);
    // Two have a value: without a result of the condition it is the last.
    assert_eq!(omitted.uses[&DefinitionUse::Measure("bad".to_owned())].no_result.count, 49_998);
}
