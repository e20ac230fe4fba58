//! Results of values: places, values that are distinguished, times.

use arrow::datatypes::DataType;
use proptest::prelude::*;

use super::*;
use crate::definition::MetricDefinition;
use merganser_core::omissions::DefinitionUse;

fn of(properties: &[&str]) -> EventBatch {
    let events = properties.iter().enumerate();
    events.map(|(n, text)| event("e", n as i64, Some(text))).collect()
}

fn one(metric: &Metric, events: &EventBatch, name: &str) -> Option<String> {
    let (table, _) = folded(metric, events);
    values(metric, name, &table.emit_all()).pop().unwrap()
}

fn with_measures(measures: &str) -> MetricDefinition {
    from_json(format!(r#"{{"name":"m","event":"*","measures":{{{measures}}}}}"#).as_bytes())
        .unwrap()
}

fn rounded(metric: &Metric, events: &EventBatch) -> Vec<u64> {
    let extracted =
        PropertyExtractor::new(metric.properties().cloned()).extract(events, places(events));
    by_measure(metric, &metric.project(&extracted).unwrap().omissions)
}

fn by_measure(metric: &Metric, omissions: &MetricOmissions) -> Vec<u64> {
    let usage = |name: &str| DefinitionUse::Measure(name.to_owned());
    let rounded = |name: &str| omissions.uses.get(&usage(name)).map_or(0, |o| o.rounded.count);
    metric.measures().iter().map(|measure| rounded(&measure.name)).collect()
}

#[test]
fn numbers_are_distinct_by_value_and_never_texts() {
    let metric = metric(
        r#"{"name":"m","event":"*","measures":{"n":{"kind":"distinct","of":"x"},
            "some":{"kind":"distinct","of":"x","filter":"y = 1"},
            "twice":{"kind":"distinct","of":"x * 2"},
            "either":{"kind":"distinct","of":"coalesce(x, z)"},
            "cased":{"kind":"distinct","of":"CASE WHEN y = 1 THEN x ELSE 'none' END"},
            "flag":{"kind":"distinct","of":"y = 1"}}}"#,
    );
    let events = of(&[
        r#"{"x":1,"y":1}"#,
        r#"{"x":1.0,"y":1}"#,
        r#"{"x":1e0}"#,
        r#"{"x":100e-2,"y":1.0}"#,
        r#"{"x":"1"}"#,
        r#"{"x":"1.0"}"#,
        r#"{"x":0,"y":1}"#,
        r#"{"x":-0.0}"#,
        r#"{"x":true}"#,
        r#"{"x":"true"}"#,
        r#"{"z":1.00}"#,
        r#"{"z":2}"#,
        r#"{"x":{"a":1}}"#,
        r#"{"x":123456789012345678901234567890123456789012}"#,
        r#"{"x":1.23456789012345678901234567890123456789012e41}"#,
    ]);
    // 1, "1", "1.0", 0, true, "true", the large one.
    assert_eq!(one(&metric, &events, "n").as_deref(), Some("7"));
    assert_eq!(one(&metric, &events, "some").as_deref(), Some("2"));
    assert_eq!(one(&metric, &events, "twice").as_deref(), Some("2"));
    assert_eq!(one(&metric, &events, "either").as_deref(), Some("8"));
    assert_eq!(one(&metric, &events, "cased").as_deref(), Some("3"));
    assert_eq!(one(&metric, &events, "flag").as_deref(), Some("1"));
}

