//! A count so plain that it cannot be wrong: every event by itself, in maps. It shares no code with
//! what it checks.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Decimal128Type, Decimal256Type, Int64Type, TimestampMicrosecondType};
use merganser_core::event::Event;
use merganser_metric::measure::DistinctSketch;

/// Three metrics, by the number of their definition.
pub(super) const DEFINITIONS: [&str; 3] = [
    r#"{"name":"spend","event":"buy","dimensions":["country"],"measures":{
        "n":{"kind":"count"},
        "total":{"kind":"sum","of":"amount"},
        "top":{"kind":"max","of":"amount"}}}"#,
    r#"{"name":"all","event":"*","granularity":"day","measures":{
        "n":{"kind":"count"},
        "large":{"kind":"count","filter":"amount > 10"}}}"#,
    r#"{"name":"people","event":["buy","view"],"granularity":"hour",
        "dimensions":["country",{"name":"plan","property":"plan.name"}],
        "filter":"amount IS NULL OR amount < 50",
        "measures":{"people":{"kind":"distinct","of":"subject"}}}"#,
];

/// An event as the oracle sees it.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) kind: &'static str,
    pub(super) minute: i64,
    pub(super) country: Option<&'static str>,
    pub(super) plan: Option<&'static str>,
    pub(super) amount: Amount,
    pub(super) subject: Option<u8>,
}

/// A property that should be a number.
#[derive(Clone, Copy, Debug)]
pub(super) enum Amount {
    Missing,
    Number(i64),
    Text,
}

impl Seen {
    /// The event itself.
    pub(super) fn event(&self, number: u64) -> Event {
        let mut properties = Vec::new();
        if let Some(country) = self.country {
            properties.push(format!(r#""country":{}"#, serde_json::json!(country)));
        }
        if let Some(plan) = self.plan {
            properties.push(format!(r#""plan":{{"name":{}}}"#, serde_json::json!(plan)));
        }
        match self.amount {
            Amount::Missing => {}
            Amount::Number(amount) => properties.push(format!(r#""amount":{amount}"#)),
            Amount::Text => properties.push(r#""amount":"much""#.to_owned()),
        }
        Event {
            id: format!("e{number}"),
            content: None,
            event: self.kind.to_owned(),
            time: self.minute * 60_000_000 + 1_000_003,
            arrived: 1_000_000,
            subject: self.subject.map(|subject| format!("u{subject}")),
            properties: Some(format!("{{{}}}", properties.join(","))),
        }
    }

    /// A text is not null, and not below 50 either.
    fn is_small(&self) -> bool {
        match self.amount {
            Amount::Missing => true,
            Amount::Number(amount) => amount < 50,
            Amount::Text => false,
        }
    }

    fn amount(&self) -> Option<i64> {
        match self.amount {
            Amount::Number(amount) => Some(amount),
            Amount::Missing | Amount::Text => None,
        }
    }
}

/// By bucket and dimensions, the values.
pub(super) type Counted = BTreeMap<(i64, Vec<Option<String>>), Vec<Option<i128>>>;

/// What a metric has counted of these events.
pub(super) fn count<'a>(definition: usize, events: impl Iterator<Item = &'a Seen>) -> Counted {
    let mut counted = Counted::new();
    let mut people: BTreeMap<_, BTreeSet<u8>> = BTreeMap::new();
    for event in events {
        let text = |text: Option<&str>| text.map(str::to_owned);
        match definition {
            0 if event.kind == "buy" => {
                let key = (event.minute * 60_000_000, vec![text(event.country)]);
                let values = counted.entry(key).or_insert_with(|| vec![Some(0), None, None]);
                values[0] = values[0].map(|n| n + 1);
                if let Some(amount) = event.amount() {
                    let amount = i128::from(amount) * 1_000_000_000;
                    values[1] = Some(values[1].unwrap_or(0) + amount);
                    values[2] = Some(values[2].map_or(amount, |top| top.max(amount)));
                }
            }
            1 => {
                let day = event.minute.div_euclid(1440) * 86_400_000_000;
                let values = counted.entry((day, Vec::new())).or_insert_with(|| vec![Some(0); 2]);
                values[0] = values[0].map(|n| n + 1);
                let is_large = event.amount().is_some_and(|amount| amount > 10);
                values[1] = values[1].map(|n| n + i128::from(is_large));
            }
            2 if event.kind != "other" && event.is_small() => {
                let hour = event.minute.div_euclid(60) * 3_600_000_000;
                let key = (hour, vec![text(event.country), text(event.plan)]);
                let seen = people.entry(key.clone()).or_default();
                seen.extend(event.subject);
                counted.insert(key, vec![Some(seen.len() as i128)]);
            }
            _ => {}
        }
    }
    counted
}

/// How many values were of another type than a metric asks for.
pub(super) fn mismatches<'a>(definition: usize, events: impl Iterator<Item = &'a Seen>) -> u64 {
    let is_asked = |event: &&Seen| match definition {
        0 => event.kind == "buy",
        1 => true,
        _ => event.kind != "other",
    };
    events.filter(is_asked).filter(|event| matches!(event.amount, Amount::Text)).count() as u64
}

/// What an answer's states say, in the oracle's words.
pub(super) fn read_states(definition: usize, batches: &[RecordBatch]) -> Counted {
    let dimensions = [1, 0, 2][definition];
    let mut counted = Counted::new();
    let mut people: BTreeMap<_, DistinctSketch> = BTreeMap::new();
    for batch in batches {
        let times = batch.column(0).as_primitive::<TimestampMicrosecondType>();
        let states = &batch.columns()[1 + dimensions..];
        for row in 0..batch.num_rows() {
            let text = |column: usize| {
                let texts = batch.column(1 + column).as_string::<i32>();
                texts.is_valid(row).then(|| texts.value(row).to_owned())
            };
            let key = (times.value(row), (0..dimensions).map(text).collect::<Vec<_>>());
            let number =
                |i: usize| Some(i128::from(states[i].as_primitive::<Int64Type>().value(row)));
            let values = match definition {
                0 => {
                    let sums = states[1].as_primitive::<Decimal256Type>();
                    let sum = sums.is_valid(row).then(|| sums.value(row).to_i128().unwrap());
                    let tops = states[2].as_primitive::<Decimal128Type>();
                    let top = tops.is_valid(row).then(|| tops.value(row));
                    vec![number(0), sum, top]
                }
                1 => vec![number(0), number(1)],
                _ => {
                    let sketch = states[0].as_binary::<i32>().value(row);
                    let all = people.entry(key.clone()).or_default();
                    all.merge(std::borrow::Cow::Owned(DistinctSketch::decode(sketch).unwrap()));
                    vec![Some(i128::from(all.estimate()))]
                }
            };
            let known = counted.entry(key);
            let known = known.or_insert_with(|| {
                if definition == 2 { vec![None] } else { vec![None; values.len()] }
            });
            merge(definition, known, values);
        }
    }
    counted
}

fn merge(definition: usize, known: &mut [Option<i128>], values: Vec<Option<i128>>) {
    for (i, (known, value)) in known.iter_mut().zip(values).enumerate() {
        *known = match (*known, value) {
            (Some(known), Some(value)) => Some(match (definition, i) {
                (0, 2) => known.max(value),
                (2, _) => value,
                _ => known + value,
            }),
            (known, value) => known.or(value),
        };
    }
}
