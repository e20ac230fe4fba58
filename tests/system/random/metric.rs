//! Random definitions, and what each of their parts means to the oracle.

use serde_json::{Value, json};

use super::event::{Event, ONE};
use super::{object, pick};
use crate::load::Random;

/// A condition: its SQL, and whether it is true of an event.
pub(super) type Condition = (&'static str, fn(&Event) -> bool);
/// A dimension: its definition, and its value.
type Dimension = (&'static str, &'static str, fn(&Event) -> Option<String>);
/// What a measure aggregates: its SQL, and its value.
type Number = (&'static str, fn(&Event) -> Option<i128>);

const FILTERS: [Condition; 5] = [
    ("amount > 0", |e| e.amount.is_positive()),
    ("shop <> 'north' OR size = 2", |e| {
        e.shop.text.as_ref().is_some_and(|s| s != "north")
            || e.size.number.is_some_and(|s| s == 2 * ONE)
    }),
    ("amount IS NOT NULL", |e| e.amount.text.is_some()),
    ("shop IN ('south', 'west') AND NOT size = 1", |e| {
        e.shop.text.as_ref().is_some_and(|s| s == "south" || s == "west")
            && e.size.number.is_some_and(|s| s != ONE)
    }),
    ("lower(shop) LIKE 'n%'", |e| {
        e.shop.text.as_ref().is_some_and(|s| s.to_lowercase().starts_with('n'))
    }),
];

const DIMENSIONS: [Dimension; 4] = [
    ("shop", r#""shop""#, |e| e.shop.text.clone()),
    ("dim_size", r#"{"name":"dim_size","property":"size"}"#, |e| e.size.text.clone()),
    ("kind", r#"{"name":"kind","expr":"event"}"#, |e| Some(e.kind.to_owned())),
    ("large", r#"{"name":"large","expr":"CASE WHEN amount > 100 THEN 'yes' END"}"#, |e| {
        e.amount.number.filter(|a| *a > 100 * ONE).map(|_| "yes".to_owned())
    }),
];

const NUMBERS: [Number; 3] = [
    ("amount", |e| e.amount.number),
    ("amount - size", |e| e.amount.number?.checked_sub(e.size.number?)),
    ("coalesce(size, 1) * 2", |e| Some(e.size.number.unwrap_or(ONE) * 2)),
];

/// Kinds of aggregates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Count,
    Sum,
    Min,
    Max,
    Avg,
    Distinct,
    Quantile,
    /// Of a number.
    Latest,
    /// Of a text.
    LatestText,
}

/// A measure.
#[derive(Clone, Debug)]
pub(super) struct Measure {
    pub(super) name: String,
    pub(super) kind: Kind,
    number: Number,
    filter: Option<Condition>,
}

/// A metric.
#[derive(Clone, Debug)]
pub(super) struct Metric {
    pub(super) name: String,
    types: Option<Vec<&'static str>>,
    filter: Option<Condition>,
    pub(super) granularity: &'static str,
    dimensions: Vec<Dimension>,
    pub(super) measures: Vec<Measure>,
}

impl Metric {
    pub(super) fn random(name: &str, random: &mut Random) -> Self {
        let filter = |random: &mut Random| (random.below(3) == 0).then(|| pick(random, &FILTERS));
        let kinds = [
            Kind::Count,
            Kind::Sum,
            Kind::Min,
            Kind::Max,
            Kind::Avg,
            Kind::Distinct,
            Kind::Quantile,
            Kind::Latest,
            Kind::LatestText,
        ];
        let measures = (0..1 + random.below(5))
            .map(|n| Measure {
                name: format!("v{n}"),
                kind: pick(random, &kinds),
                number: pick(random, &NUMBERS),
                filter: filter(random),
            })
            .collect();
        let types = match random.below(3) {
            0 => None,
            1 => Some(vec!["sale"]),
            _ => Some(vec!["refund", "sale"]),
        };
        Self {
            name: name.to_owned(),
            types,
            filter: filter(random),
            granularity: pick(random, &["minute", "hour", "day"]),
            dimensions: DIMENSIONS.into_iter().filter(|_| random.below(2) == 0).collect(),
            measures,
        }
    }

    /// As it is put.
    pub(super) fn definition(&self) -> Value {
        let measures = self.measures.iter().map(|m| (&*m.name, m.definition())).collect();
        let dimensions = self.dimensions.iter().map(|d| serde_json::from_str(d.1).unwrap());
        let mut pairs = vec![
            ("event", self.types.as_ref().map_or(json!("*"), |types| json!(types))),
            ("granularity", json!(self.granularity)),
            ("dimensions", Value::Array(dimensions.collect())),
            ("measures", object(measures)),
        ];
        pairs.extend(self.filter.map(|(sql, _)| ("filter", json!(sql))));
        object(pairs)
    }

    /// Names of the dimensions.
    pub(super) fn dimensions(&self) -> Vec<&'static str> {
        self.dimensions.iter().map(|d| d.0).collect()
    }

    /// Whether an event counts.
    pub(super) fn includes(&self, event: &Event) -> bool {
        self.types.as_ref().is_none_or(|types| types.contains(&event.kind))
            && self.filter.is_none_or(|(_, holds)| holds(event))
    }

    /// The value of a dimension.
    pub(super) fn dimension(&self, name: &str, event: &Event) -> Option<String> {
        let dimension = self.dimensions.iter().find(|d| d.0 == name).unwrap();
        dimension.2(event)
    }
}

impl Measure {
    fn definition(&self) -> Value {
        let kind = match self.kind {
            Kind::LatestText => "latest".to_owned(),
            kind => format!("{kind:?}").to_lowercase(),
        };
        let mut pairs = vec![("kind", json!(kind))];
        match self.kind {
            Kind::Count => {}
            Kind::Distinct => pairs.push(("of", json!("subject"))),
            Kind::LatestText => pairs.push(("of", json!("shop"))),
            _ => pairs.push(("of", json!(self.number.0))),
        }
        match self.kind {
            Kind::Quantile => pairs.push(("q", json!(0.5))),
            Kind::Latest => pairs.push(("type", json!("number"))),
            _ => {}
        }
        pairs.extend(self.filter.map(|(sql, _)| ("filter", json!(sql))));
        object(pairs)
    }

    /// What the answer's field must be: digits, or bounds where it is an estimate.
    pub(super) fn expected(&self, events: &[&Event]) -> Expected {
        let events: Vec<&Event> = events
            .iter()
            .filter(|e| self.filter.is_none_or(|(_, holds)| holds(e)))
            .copied()
            .collect();
        let mut numbers: Vec<i128> = events.iter().filter_map(|e| self.number.1(e)).collect();
        let sum = || numbers.iter().sum::<i128>();
        let exact = |units: Option<i128>| Expected::Exact(units);
        match self.kind {
            Kind::Count => exact(Some(events.len() as i128 * ONE)),
            Kind::Sum => exact((!numbers.is_empty()).then(sum)),
            Kind::Min => exact(numbers.iter().min().copied()),
            Kind::Max => exact(numbers.iter().max().copied()),
            Kind::Avg => exact((!numbers.is_empty()).then(|| mean(sum(), numbers.len()))),
            Kind::Distinct => {
                let mut subjects: Vec<u64> = events.iter().filter_map(|e| e.subject).collect();
                subjects.sort_unstable();
                subjects.dedup();
                exact(Some(subjects.len() as i128 * ONE))
            }
            Kind::Quantile => {
                numbers.sort_unstable();
                match numbers.len() {
                    0 => exact(None),
                    count => Expected::Near(numbers[(count - 1) / 2]),
                }
            }
            Kind::Latest => exact(last(&events, |e| self.number.1(e))),
            Kind::LatestText => Expected::Text(last(&events, |e| e.shop.text.clone())),
        }
    }
}

/// What a field must be, in units of 10⁻⁹.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    Exact(Option<i128>),
    /// Within 1 %.
    Near(i128),
    Text(Option<String>),
}

/// The value of the last event that has one. Of those at one time it is the one accepted last.
fn last<T>(events: &[&Event], value: impl Fn(&Event) -> Option<T>) -> Option<T> {
    let values = events.iter().filter_map(|event| Some((event.time_ms, value(event)?)));
    values.reduce(|a, b| if b.0 >= a.0 { b } else { a }).map(|(_, value)| value)
}

/// Rounded half to even.
fn mean(sum: i128, count: usize) -> i128 {
    let count = count as i128;
    let (down, rest) = (sum.div_euclid(count), sum.rem_euclid(count));
    match (2 * rest).cmp(&count) {
        std::cmp::Ordering::Less => down,
        std::cmp::Ordering::Greater => down + 1,
        std::cmp::Ordering::Equal => down + down.rem_euclid(2),
    }
}
