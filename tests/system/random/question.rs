//! Random queries and what they must answer.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::event::{Event, ONE, START_MS};
use super::metric::{Expected, Measure, Metric};
use super::{object, pick};
use crate::http::Http;
use crate::load::Random;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// A group's key: its bucket, and its dimensions with nulls last.
type Key = (Option<i64>, Vec<(bool, String)>);
/// An answer's row as it was sent.
type Row = BTreeMap<String, Box<RawValue>>;

/// A query.
#[derive(Debug)]
pub(super) struct Question<'a> {
    metric: &'a Metric,
    granularity: &'static str,
    group_by: Vec<&'static str>,
    range: Option<(i64, i64)>,
    only_shop: Option<&'static str>,
}

impl<'a> Question<'a> {
    pub(super) fn random(metric: &'a Metric, random: &mut Random) -> Self {
        let base = span(metric.granularity);
        let choices: Vec<&'static str> = ["all", "minute", "5m", "15m", "hour", "day"]
            .into_iter()
            .filter(|granularity| *granularity == "all" || span(granularity) >= base)
            .collect();
        let dimensions = metric.dimensions();
        let group_by =
            dimensions.iter().copied().filter(|_| random.below(2) == 0).collect::<Vec<_>>();
        let range = (random.below(2) == 0).then(|| {
            let from = START_MS + i64::try_from(random.below(60)).unwrap() * HOUR_MS;
            let to = from + i64::try_from(1 + random.below(30)).unwrap() * HOUR_MS;
            // Edges are widened to the base bucket.
            (from.div_euclid(base) * base, (to + base - 1).div_euclid(base) * base)
        });
        let has_shop = dimensions.contains(&"shop");
        let only_shop = (has_shop && random.below(3) == 0)
            .then(|| pick(random, &["north", "7.50", "Café \"é\" \u{1F986}\n,;'"]));
        Self { metric, granularity: pick(random, &choices), group_by, range, only_shop }
    }

    /// Sends the query, and compares every row.
    pub(super) fn check(&self, http: &Http, events: &[Event]) {
        let (total, answer) = http.rows(&self.query());
        let expected = self.expected(events);
        let got: Vec<Key> = answer.iter().map(|row| self.key(row)).collect();
        assert_eq!(got, expected.keys().cloned().collect::<Vec<_>>(), "{}", self.query());
        assert_eq!(total, expected.len(), "{}", self.query());
        for (row, events) in answer.iter().zip(expected.values()) {
            for measure in &self.metric.measures {
                self.compare(measure, row[&measure.name].get(), events);
            }
        }
    }

    fn query(&self) -> Value {
        let mut pairs = vec![
            ("metric", json!(self.metric.name)),
            ("granularity", json!(self.granularity)),
            ("group_by", json!(self.group_by)),
            ("limit", json!(100_000)),
        ];
        if let Some((from, to)) = self.range {
            pairs.push(("from", json!(rfc3339(from))));
            pairs.push(("to", json!(rfc3339(to))));
        }
        if let Some(shop) = self.only_shop {
            pairs.push(("filter", json!(format!("shop = '{}'", shop.replace('\'', "''")))));
        }
        object(pairs)
    }

    fn expected<'e>(&self, events: &'e [Event]) -> BTreeMap<Key, Vec<&'e Event>> {
        let mut groups: BTreeMap<Key, Vec<&Event>> = BTreeMap::new();
        let base = span(self.metric.granularity);
        for event in events.iter().filter(|event| self.metric.includes(event)) {
            let bucket = event.time_ms.div_euclid(base) * base;
            let inside = self.range.is_none_or(|(from, to)| from <= bucket && bucket < to);
            let shop = || self.metric.dimension("shop", event);
            let chosen = self.only_shop.is_none_or(|only| shop().as_deref() == Some(only));
            if inside && chosen {
                let time = (self.granularity != "all").then(|| {
                    let span = span(self.granularity);
                    event.time_ms.div_euclid(span) * span
                });
                let values = self.group_by.iter().map(|name| self.metric.dimension(name, event));
                let values = values.map(|v| (v.is_none(), v.unwrap_or_default())).collect();
                groups.entry((time, values)).or_default().push(event);
            }
        }
        if groups.is_empty() && self.granularity == "all" && self.group_by.is_empty() {
            groups.insert((None, Vec::new()), Vec::new());
        }
        groups
    }

    fn key(&self, row: &Row) -> Key {
        let time = row.get("time").map(|time| {
            let time: String = serde_json::from_str(time.get()).unwrap();
            chrono::DateTime::parse_from_rfc3339(&time).unwrap().timestamp_millis()
        });
        let text = |name: &&str| {
            let value: Option<String> = serde_json::from_str(row[*name].get()).unwrap();
            (value.is_none(), value.unwrap_or_default())
        };
        (time, self.group_by.iter().map(text).collect())
    }

    fn compare(&self, measure: &Measure, got: &str, events: &[&Event]) {
        let about = || format!("{measure:?} of {} events for {}", events.len(), self.query());
        match measure.expected(events) {
            Expected::Exact(units) => {
                let digits = units.map_or("null".to_owned(), digits);
                assert_eq!(got, digits, "{}", about());
            }
            Expected::Near(units) => {
                let (got, units): (f64, f64) = (got.parse().unwrap(), units as f64 / ONE as f64);
                assert!((got - units).abs() <= units.abs() * 0.01 + 1e-9, "{got}: {}", about());
            }
            Expected::Text(text) => {
                let got: Option<String> = serde_json::from_str(got).unwrap();
                assert_eq!(got, text, "{}", about());
            }
        }
    }
}

/// Milliseconds of a granularity in UTC.
fn span(granularity: &str) -> i64 {
    match granularity {
        "minute" => MINUTE_MS,
        "5m" => 5 * MINUTE_MS,
        "15m" => 15 * MINUTE_MS,
        "hour" => HOUR_MS,
        "day" => DAY_MS,
        other => panic!("{other} has no length"),
    }
}

fn rfc3339(time_ms: i64) -> String {
    chrono::DateTime::from_timestamp_millis(time_ms).unwrap().to_rfc3339()
}

/// All digits, no zeros behind: how the service writes numbers.
fn digits(units: i128) -> String {
    let size = units.unsigned_abs();
    let one = ONE.unsigned_abs();
    let text = format!("{}{}.{:09}", if units < 0 { "-" } else { "" }, size / one, size % one);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
