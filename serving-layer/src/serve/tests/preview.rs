//! Previews against a naive count of the newest events, and against the metric's own answer.

use std::collections::{BTreeMap, BTreeSet};

use merganser_api::request::CallerId;
use merganser_core::event::Event;
use merganser_core::testing::event;
use merganser_core::time::DAY_US;
use merganser_metric::compile::Metric;
use merganser_metric::definition::{MetricDefinition, from_json};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::format::rows_table;
use crate::query::Query;
use crate::serve::{MetricPreview, PermitRequest, ServingSettings};
use crate::testing::{NOW, World, metric};

const DEFINITION: &str = r#"{"name":"sales","event":["sale","refund"],
    "filter":"country <> 'XX' OR country IS NULL","dimensions":["country"],
    "measures":{"n":{"kind":"count"},"total":{"kind":"sum","of":"amount"},
    "most":{"kind":"max","of":"amount"},"amounts":{"kind":"distinct","of":"amount"},
    "share":{"kind":"expr","expr":"amounts / n"}}}"#;

/// An event in few words.
#[derive(Clone, Copy, Debug)]
struct Sale {
    kind: &'static str,
    day: i64,
    country: Option<&'static str>,
    /// None is a text instead of a number.
    amount: Option<i64>,
}

impl Sale {
    fn event(&self) -> Event {
        let mut properties = json!({ "amount": self.amount.map_or(json!("much"), Value::from) });
        if let Some(country) = self.country {
            properties["country"] = json!(country);
        }
        event(self.kind, NOW.0 - self.day * DAY_US, Some(&properties.to_string()))
    }

    fn counts(&self) -> bool {
        self.kind != "visit" && self.country != Some("XX")
    }
}

fn sale() -> impl Strategy<Value = Sale> {
    let kind = prop_oneof![3 => Just("sale"), 1 => Just("refund"), 1 => Just("visit")];
    let country = prop_oneof![Just(None), Just(Some("DE")), Just(Some("FR")), Just(Some("XX"))];
    let amount = prop_oneof![6 => (-20..20_i64).prop_map(Some), 1 => Just(None)];
    (kind, 0..4_i64, country, amount).prop_map(|(kind, day, country, amount)| Sale {
        kind,
        day,
        country,
        amount,
    })
}

/// The rows that a naive count has: by day from the first on, and by country, null last.
fn naive(sales: &[Sale], by_day: bool, by_country: bool) -> Vec<Value> {
    let mut groups: BTreeMap<(i64, bool, &str), Vec<&Sale>> = BTreeMap::new();
    for sale in sales.iter().filter(|sale| sale.counts()) {
        let day = if by_day { -sale.day } else { 0 };
        let country = sale.country.filter(|_| by_country);
        groups.entry((day, country.is_none(), country.unwrap_or(""))).or_default().push(sale);
    }
    if !by_day && !by_country {
        groups.entry((0, true, "")).or_default();
    }
    let row = |((day, _, country), sales): (&(i64, bool, &str), &Vec<&Sale>)| {
        let mut row = serde_json::Map::new();
        if by_day {
            let start = (NOW.0 + day * DAY_US).div_euclid(DAY_US) * DAY_US;
            let start = merganser_core::time::Timestamp(start).to_string();
            row.insert("time".to_owned(), json!(start));
        }
        if by_country {
            let country = sales[0].country.map(|_| *country);
            row.insert("country".to_owned(), json!(country));
        }
        let amounts: Vec<i64> = sales.iter().filter_map(|sale| sale.amount).collect();
        // A text is a value of its own.
        let distinct = sales.iter().map(|sale| sale.amount).collect::<BTreeSet<_>>().len();
        let total = amounts.iter().copied().reduce(|one, other| one + other);
        row.insert("n".to_owned(), json!(sales.len()));
        row.insert("total".to_owned(), json!(total));
        row.insert("most".to_owned(), json!(amounts.iter().max()));
        row.insert("amounts".to_owned(), json!(distinct));
        // Nine places, half to even; few enough that a float is exact behind the rounding.
        let share = (!sales.is_empty()).then(|| distinct as f64 / sales.len() as f64);
        row.insert("share".to_owned(), json!(share.map(|share| (share * 1e9).round() / 1e9)));
        Value::Object(row)
    };
    groups.iter().map(row).collect()
}

