//! Random queries and what they must answer.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::event::{Event, ONE, START_MS};
use super::metric::{Expected, Kind, Measure, Metric};
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

/// Events by what they are counted for.
type Groups<'e> = BTreeMap<Key, Vec<&'e Event>>;

/// What is compared of an answer.
#[derive(serde::Deserialize)]
struct Answer {
    rows: Vec<Row>,
    total_rows: usize,
    totals: Option<Row>,
    other: Option<Vec<Row>>,
}

/// A query.
#[derive(Debug)]
pub(super) struct Question<'a> {
    metric: &'a Metric,
    granularity: &'static str,
    group_by: Vec<&'static str>,
    range: Option<(i64, i64)>,
    only_shop: Option<&'static str>,
    /// How many buckets a row reaches back.
    window: Option<i64>,
    /// A measure that a naive count can order groups by, and how many are kept.
    first_groups: Option<(&'a str, usize)>,
    /// Rows that are given; the rest are merged.
    limit: Option<usize>,
    totals: bool,
}

impl<'a> Question<'a> {
    pub(super) fn random(metric: &'a Metric, random: &mut Random) -> Self {
        let base = span(metric.granularity);
        let known = ["all", "minute", "5m", "10m", "15m", "90m", "hour", "6h", "12h", "day"];
        let fits = |granularity: &&str| *granularity == "all" || span(granularity) % base == 0;
        let choices: Vec<&'static str> = known.into_iter().filter(fits).collect();
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
        let granularity = pick(random, &choices);
        let has_window = granularity != "all" && random.below(2) == 0;
        let count = |measure: &&Measure| measure.kind == Kind::Count || measure.kind == Kind::Sum;
        let ordered = metric.measures.iter().find(count).filter(|_| random.below(2) == 0);
        let first_groups = ordered.filter(|_| !group_by.is_empty());
        let limit = (!group_by.is_empty() && random.below(2) == 0).then(|| random.below(6));
        Self {
            metric,
            granularity,
            range,
            only_shop,
            window: has_window.then(|| i64::try_from(1 + random.below(9)).unwrap()),
            first_groups: first_groups.map(|by| (&*by.name, pick(random, &[1, 2, 5]))),
            limit: limit.map(|limit| usize::try_from(limit).unwrap()),
            group_by,
            totals: random.below(2) == 0,
        }
    }

    /// Sends the query, and compares every row.
    pub(super) fn check(&self, http: &Http, events: &[Event]) {
        let answer: Answer = serde_json::from_str(&http.answer_text(&self.query())).unwrap();
        let counted = self.counted(events);
        let mut expected = self.shown(events, &counted);
        let passed = expected.clone();
        self.keep_first(&counted, &mut expected);
        assert_eq!(answer.total_rows, expected.len(), "{}", self.query());
        let page: Groups<'_> =
            expected.into_iter().take(self.limit.unwrap_or(usize::MAX)).collect();
        self.compare_all(&answer.rows, &page);
        if self.totals {
            let all: Vec<&Event> = counted.into_values().flatten().collect();
            self.compare_row(&answer.totals.unwrap(), &in_order(all));
        }
        if self.has_other() {
            let mut rest = Groups::new();
            for ((time, key), events) in passed {
                if !page.contains_key(&(time, key)) {
                    rest.entry((time, Vec::new())).or_default().extend(events);
                }
            }
            let rest = rest.into_iter().map(|(key, events)| (key, in_order(events))).collect();
            let other = Self { group_by: Vec::new(), first_groups: None, ..*self };
            other.compare_all(&answer.other.unwrap(), &rest);
        }
    }

    fn has_other(&self) -> bool {
        self.limit.is_some() || self.first_groups.is_some()
    }

    fn compare_all(&self, rows: &[Row], expected: &Groups<'_>) {
        let got: Vec<Key> = rows.iter().map(|row| self.key(row)).collect();
        assert_eq!(got, expected.keys().cloned().collect::<Vec<_>>(), "{}", self.query());
        for (row, events) in rows.iter().zip(expected.values()) {
            self.compare_row(row, events);
        }
    }

    fn compare_row(&self, row: &Row, events: &[&Event]) {
        for measure in &self.metric.measures {
            self.compare(measure, row[&measure.name].get(), events);
        }
    }

    fn query(&self) -> Value {
        let mut pairs = vec![
            ("metric", json!(self.metric.name)),
            ("granularity", json!(self.granularity)),
            ("group_by", json!(self.group_by)),
            ("limit", json!(self.limit.unwrap_or(100_000))),
            ("totals", json!(self.totals)),
            ("other", json!(self.has_other())),
        ];
        if let Some(buckets) = self.window {
            let minutes = buckets * span(self.granularity) / MINUTE_MS;
            pairs.push(("window", json!(format!("{minutes}m"))));
        }
        if let Some((measure, limit)) = self.first_groups {
            let order = (self.granularity != "all").then(|| "time".to_owned()).into_iter();
            let order = order.chain(self.group_by.iter().map(|name| (*name).to_owned()));
            // Last, so that rows are in the order that they would have without it.
            let order: Vec<String> = order.chain([format!("-{measure}")]).collect();
            pairs.push(("order_by", json!(order)));
            pairs.push(("group_limit", json!(limit)));
        }
        if let Some((from, to)) = self.range {
            pairs.push(("from", json!(rfc3339(from))));
            pairs.push(("to", json!(rfc3339(to))));
        }
        if let Some(shop) = self.only_shop {
            pairs.push(("filter", json!(format!("shop = '{}'", shop.replace('\'', "''")))));
        }
        object(pairs)
    }