/// What versions of before have stored of texts is merged with what is folded now; what they have
/// stored of anything else is folded as it was until they are made anew.
#[test]
fn texts_are_hashed_as_they_were_and_other_folds_stay_what_they_were() {
    let now = |measures: &str| Metric::compile(&with_measures(measures)).unwrap();
    let then =
        |measures: &str| Metric::compile_as(&with_measures(measures), FoldVersion::First).unwrap();
    let state = |metric: &Metric, events: &EventBatch| folded(metric, events).0.emit_all();
    let x = r#""n":{"kind":"distinct","of":"x"}"#;
    let texts = of(&[r#"{"x":"a"}"#, r#"{"x":"Caf\u00e9"}"#, r#"{"x":""}"#, r#"{"x":"12"}"#]);
    assert_eq!(state(&now(x), &texts), state(&then(x), &texts));
    let numbers = of(&[r#"{"x":1}"#, r#"{"x":1.0}"#]);
    assert_eq!(one(&then(x), &numbers, "n").as_deref(), Some("2"));
    assert_eq!(one(&now(x), &numbers, "n").as_deref(), Some("1"));

    let outdated = |measures| then(measures).is_outdated();
    assert!(outdated(x));
    assert!(outdated(r#""n":{"kind":"sum","of":"x * 2"}"#));
    assert!(outdated(r#""n":{"kind":"count","filter":"x > 0"}"#));
    assert!(outdated(r#""n":{"kind":"latest","of":"time"}"#));
    for same in [
        r#""n":{"kind":"distinct","of":"subject"}"#,
        r#""n":{"kind":"distinct","of":"lower(x)"}"#,
        r#""n":{"kind":"distinct","of":"time"}"#,
        r#""n":{"kind":"sum","of":"x","filter":"y = 'a'"},"m":{"kind":"avg","of":"x"}"#,
        r#""n":{"kind":"latest","of":"x"},"m":{"kind":"quantile","of":"x","q":0.5}"#,
        r#""n":{"kind":"latest","type":"text","of":"time"}"#,
        r#""n":{"kind":"count","of":"x"},"m":{"kind":"count"}"#,
        r#""n":{"kind":"expr","expr":"m / 2"},"m":{"kind":"count"}"#,
    ] {
        assert!(!outdated(same), "{same}");
    }
    assert!(!now(x).is_outdated());
}

#[test]
fn values_are_rounded_once_on_the_places_of_their_measure() {
    let metric = metric(
        r#"{"name":"m","event":"*","measures":{
            "nine":{"kind":"sum","of":"x"},
            "long":{"kind":"sum","of":"x","places":18},
            "twelve":{"kind":"sum","of":"x","places":12},
            "whole":{"kind":"sum","of":"x","places":0},
            "least":{"kind":"min","of":"x","places":12},
            "most":{"kind":"max","of":"x","places":1},
            "mean":{"kind":"avg","of":"x","places":12},
            "cents":{"kind":"avg","of":"x","places":2},
            "cost":{"kind":"sum","of":"x * 1000"},
            "some":{"kind":"sum","of":"x","filter":"x > 0.0000000003","places":12},
            "ratio":{"kind":"expr","expr":"long / twelve"},
            "both":{"kind":"expr","expr":"(long + whole) * 1000"}}}"#,
    );
    let events = of(&[r#"{"x":2.5e-10}"#, r#"{"x":0.5}"#, r#"{"x":3.75e-8}"#, r#"{"x":"x"}"#]);
    let value = |name: &str| one(&metric, &events, name).unwrap();
    assert_eq!(value("nine"), "0.500000038");
    assert_eq!(value("long"), "0.50000003775");
    assert_eq!(value("twelve"), "0.50000003775");
    assert_eq!(value("whole"), "0");
    assert_eq!(value("least"), "0.00000000025");
    assert_eq!(value("most"), "0.5");
    assert_eq!(value("mean"), "0.16666667925");
    assert_eq!(value("cents"), "0.166666667");
    assert_eq!(value("cost"), "500.00003775");
    assert_eq!(value("some"), "0.5000000375");
    assert_eq!(value("ratio"), "1");
    assert_eq!(value("both"), "500.00003775");
    assert_eq!(rounded(&metric, &events), [2, 0, 0, 3, 0, 2, 0, 2, 0, 0, 0, 0]);
    let short = of(&[r#"{"x":0.25}"#, r#"{"x":3}"#]);
    assert_eq!(rounded(&metric, &short), [0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn a_value_that_does_not_fit_the_places_of_a_measure_is_a_mismatch() {
    let metric = metric(
        r#"{"name":"m","event":"*","measures":{"long":{"kind":"sum","of":"x","places":18},
            "n":{"kind":"count","of":"x"},"most":{"kind":"max","of":"x"}}}"#,
    );
    let events = of(&[r#"{"x":100000000000000000000}"#, r#"{"x":99999999999999999999}"#]);
    let (table, mismatches) = folded(&metric, &events);
    assert_eq!(mismatches, 1);
    let states = table.emit_all();
    let first = |name: &str| values(&metric, name, &states).pop().unwrap();
    assert_eq!(first("long").as_deref(), Some("99999999999999999999"));
    assert_eq!(first("most").as_deref(), Some("100000000000000000000"));
    let (table, _) = folded(&metric, &of(&[r#"{"x":6e19}"#, r#"{"x":6e19}"#]));
    let finished = metric.finish(&[0], &table.emit_all()).unwrap();
    assert!(finished.values[0].is_null(0));
    let warnings: Vec<String> = finished.misfits.warnings().collect();
    assert!(warnings[0].contains("38 digits with 18 places"), "{warnings:?}");
}

#[test]
fn a_quantile_tells_only_of_digits_that_it_would_have_shown() {
    let metric = metric(
        r#"{"name":"m","event":"*","measures":{"p":{"kind":"quantile","of":"x","q":0.5},
            "last":{"kind":"latest","type":"number","of":"x"}}}"#,
    );
    let events = of(&[r#"{"x":0.12345678901}"#, r#"{"x":2.5e-10}"#, r#"{"x":1}"#]);
    assert_eq!(rounded(&metric, &events), [1, 2]);
}

#[test]
fn times_have_a_least_a_greatest_and_a_last() {
    let metric = metric(
        r#"{"name":"m","event":"*","granularity":"day","measures":{
            "first":{"kind":"min","of":"time"},
            "last":{"kind":"max","of":"time","filter":"ok"},
            "hour":{"kind":"max","of":"date_trunc('hour', time)"},
            "late":{"kind":"latest","of":"time"},
            "text":{"kind":"latest","type":"text","of":"time"},
            "said":{"kind":"latest","type":"time","of":"CASE WHEN ok THEN time END"}}}"#,
    );
    let at = |minutes: i64, ok: bool| {
        let text = format!(r#"{{"ok":{ok}}}"#);
        event("e", minutes * MINUTE_US + 1_500, Some(&text))
    };
    let events: EventBatch = [at(100, true), at(5, true), at(130, false)].into_iter().collect();
    let value = |name: &str| one(&metric, &events, name).unwrap();
    assert_eq!(value("first"), "1970-01-01T00:05:00.001500Z");
    assert_eq!(value("last"), "1970-01-01T01:40:00.001500Z");
    assert_eq!(value("hour"), "1970-01-01T02:00:00Z");
    assert_eq!(value("late"), "1970-01-01T02:10:00.001500Z");
    assert_eq!(value("said"), "1970-01-01T01:40:00.001500Z");
    assert_eq!(value("text"), "1970-01-01T02:10:00.001500Z");
    let (table, _) = folded(&metric, &events);
    let finished = metric.finish(&[0, 3, 4], &table.emit_all()).unwrap();
    let is_time = |at: usize| matches!(finished.values[at].data_type(), DataType::Timestamp(..));
    assert!(is_time(0) && is_time(1) && !is_time(2));
}

#[test]
fn bad_places_and_times_say_where_and_what() {
    let with = |fields: &str| format!(r#"{{"name":"m","event":"e",{fields}}}"#);
    for (text, pointer, reason) in [
        (
            with(r#""measures":{"n":{"kind":"sum","of":"a","places":19}}"#),
            "/measures/n/places",
            "0 to 18",
        ),
        (
            with(r#""measures":{"n":{"kind":"sum","of":"a","places":-1}}"#),
            "/measures/n/places",
            "0 to 18",
        ),
        (
            with(r#""measures":{"n":{"kind":"count","of":"a","places":2}}"#),
            "/measures/n/places",
            "`avg`",
        ),
        (
            with(r#""measures":{"n":{"kind":"quantile","of":"a","q":0.5,"places":2}}"#),
            "/measures/n/places",
            "`avg`",
        ),
        (
            with(r#""measures":{"n":{"kind":"max","of":"time","places":2}}"#),
            "/measures/n/places",
            "not with times",
        ),
        (with(r#""measures":{"n":{"kind":"sum","of":"time"}}"#), "/measures/n/of", "number"),
        (with(r#""measures":{"n":{"kind":"avg","of":"time"}}"#), "/measures/n/of", "number"),
        (with(r#""measures":{"n":{"kind":"max","of":"subject"}}"#), "/measures/n/of", "text"),
        (
            with(r#""measures":{"n":{"kind":"latest","of":"a","type":"time"}}"#),
            "/measures/n/of",
            "a time is needed",
        ),
        (
            with(r#""measures":{"t":{"kind":"max","of":"time"},"n":{"kind":"expr","expr":"t+1"}}"#),
            "/measures/n/expr",
            "a time",
        ),
    ] {
        let error = wrong(&text);
        assert!(error.pointer.starts_with(pointer), "{text}: {error:?}");
        assert!(error.message.contains(reason), "{text}: {error:?}");
    }
}

fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        "-?(0|[1-9][0-9]{0,3})",
        "-?(0|[1-9][0-9]?)\\.[0-9]{1,9}",
        "-?(0|[1-9])\\.[0-9]{10,30}",
        "-?[1-9](\\.[0-9]{1,6})?e-[0-9]{1,2}",
        "[1-9][0-9]{0,2}e[0-9]{1,2}",
        Just("0.0000000005".to_owned()),
        Just("\"text\"".to_owned()),
    ]
}

proptest! {
    /// Long numbers take another way through a fold than short ones, and which one a number takes
    /// depends on those beside it.
    #[test]
    fn it_does_not_show_how_events_were_cut(
        numbers in prop::collection::vec((number(), number()), 1..30),
        cut in any::<prop::sample::Index>(),
    ) {
        let metric = metric(
            r#"{"name":"m","event":"*","filter":"x <> 7",
                "dimensions":[{"name":"size","expr":"CASE WHEN x * 2 > y THEN 'a' ELSE 'b' END"}],
                "measures":{
                "a":{"kind":"sum","of":"x"},"b":{"kind":"sum","of":"x","places":14},
                "c":{"kind":"avg","of":"x * y","places":3},"d":{"kind":"min","of":"-x"},
                "e":{"kind":"max","of":"x / 3","places":18},"f":{"kind":"distinct","of":"x + 0"},
                "g":{"kind":"quantile","of":"y","q":0.5},
                "h":{"kind":"sum","of":"x","filter":"y < 1"},
                "i":{"kind":"latest","type":"number","of":"y"},"j":{"kind":"distinct","of":"y"}}}"#,
        );
        let text = |(x, y): &(String, String)| format!(r#"{{"x":{x},"y":{y}}}"#);
        let texts: Vec<String> = numbers.iter().map(text).collect();
        let events: EventBatch =
            texts.iter().enumerate().map(|(n, t)| event("e", n as i64, Some(t))).collect();
        let whole = folded(&metric, &events);
        let mut table = StateTable::new(metric.layout());
        let (mut mismatches, mut omissions) = (0, MetricOmissions::default());
        let cut = cut.index(texts.len() + 1);
        for (from, to) in [(0, cut), (cut, texts.len())] {
            let part = events.slice(from, to - from);
            let places = EventOffsets::consecutive(Offset(from as u64), part.len());
            let extracted =
                PropertyExtractor::new(metric.properties().cloned()).extract(&part, places);
            let done = metric.fold(&mut table, &extracted, usize::MAX).unwrap();
            mismatches += done.mismatches;
            omissions.merge(&done.omissions);
        }
        prop_assert_eq!(table.emit(&table.sorted()), whole.0.emit(&whole.0.sorted()));
        prop_assert_eq!(mismatches, whole.1);
        prop_assert_eq!(by_measure(&metric, &omissions), rounded(&metric, &events));
        prop_assert_eq!(omissions, omitted(&metric, &events));
    }
}