fn definition() -> (MetricDefinition, Metric) {
    let definition = from_json(DEFINITION.as_bytes()).unwrap();
    let compiled = Metric::compile(&definition).unwrap();
    (definition, compiled)
}

/// Rows with numbers as they compare: `1` and `1.0` are one.
fn comparable(rows: &Value) -> Value {
    match rows {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(items) => items.iter().map(comparable).collect(),
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(n, v)| (n.clone(), comparable(v))).collect())
        }
        other => other.clone(),
    }
}

fn rows(preview: &MetricPreview) -> Value {
    serde_json::from_str(&rows_table(&preview.rows).1).unwrap()
}

fn query(by_day: bool, by_country: bool) -> Query {
    let granularity = if by_day { "day" } else { "all" };
    let group_by = if by_country { "country" } else { "" };
    let given = [("metric", "sales"), ("granularity", granularity), ("group_by", group_by)];
    Query::from_pairs(given.map(|(name, value)| (name.to_owned(), value.to_owned()))).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn rows_are_those_of_the_metric_over_just_these_events(
        sales in proptest::collection::vec(sale(), 0..60),
        newest in 1..70_usize,
        by_day: bool,
        by_country: bool,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let events: Vec<Event> = sales.iter().map(Sale::event).collect();
        let kept = &sales[sales.len().saturating_sub(newest)..];
        let query = query(by_day, by_country);
        let world = World::new(metric(DEFINITION), events.clone(), events.len() / 2);
        let serving = world.serving(ServingSettings::default());
        let request = PermitRequest::query(CallerId::default());
        let preview = serving.preview(&request, definition(), &query, newest);
        let preview = runtime.block_on(preview).unwrap();
        let expected = Value::from(naive(kept, by_day, by_country));
        prop_assert_eq!(comparable(&rows(&preview)), comparable(&expected));
        prop_assert_eq!(preview.recent.len(), kept.len());
        let counted: Vec<&Sale> = kept.iter().filter(|sale| sale.counts()).collect();
        prop_assert_eq!(preview.matched, counted.len() as u64);
        // What a filter leaves out was read, and may have been of another type.
        let is_text = |sale: &&Sale| sale.amount.is_none();
        let is_read = |sale: &&Sale| sale.kind != "visit";
        prop_assert!(!counted.iter().copied().any(|sale| is_text(&sale)) || preview.mismatches > 0);
        prop_assert!(preview.mismatches == 0 || kept.iter().filter(is_read).any(|s| is_text(&s)));

        // And those that the metric itself answers, of only these events.
        let events = events[events.len() - kept.len()..].to_vec();
        let defined = World::new(metric(DEFINITION), events.clone(), events.len() / 3);
        let answer = defined.serving(ServingSettings::default());
        let answer = runtime.block_on(answer.answer(&query)).unwrap();
        prop_assert_eq!(rows_table(&preview.rows), rows_table(&answer.rows));
    }
}

#[tokio::test]
async fn a_preview_says_what_it_could_not_use() {
    let sales = [Sale { kind: "sale", day: 0, country: None, amount: None }; 3];
    let events = sales.iter().map(Sale::event).collect();
    let world = World::new(metric(DEFINITION), events, 0);
    let serving = world.serving(ServingSettings::default());
    let request = PermitRequest::query(CallerId::default());
    let query = query(false, false);
    let preview = serving.preview(&request, definition(), &query, 100).await.unwrap();
    assert_eq!(preview.groups, 1);
    let warnings = preview.warnings.join("; ");
    assert!(warnings.contains("amount") && warnings.contains("much"), "{warnings}");
    assert!(warnings.contains("country"), "no event has it: {warnings}");
    assert!(preview.omissions.len() >= 2, "{:?}", preview.omissions);
    // Of a type that there is not, the nearest is named.
    let text = DEFINITION.replace("[\"sale\",\"refund\"]", "\"sales\"");
    let other = from_json(text.as_bytes()).unwrap();
    let compiled = Metric::compile(&other).unwrap();
    let preview = serving.preview(&request, (other, compiled), &query, 100).await.unwrap();
    assert_eq!((preview.matched, preview.recent.len()), (0, 3));
    assert!(preview.warnings[0].contains("did you mean `sale`"), "{:?}", preview.warnings);
}