    /// Events that pass, with the starts of their base buckets.
    fn passing<'e>(&self, events: &'e [Event]) -> Vec<(i64, &'e Event)> {
        let base = span(self.metric.granularity);
        let events = events.iter().filter(|event| self.metric.includes(event));
        let shop = |event: &Event| self.metric.dimension("shop", event);
        let chosen =
            |event: &&Event| self.only_shop.is_none_or(|only| shop(event).as_deref() == Some(only));
        let start = |event: &Event| event.time_ms.div_euclid(base) * base;
        events.filter(chosen).map(|event| (start(event), event)).collect()
    }

    fn dimensions_of(&self, event: &Event) -> Vec<(bool, String)> {
        let values = self.group_by.iter().map(|name| self.metric.dimension(name, event));
        values.map(|value| (value.is_none(), value.unwrap_or_default())).collect()
    }

    fn bucket(&self, time_ms: i64) -> Option<i64> {
        (self.granularity != "all").then(|| {
            let span = span(self.granularity);
            time_ms.div_euclid(span) * span
        })
    }

    /// Events of the range by bucket and dimensions.
    fn counted<'e>(&self, events: &'e [Event]) -> Groups<'e> {
        let mut groups = Groups::new();
        for (start, event) in self.passing(events) {
            if self.range.is_none_or(|(from, to)| from <= start && start < to) {
                let key = (self.bucket(event.time_ms), self.dimensions_of(event));
                groups.entry(key).or_default().push(event);
            }
        }
        if groups.is_empty() && self.granularity == "all" && self.group_by.is_empty() {
            groups.insert((None, Vec::new()), Vec::new());
        }
        groups
    }

    /// Events by the rows that show them.
    fn shown<'e>(&self, events: &'e [Event], counted: &Groups<'e>) -> Groups<'e> {
        let Some(buckets) = self.window else { return counted.clone() };
        let span = span(self.granularity);
        let times = || counted.keys().filter_map(|(time, _)| *time);
        let edges = match self.range {
            Some((from, to)) => self.bucket(from).map(|from| (from, to)),
            None => times().min().zip(times().max().map(|last| last + span)),
        };
        let Some((first, end)) = edges else { return Groups::new() };
        let mut groups = Groups::new();
        for (start, event) in self.passing(events).into_iter().filter(|(start, _)| *start < end) {
            let own = start.div_euclid(span) * span;
            for bucket in (0..buckets).map(|n| own + n * span) {
                if (first..end).contains(&bucket) {
                    let key = (Some(bucket), self.dimensions_of(event));
                    groups.entry(key).or_default().push(event);
                }
            }
        }
        groups
    }

    /// Leaves the groups that come first over the whole range.
    fn keep_first(&self, counted: &Groups<'_>, shown: &mut Groups<'_>) {
        let Some((name, limit)) = self.first_groups else { return };
        let measure = self.metric.measures.iter().find(|measure| measure.name == name).unwrap();
        let keys: BTreeSet<_> = shown.keys().map(|(_, key)| key.clone()).collect();
        let value = |key: &Vec<(bool, String)>| {
            let own = counted.iter().filter(|((_, other), _)| other == key);
            let events: Vec<&Event> = own.flat_map(|(_, events)| events.iter().copied()).collect();
            match measure.expected(&events) {
                Expected::Exact(value) => value,
                other => panic!("{other:?} is not exact"),
            }
        };
        let mut ranked: Vec<_> = keys.into_iter().map(|key| (value(&key), key)).collect();
        // The greatest first, nulls last, then as keys are.
        ranked.sort_by(|(a, x), (b, y)| b.cmp(a).then_with(|| x.cmp(y)));
        let first: Vec<_> = ranked.into_iter().take(limit).map(|(_, key)| key).collect();
        shown.retain(|(_, key), _| first.contains(key));
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

/// Events in the order in which they were accepted.
fn in_order(mut events: Vec<&Event>) -> Vec<&Event> {
    events.sort_by_key(|event| event.id);
    events
}

/// Milliseconds of a granularity in UTC.
fn span(granularity: &str) -> i64 {
    match granularity {
        "minute" => MINUTE_MS,
        "5m" => 5 * MINUTE_MS,
        "10m" => 10 * MINUTE_MS,
        "90m" => 90 * MINUTE_MS,
        "6h" => 6 * HOUR_MS,
        "12h" => 12 * HOUR_MS,
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
