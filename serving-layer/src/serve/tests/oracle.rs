//! Random events, splits and queries: every answer equals a naive count over the events' text.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use chrono::{
    DateTime, Datelike, Days, LocalResult, Months, NaiveDateTime, NaiveTime, Offset, SecondsFormat,
    TimeDelta, TimeZone,
};
use chrono_tz::Tz;
use merganser_api::answer::CompareMode;
use merganser_core::event::Event;
use merganser_metric::catalog::MetricVersion;
use merganser_metric::compile::Metric;
use merganser_metric::definition::from_json;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value, json};

use crate::calendar::tests::{ZONES, naive, part_minutes};
use crate::calendar::{DayPart, Granularity};
use crate::format;
use crate::query::{AnswerFormat, CsvTextStyle, Query};
use crate::serve::ServingSettings;
use crate::testing::{NOW, World, version};

const MINUTE: i64 = 60_000_000;
const MAX: i128 = 10_i128.pow(38) - 1;
const NINE: i128 = 1_000_000_000;

fn definition(base: &str) -> String {
    format!(
        r#"{{"name":"m","event":"e","granularity":"{base}",
        "dimensions":["a",{{"name":"b","property":"p.b"}}],
        "measures":{{"n":{{"kind":"count"}},"s":{{"kind":"sum","of":"v"}},
        "m":{{"kind":"avg","of":"v"}},"lo":{{"kind":"min","of":"v"}},
        "hi":{{"kind":"max","of":"v"}},"d":{{"kind":"distinct","of":"u"}},
        "q":{{"kind":"quantile","of":"v","q":0.5}},
        "big":{{"kind":"count","filter":"v > 0"}},"share":{{"kind":"expr","expr":"big / n"}},
        "last":{{"kind":"latest","of":"v","type":"number"}},
        "t":{{"kind":"sum","of":"v","places":12}},"w":{{"kind":"avg","of":"v","places":2}},
        "lo12":{{"kind":"min","of":"v","places":12}},
        "mix":{{"kind":"expr","expr":"t * 2 + n"}},
        "seen":{{"kind":"max","of":"time"}},"late":{{"kind":"latest","of":"time"}},
        "k":{{"kind":"distinct","of":"v"}}}}}}"#
    )
}

/// One event, as it is counted naively.
#[derive(Clone, Debug)]
struct Seen {
    time: i64,
    a: Option<&'static str>,
    b: Option<&'static str>,
    /// A number's JSON text, or a text that is none.
    v: Option<&'static str>,
    u: u8,
    counts: bool,
}

const NUMBERS: [&str; 20] = [
    "2.5e-10",
    "3.75E-8",
    "2.0",
    "200e-2",
    "-0.0",
    "\"2\"",
    "0.1234567890125",
    "0.000000000500000000000000000001",
    "0",
    "-1.5",
    "2",
    "17.000000001",
    "0.0000000005",
    "1e3",
    "-2.25",
    "\"none\"",
    "99999999999999999999999999999",
    "-99999999999999999999999999999.999999999",
    "1e40",
    "3",
];

fn seen() -> impl Strategy<Value = Seen> {
    // Around a change of the clock in most zones, and sometimes years away.
    let near = 1_362_096_000..1_365_552_000_i64;
    let far = 1_104_537_600..2_082_758_400_i64;
    // When local mean time had seconds.
    let old = -2_208_988_800..-1_600_000_000_i64;
    let tied = near.clone().prop_map(|s| s / 40_000 * 40_000);
    let time = prop_oneof![120 => near, 60 => tied, 20 => far, 1 => old];
    let time = time.prop_map(|s| s * 1_000_000 + 17);
    (
        time,
        prop::option::of(select(vec!["x", "xy", "y", "", "ü\"\n"])),
        prop::option::of(select(vec!["1", "2.50", "true", "\"1\""])),
        prop::option::weighted(0.9, select(NUMBERS.to_vec())),
        0..30_u8,
        prop::bool::weighted(0.95),
    )
        .prop_map(|(time, a, b, v, u, counts)| Seen { time, a, b, v, u, counts })
}

fn event(at: usize, seen: &Seen) -> Event {
    let mut fields = Vec::new();
    fields.extend(seen.a.map(|a| format!("\"a\":{}", json!(a))));
    fields.extend(seen.b.map(|b| format!("\"p\":{{\"b\":{b}}}")));
    fields.extend(seen.v.map(|v| format!("\"v\":{v}")));
    fields.push(format!("\"u\":\"u{}\"", seen.u));
    Event {
        id: at.to_string(),
        content: None,
        event: if seen.counts { "e" } else { "other" }.to_owned(),
        time: seen.time,
        arrived: seen.time,
        subject: None,
        properties: Some(format!("{{{}}}", fields.join(","))),
    }
}

/// A number's digits, and the power of ten that they are units of.
fn digits(text: &str) -> Option<(i128, i32)> {
    if text.starts_with('"') {
        return None;
    }
    let text = text.to_lowercase();
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}").parse().unwrap();
    Some((digits, exponent.parse::<i32>().unwrap() - fraction.len() as i32))
}

/// Units of `10^-places`, of what the numbers above can be.
fn units(text: &str, places: i32) -> Option<i128> {
    let (digits, exponent) = digits(text)?;
    let value = match u32::try_from(exponent + places) {
        Ok(up) => digits.checked_mul(10_i128.checked_pow(up)?)?,
        Err(_) => {
            let unit = 10_i128.pow((exponent + places).unsigned_abs());
            half_even(digits.div_euclid(unit), digits.rem_euclid(unit), unit)
        }
    };
    (value.abs() <= MAX).then_some(value)
}

/// One text for all values that are one.
fn identity(text: &str) -> String {
    let Some((mut digits, mut exponent)) = digits(text) else { return text.to_owned() };
    while digits != 0 && digits % 10 == 0 {
        (digits, exponent) = (digits / 10, exponent + 1);
    }
    if digits == 0 { "0".to_owned() } else { format!("{digits}e{exponent}") }
}

fn half_even(whole: i128, rest: i128, of: i128) -> i128 {
    match (rest * 2).cmp(&of) {
        Ordering::Less => whole,
        Ordering::Greater => whole + 1,
        Ordering::Equal => whole + whole.rem_euclid(2),
    }
}

fn shown(units: i128, places: u32) -> String {
    let (size, one) = (units.unsigned_abs(), 10_u128.pow(places));
    let text = format!("{}.{:0places$}", size / one, size % one, places = places as usize);
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{}{text}", if units < 0 { "-" } else { "" })
}

/// Numbers, as units of some places.
#[derive(Clone, Debug, Default)]
struct Numbers(Vec<i128>);

impl Numbers {
    /// In hundred-quintillions and the rest, so that nothing overflows.
    fn total(&self, more: i128) -> (i128, i128) {
        let parts = self.0.iter().map(|v| (v * more).div_euclid(SPLIT)).sum();
        (parts, self.0.iter().map(|v| (v * more).rem_euclid(SPLIT)).sum())
    }

    fn sum(&self) -> Option<i128> {
        let (high, low) = self.total(1);
        let high = high + low.div_euclid(SPLIT);
        let sum = high.checked_mul(SPLIT)?.checked_add(low.rem_euclid(SPLIT))?;
        (!self.0.is_empty() && sum.abs() <= MAX).then_some(sum)
    }

    /// Of which a unit is `more` of the mean's.
    fn mean(&self, more: i128) -> Option<i128> {
        let count = self.0.len() as i128;
        if count == 0 {
            return None;
        }
        let (high, low) = self.total(more);
        let rest = high.rem_euclid(count) * SPLIT + low;
        let whole = high.div_euclid(count) * SPLIT + rest.div_euclid(count);
        let mean = half_even(whole, rest.rem_euclid(count), count);
        (mean.abs() <= MAX).then_some(mean)
    }
}

/// The exact measures of one group.
#[derive(Clone, Debug, Default)]
struct Sums {
    n: i128,
    big: i128,
    nine: Numbers,
    twelve: Numbers,
    two: Numbers,
    /// The last value and its time; of those at one time, the one accepted last.
    last: Option<(i64, i128)>,
    times: Vec<i64>,
    users: BTreeSet<u8>,
    values: BTreeSet<String>,
}

const SPLIT: i128 = 10_i128.pow(20);

impl Sums {
    fn add(&mut self, seen: &Seen) {
        self.n += 1;
        self.users.insert(seen.u);
        self.times.push(seen.time);
        self.values.extend(seen.v.map(identity));
        // What 9 places do not hold is no number for any measure.
        let Some((text, nine)) = seen.v.and_then(|v| Some((v, units(v, 9)?))) else { return };
        self.big += i128::from(digits(text).is_some_and(|(digits, _)| digits > 0));
        self.nine.0.push(nine);
        self.twelve.0.extend(units(text, 12));
        self.two.0.extend(units(text, 2));
        if self.last.is_none_or(|(time, _)| time <= seen.time) {
            self.last = Some((seen.time, nine));
        }
    }

    /// By name, in units of its [`places`]; of times, in microseconds.
    fn value(&self, name: &str) -> Option<i128> {
        match name {
            "n" => Some(self.n * NINE),
            "big" => Some(self.big * NINE),
            "s" => self.nine.sum(),
            "m" => self.nine.mean(1),
            "lo" => self.nine.0.iter().min().copied(),
            "hi" => self.nine.0.iter().max().copied(),
            "t" => self.twelve.sum(),
            "w" => self.two.mean(10_i128.pow(7)),
            "lo12" => self.twelve.0.iter().min().copied(),
            "mix" => self.twelve.sum().map(|t| {
                let units = t * 2 + self.n * 10_i128.pow(12);
                half_even(units.div_euclid(1000), units.rem_euclid(1000), 1000)
            }),
            "seen" | "late" => self.times.iter().max().map(|time| i128::from(*time)),
            "last" => self.last.map(|(_, v)| v),
            "share" if self.n > 0 => {
                let units = self.big * NINE;
                Some(half_even(units / self.n, units % self.n, self.n))
            }
            "share" => None,
            _ => unreachable!("{name}"),
        }
    }
}

type Key = (i64, Vec<Option<String>>);

/// A row: values by name, none for a bucket filled with nulls.
type Row = (Key, BTreeMap<&'static str, Option<i128>>);

const EXACT: [&str; 14] =
    ["n", "s", "m", "lo", "hi", "last", "big", "share", "t", "w", "lo12", "mix", "seen", "late"];

fn places(name: &str) -> u32 {
    if ["t", "lo12"].contains(&name) { 12 } else { 9 }
}

const FILTERS: [&str; 6] = [
    "",
    "a = 'x'",
    "a <> 'x'",
    "b IS NULL OR a IN ('y', 'xy')",
    "a LIKE 'x%' AND NOT b = '1'",
    "b > '2' OR a < 'x'",
];

fn passes(filter: &str, seen: &Seen) -> bool {
    let b = seen.b.map(|b| b.trim_matches('"'));
    let is = |side: Option<&str>, text: &str| side.map(|side| side == text);
    match filter {
        "" => true,
        "a = 'x'" => is(seen.a, "x") == Some(true),
        "a <> 'x'" => is(seen.a, "x") == Some(false),
        "b IS NULL OR a IN ('y', 'xy')" => {
            b.is_none() || seen.a == Some("y") || seen.a == Some("xy")
        }
        "a LIKE 'x%' AND NOT b = '1'" => {
            seen.a.is_some_and(|a| a.starts_with('x')) && is(b, "1") == Some(false)
        }
        "b > '2' OR a < 'x'" => b.is_some_and(|b| b > "2") || seen.a.is_some_and(|a| a < "x"),
        _ => unreachable!("{filter}"),
    }
}

const HAVINGS: [&str; 6] = [
    "",
    "n > 2",
    "s >= 0 AND n < 9",
    "m IS NULL OR share = 0.5",
    "t > 0.0000000001",
    "seen >= '2013-03-15'",
];

fn holds(having: &str, sums: &Sums) -> bool {
    match having {
        "" => true,
        "n > 2" => sums.n > 2,
        "s >= 0 AND n < 9" => sums.nine.sum().is_some_and(|s| s >= 0) && sums.n < 9,
        "m IS NULL OR share = 0.5" => {
            sums.nine.mean(1).is_none() || sums.value("share") == Some(NINE / 2)
        }
        "t > 0.0000000001" => sums.twelve.sum().is_some_and(|t| t > 100),
        "seen >= '2013-03-15'" => sums.times.iter().any(|time| *time >= 1_363_305_600_000_000),
        _ => unreachable!("{having}"),
    }
}

#[derive(Clone, Debug)]
struct Asked {
    base: &'static str,
    granularity: Granularity,
    zone: Tz,
    from: Option<i64>,
    to: Option<i64>,
    group_by: Vec<&'static str>,
    measures: Vec<&'static str>,
    filter: &'static str,
    having: &'static str,
    order_by: Vec<(&'static str, bool)>,
    limit: usize,
    offset: usize,
    per_bucket: bool,
    group_limit: Option<usize>,
    totals: bool,
    other: bool,
    window: Option<&'static str>,
    fill: &'static str,
    compare: Option<CompareMode>,
}

/// Windows that start where buckets of a granularity do.
fn windows(granularity: Granularity) -> &'static [&'static str] {
    match granularity {
        Granularity::All => &[],
        Granularity::Part(part) => match part_minutes(part) {
            1 => &["1m", "7m", "1h"],
            5 => &["5m", "15m", "2h"],
            10 => &["10m", "30m", "5h"],
            15 => &["15m", "90m", "1d"],
            60 => &["60m", "7h", "1d"],
            90 => &["90m", "3h", "2d"],
            _ => &["12h", "24h", "1d", "1w", "1M"],
        },
        Granularity::Day => &["1d", "7d", "4w", "1M", "2M"],
        Granularity::Week => &["1w", "14d"],
        Granularity::Month => &["1M", "3M", "1y"],
        Granularity::Quarter => &["3M", "1y"],
        Granularity::Year => &["12M", "2y"],
    }
}

fn granularities() -> Vec<Granularity> {
    let parts = [10, 90, 120, 360, 720].map(|n| Granularity::Part(DayPart::of_minutes(n).unwrap()));
    Granularity::EACH.into_iter().chain(parts).collect()
}

fn asked() -> impl Strategy<Value = Asked> {
    let edge = prop::option::weighted(0.6, 1_362_000_000..1_365_600_000_i64);
    let names = [&EXACT[..], &["a", "b", "time"]].concat();
    let order = subsequence(names, 0..3).prop_shuffle();
    let what = (
        select(vec!["minute", "minute", "hour", "day"]),
        select(granularities()),
        select(ZONES.to_vec()),
        (edge.clone(), edge),
        subsequence(vec!["a", "b"], 0..=2).prop_shuffle(),
        subsequence(EXACT.to_vec(), 1..=14).prop_shuffle(),
        select(FILTERS.to_vec()),
        select(HAVINGS.to_vec()),
    );
    let how = (
        (order, any::<[bool; 3]>()),
        prop_oneof![1..6_usize, Just(50_000)],
        prop_oneof![Just(0), 0..4_usize],
        prop::bool::weighted(0.2),
        select(vec!["none", "none", "zero", "null", "previous"]),
        prop::option::weighted(0.4, select(CompareMode::EACH.to_vec())),
        (
            prop::option::weighted(0.3, 1..5_usize),
            any::<[bool; 2]>(),
            prop::option::weighted(0.4, any::<prop::sample::Index>()),
        ),
    );
    (what, how).prop_map(|(what, how)| {
        let (base, granularity, zone, (one, other), group_by, measures, filter, having) = what;
        let ((order, down), limit, offset, per_bucket, fill, compare, sums) = how;
        let (group_limit, [totals, is_rest], window) = sums;
        let windows = windows(granularity);
        let (from, to) = match (one, other) {
            (Some(one), Some(other)) if one > other => (Some(other), Some(one)),
            (Some(one), Some(other)) if one == other => (Some(one), Some(other + 1)),
            edges => edges,
        };
        let order = order.into_iter().filter(|name| match *name {
            "time" => granularity != Granularity::All,
            "a" | "b" => group_by.contains(name),
            _ => true,
        });
        let order_by = order.zip(down).collect();
        let has_groups = !group_by.is_empty();
        let scale = |edge: Option<i64>| edge.map(|s| s * 1_000_000);
        let (from, to) = (scale(from), scale(to));
        Asked {
            base,
            granularity,
            zone,
            from,
            to,
            group_by,
            measures,
            filter,
            having,
            order_by,
            limit,
            offset,
            per_bucket,
            group_limit: group_limit.filter(|_| has_groups),
            totals,
            other: is_rest && has_groups,
            window: window.filter(|_| !windows.is_empty()).map(|at| *at.get(windows)),
            fill,
            // Where the range ends by itself is tested elsewhere.
            compare: compare.map(|(_, compare)| compare).filter(|_| from.is_some() && to.is_some()),
        }
    })
}

impl Asked {
    fn grain(&self) -> i64 {
        match self.base {
            "minute" => MINUTE,
            "hour" => 60 * MINUTE,
            _ => 1440 * MINUTE,
        }
    }

    fn query(&self) -> Query {
        let time = |us: Option<i64>| us.map(|us| rfc(us, Tz::UTC));
        let order = self
            .order_by
            .iter()
            .map(|(name, down)| format!("{}{name}", if *down { "-" } else { "" }));
        let object = json!({
            "metric": "m", "measures": self.measures, "granularity": self.granularity.name(),
            "timezone": self.zone.name(), "from": time(self.from), "to": time(self.to),
            "group_by": self.group_by, "filter": self.filter, "having": self.having,
            "order_by": order.collect::<Vec<_>>(), "limit": self.limit, "offset": self.offset,
            "limit_per_bucket": self.per_bucket, "group_limit": self.group_limit,
            "totals": self.totals, "other": self.other, "window": self.window, "fill": self.fill,
            "compare": self.compare.map(CompareMode::name),
        });
        let Value::Object(object) = object else { unreachable!() };
        Query::from_json(object).unwrap()
    }

    fn bucket(&self, us: i64) -> i64 {
        if self.granularity == Granularity::All {
            return 0;
        }
        remembered((self.zone, self.granularity, "", us), || self.bucket_anew(us))
    }

    fn bucket_anew(&self, us: i64) -> i64 {
        // Long ago, buckets began at any second.
        let unit = if us < 0 { 1_000_000 } else { MINUTE };
        let time = DateTime::from_timestamp_micros(us.div_euclid(unit) * unit)
            .unwrap()
            .with_timezone(&self.zone);
        naive(self.zone, time, self.granularity).timestamp_micros()
    }

    /// Starts of the buckets from the first instant to the last.
    fn buckets(&self, from: i64, to: i64) -> Vec<i64> {
        if self.granularity == Granularity::All {
            return vec![0];
        }
        let step = match self.granularity {
            // No edge lies off the whole minutes that all of a zone's offsets share.
            Granularity::Part(part) if part_minutes(part) % 15 == 0 => 15 * MINUTE,
            Granularity::Part(part) if part_minutes(part) % 5 == 0 => 5 * MINUTE,
            Granularity::Part(_) => MINUTE,
            Granularity::Day => 360 * MINUTE,
            Granularity::Week => 4_000 * MINUTE,
            _ => 14_000 * MINUTE,
        };
        let mut starts = BTreeSet::from([self.bucket(to - 1)]);
        starts.extend((from..to).step_by(usize::try_from(step).unwrap()).map(|at| self.bucket(at)));
        starts.into_iter().collect()
    }

    /// The edges, widened to base buckets.
    fn edges(&self) -> (Option<i64>, Option<i64>) {
        let grain = self.grain();
        let from = self.from.map(|us| us.div_euclid(grain) * grain);
        (from, self.to.map(|us| -((-us).div_euclid(grain) * grain)))
    }

    /// The buckets of which a base bucket lies in the range and one beyond it: the first's part
    /// begins with the range, and the last's ends with it.
    fn partial(&self) -> Value {
        if self.granularity == Granularity::All {
            return json!([]);
        }
        let (grain, (from, to)) = (self.grain(), self.edges());
        let cut = |edge: &i64| self.bucket(edge - grain) == self.bucket(*edge);
        let is_open = |to: &i64| *to >= NOW.0 && self.bucket(NOW.0) == self.bucket(to - grain);
        // Windows of the first bucket hold what comes before as well.
        let first = from.filter(|_| self.window.is_none());
        let first = first.filter(cut).map(|from| self.bucket(from));
        let last = to.filter(cut).filter(|to| !is_open(to)).map(|to| self.bucket(to - 1));
        let begin = from.filter(|_| self.window.is_none());
        let part = |bucket: i64| {
            let next = self.next(bucket);
            json!({
                "time": rfc(bucket, self.zone),
                "from": rfc(begin.map_or(bucket, |from| from.max(bucket)), self.zone),
                "to": rfc(to.map_or(next, |to| to.min(next)), self.zone),
            })
        };
        let mut parts: Vec<i64> = first.into_iter().chain(last).collect();
        parts.dedup();
        parts.into_iter().map(part).collect()
    }

    /// The start of the first bucket with events, if no `from` was asked for.
    fn first(&self, events: &[Seen]) -> Option<i64> {
        let grain = self.grain();
        let (from, to) = self.edges();
        let base = |seen: &Seen| seen.time.div_euclid(grain) * grain;
        let counted = events.iter().filter(|seen| seen.counts && passes(self.filter, seen));
        let first = counted.map(base).filter(|base| to.is_none_or(|to| *base < to)).min()?;
        from.is_none().then(|| self.bucket(first))
    }

    /// The start of the bucket after one.
    fn next(&self, bucket: i64) -> i64 {
        remembered((self.zone, self.granularity, "next", bucket), || self.next_anew(bucket))
    }

    fn next_anew(&self, bucket: i64) -> i64 {
        if let Granularity::Part(part) = self.granularity
            && bucket > 0
        {
            // Unless the clock changes in it.
            let next = bucket + part_minutes(part) * MINUTE;
            if self.bucket(next) == next && self.bucket(next - MINUTE) == bucket {
                return next;
            }
        }
        let step = match self.granularity {
            Granularity::Week | Granularity::Day => 120 * MINUTE,
            Granularity::Month | Granularity::Quarter | Granularity::Year => 1440 * MINUTE,
            _ if bucket < 0 => 1_000_000,
            _ => self.grain(),
        };
        (1..).map(|n| self.bucket(bucket + n * step)).find(|next| *next != bucket).unwrap()
    }

    /// The local time at which a bucket's period ends, none before that of a bucket before.
    fn local_end(&self, bucket: i64) -> NaiveDateTime {
        let local = |us: i64| {
            DateTime::from_timestamp_micros(us).unwrap().with_timezone(&self.zone).naive_local()
        };
        let month = |date: NaiveDateTime, months| date + Months::new(months);
        match self.granularity {
            Granularity::All => unreachable!("has no buckets"),
            Granularity::Part(part) => {
                let length = part_minutes(part) * 60;
                let end = |us: i64| {
                    let seconds = local(us).and_utc().timestamp();
                    DateTime::from_timestamp((seconds.div_euclid(length) + 1) * length, 0)
                };
                let before = (0..8 * 60 / 15).map(|quarters| bucket - quarters * 15 * MINUTE);
                before.filter_map(end).max().unwrap().naive_utc()
            }
            // Where midnight was skipped the bucket begins after it.
            _ => {
                let date = local(bucket).date().and_time(NaiveTime::MIN);
                match self.granularity {
                    Granularity::Day => date + Days::new(1),
                    Granularity::Week => date + Days::new(7),
                    Granularity::Month => month(date, 1),
                    Granularity::Quarter => month(date, 3),
                    _ => month(date, 12),
                }
            }
        }
    }

    /// Where the window of a bucket begins.
    fn window_start(&self, window: &'static str, bucket: i64) -> i64 {
        let key = (self.zone, self.granularity, window, bucket);
        remembered(key, || self.window_start_anew(window, bucket))
    }

    fn window_start_anew(&self, window: &str, bucket: i64) -> i64 {
        let (count, unit) = window.split_at(window.len() - 1);
        let count: u32 = count.parse().unwrap();
        let local = match unit {
            "m" => return self.next(bucket) - i64::from(count) * MINUTE,
            "h" => return self.next(bucket) - i64::from(count) * 60 * MINUTE,
            "d" => self.local_end(bucket) - Days::new(count.into()),
            "w" => self.local_end(bucket) - Days::new(u64::from(count) * 7),
            "M" => self.local_end(bucket) - Months::new(count),
            _ => self.local_end(bucket) - Months::new(count * 12),
        };
        first_at(self.zone, local)
    }

    /// The buckets whose rows show an event of a base bucket, of those from one on.
    fn shown_in(&self, base: i64, first: i64) -> Vec<i64> {
        let own = self.bucket(base);
        let Some(window) = self.window else { return vec![own] };
        let mut bucket = own.max(first);
        let mut shown = Vec::new();
        loop {
            let start = self.window_start(window, bucket);
            // A month before the last days of March is never later than that before the first.
            let is_back = window.ends_with(['M', 'y']);
            if start > base + if is_back { 7 * 1440 * MINUTE } else { 0 } {
                return shown;
            }
            if start <= base {
                shown.push(bucket);
            }
            bucket = self.next(bucket);
        }
    }

    /// What is counted in the range, by bucket and dimension values.
    fn count(&self, events: &[Seen]) -> Counted {
        let grain = self.grain();
        let (from, to) = self.edges();
        let mut counted: BTreeMap<Key, Sums> = BTreeMap::new();
        let mut total = Sums::default();
        let passes = |seen: &Seen| seen.counts && passes(self.filter, seen);
        let events = events.iter().enumerate().filter(|(_, seen)| passes(seen));
        let events = events.map(|(at, seen)| (seen.time.div_euclid(grain) * grain, at, seen));
        let events: Vec<(i64, usize, &Seen)> =
            events.filter(|(base, ..)| to.is_none_or(|to| *base < to)).collect();
        let key = |seen: &Seen| {
            let value = |name: &&str| match *name {
                "a" => seen.a.map(str::to_owned),
                _ => seen.b.map(|b| b.trim_matches('"').to_owned()),
            };
            self.group_by.iter().map(value).collect::<Vec<_>>()
        };
        let mut combinations: BTreeMap<Vec<Option<String>>, Sums> = BTreeMap::new();
        for (base, _, seen) in events.iter().filter(|(at, ..)| from.is_none_or(|from| *at >= from))
        {
            counted.entry((self.bucket(*base), key(seen))).or_default().add(seen);
            combinations.entry(key(seen)).or_default().add(seen);
            total.add(seen);
        }
        if self.granularity == Granularity::All && self.group_by.is_empty() {
            counted.entry((0, Vec::new())).or_default();
        }
        let first = from.or_else(|| counted.keys().map(|key| key.0).min());
        let last = counted.keys().map(|key| key.0).max();
        let last = to.or(last.map(|bucket| bucket + 1));
        let mut placed = Vec::new();
        let (mut shown, is_whole) = match self.window {
            Some(_) => (BTreeMap::new(), first.is_some() && last.is_some()),
            None => (counted, true),
        };
        for (base, at, seen) in events.iter().filter(|_| is_whole) {
            if self.window.is_none() && from.is_some_and(|from| *base < from) {
                continue;
            }
            let first = first.map_or(i64::MIN, |first| self.bucket(first));
            for bucket in self.shown_in(*base, first) {
                if self.window.is_none() || last.is_some_and(|last| bucket < last) {
                    placed.push(((bucket, key(seen)), *at));
                    if self.window.is_some() {
                        let sums: &mut Sums = shown.entry((bucket, key(seen))).or_default();
                        sums.add(seen);
                    }
                }
            }
        }
        Counted { shown, placed, total, combinations, range: (first, last) }
    }

    /// The rows before the page is cut, and those that `having` lets pass.
    fn rows(&self, counted: &Counted) -> (Vec<Row>, BTreeSet<Key>) {
        let mut groups = counted.shown.clone();
        groups.retain(|_, sums| holds(self.having, sums));
        let passed: BTreeSet<Key> = groups.keys().cloned().collect();
        if let Some(limit) = self.group_limit {
            let first = self.first_combinations(counted, &passed, limit);
            groups.retain(|(_, key), _| first.contains(key));
        }
        let mut rows: Vec<Row> = groups
            .into_iter()
            .map(|(key, sums)| (key, EXACT.map(|name| (name, sums.value(name))).into()))
            .collect();
        if let (Some(first), Some(last)) = counted.range
            && self.fill != "none"
            && self.granularity != Granularity::All
        {
            self.fill(&mut rows, &self.buckets(first, last));
        }
        rows.sort_by(|a, b| self.compare(a, b));
        (rows, passed)
    }

    /// The dimension values that come first over the whole range, of those with a row.
    fn first_combinations(
        &self,
        counted: &Counted,
        passed: &BTreeSet<Key>,
        limit: usize,
    ) -> BTreeSet<Vec<Option<String>>> {
        let ordered = self.order_by.iter().find(|(name, _)| EXACT.contains(name));
        let (name, down) = ordered.copied().unwrap_or((self.measures[0], true));
        let of = |key: &Vec<Option<String>>| {
            let sums = counted.combinations.get(key).cloned().unwrap_or_default();
            ((0, key.clone()), BTreeMap::from([(name, sums.value(name))]))
        };
        let keys: BTreeSet<_> = passed.iter().map(|(_, key)| key).collect();
        let mut ranked: Vec<Row> = keys.into_iter().map(of).collect();
        let by = Self { order_by: vec![(name, down)], ..self.clone() };
        ranked.sort_by(|a, b| by.compare(a, b));
        ranked.into_iter().take(limit).map(|((_, key), _)| key).collect()
    }

    /// The rows of `other` as text: by bucket what passed and is not in the page.
    fn others(
        &self,
        events: &[Seen],
        (counted, page, passed): (&Counted, &[Row], &BTreeSet<Key>),
        before: Option<&Before>,
    ) -> String {
        let shown: BTreeSet<&Key> = page.iter().map(|(key, _)| key).collect();
        let mut sums: BTreeMap<i64, Sums> = BTreeMap::new();
        for (key, at) in &counted.placed {
            if passed.contains(key) && !shown.contains(key) {
                sums.entry(key.0).or_default().add(&events[*at]);
            }
        }
        let mut compared: BTreeMap<i64, Sums> = BTreeMap::new();
        if let Some((own, starts, earlier)) = before {
            for ((bucket, key), at) in earlier.count(events).placed {
                let place = starts.iter().position(|start| *start == bucket);
                let Some(time) = place.and_then(|place| own.get(place)) else { continue };
                let here = (*time, key);
                let gone = !counted.shown.contains_key(&here);
                // All of the earlier bucket but what a row is compared with.
                if !shown.contains(&here) && (gone || passed.contains(&here)) {
                    compared.entry(*time).or_default().add(&events[at]);
                }
            }
        }
        let row = |(time, sums): (&i64, &Sums)| {
            let mut fields = self.sum_fields(Some(*time), sums);
            if let Some((own, starts, _)) = before {
                let place = own.iter().position(|start| start == time);
                let start = place.and_then(|place| starts.get(place));
                let mut inner = Vec::new();
                if self.granularity != Granularity::All {
                    let time = start.map_or(Value::Null, |start| json!(rfc(*start, self.zone)));
                    inner.push(format!("\"time\":{time}"));
                }
                for name in &self.measures {
                    let value = compared.get(time).and_then(|sums| sums.value(name));
                    inner.push(format!("\"{name}\":{}", self.shown(name, value)));
                }
                fields.push(format!("\"compare\":{{{}}}", inner.join(",")));
            }
            format!("{{{}}}", fields.join(","))
        };
        sums.iter().map(row).collect::<Vec<_>>().join(",")
    }

    fn sum_fields(&self, time: Option<i64>, sums: &Sums) -> Vec<String> {
        let time = time.filter(|_| self.granularity != Granularity::All);
        let time = time.map(|time| format!("\"time\":\"{}\"", rfc(time, self.zone)));
        let values = self
            .measures
            .iter()
            .map(|name| format!("\"{name}\":{}", self.shown(name, sums.value(name))));
        time.into_iter().chain(values).collect()
    }

    /// `totals` as text.
    fn totals(&self, events: &[Seen]) -> String {
        let mut fields = self.sum_fields(None, &self.count(events).total);
        if let Some(earlier) = self.earlier_asked() {
            let inner = earlier.sum_fields(None, &earlier.count(events).total);
            fields.push(format!("\"compare\":{{{}}}", inner.join(",")));
        }
        format!("{{{}}}", fields.join(","))
    }

    fn fill(&self, rows: &mut Vec<Row>, buckets: &[i64]) {
        let mut groups: BTreeSet<Vec<Option<String>>> =
            rows.iter().map(|((_, key), _)| key.clone()).collect();
        if self.group_by.is_empty() {
            groups.insert(Vec::new());
        }
        let zero = |name: &str| ["n", "s", "t", "big"].contains(&name) && self.fill == "zero";
        let known: BTreeMap<Key, _> = rows.iter().cloned().collect();
        let empty: BTreeMap<_, _> = EXACT.map(|name| (name, zero(name).then_some(0))).into();
        for group in groups {
            let mut before = empty.clone();
            for bucket in buckets {
                let key = (*bucket, group.clone());
                match known.get(&key) {
                    Some(values) => before.clone_from(values),
                    None if self.fill == "previous" => rows.push((key, before.clone())),
                    None => rows.push((key, empty.clone())),
                }
            }
        }
    }

    fn compare(&self, (a, x): &Row, (b, y): &Row) -> Ordering {
        fn last<T: Ord>(a: Option<T>, b: Option<T>, down: bool) -> Ordering {
            match (a, b) {
                (Some(a), Some(b)) if down => b.cmp(&a),
                (Some(a), Some(b)) => a.cmp(&b),
                (a, b) => b.is_some().cmp(&a.is_some()),
            }
        }
        let keys = self.order_by.iter().map(|(name, down)| {
            match self.group_by.iter().position(|known| known == name) {
                Some(at) => last(a.1[at].as_ref(), b.1[at].as_ref(), *down),
                None if *name == "time" => last(Some(a.0), Some(b.0), *down),
                None => last(x[name], y[name], *down),
            }
        });
        let ties = a.1.iter().zip(&b.1).map(|(a, b)| last(a.as_ref(), b.as_ref(), false));
        let mut all = keys.chain([a.0.cmp(&b.0)]).chain(ties);
        all.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    }

    fn page(&self, rows: Vec<Row>) -> Vec<Row> {
        let range = self.offset..self.offset + self.limit;
        let mut seen: BTreeMap<i64, usize> = BTreeMap::new();
        let cut = |(at, row): (usize, Row)| {
            let place = seen.entry(row.0.0).or_default();
            *place += 1;
            let at = if self.per_bucket { *place - 1 } else { at };
            range.contains(&at).then_some(row)
        };
        rows.into_iter().enumerate().filter_map(cut).collect()
    }

    fn shown(&self, name: &str, value: Option<i128>) -> String {
        match value {
            Some(time) if ["seen", "late"].contains(&name) => {
                format!("\"{}\"", rfc(time as i64, self.zone))
            }
            value => value.map_or("null".to_owned(), |units| shown(units, places(name))),
        }
    }

    fn write(&self, ((time, key), values): &Row, before: Option<&Earlier<'_>>) -> String {
        let mut fields = Vec::new();
        if self.granularity != Granularity::All {
            fields.push(format!("\"time\":\"{}\"", rfc(*time, self.zone)));
        }
        for (name, value) in self.group_by.iter().zip(key) {
            fields.push(format!("\"{name}\":{}", json!(value)));
        }
        for name in &self.measures {
            let value = self.shown(name, values[name]);
            fields.push(format!("\"{name}\":{value}"));
        }
        if let Some((own, starts, rows)) = before {
            let place = own.iter().position(|start| start == time);
            let start = place.and_then(|place| starts.get(place));
            let found = start.and_then(|start| rows.get(&(*start, key.clone())));
            let mut compared = Vec::new();
            if self.granularity != Granularity::All {
                let time = start.map_or(Value::Null, |start| json!(rfc(*start, self.zone)));
                compared.push(format!("\"time\":{time}"));
            }
            for name in &self.measures {
                let value = self.shown(name, found.and_then(|values| values[name]));
                compared.push(format!("\"{name}\":{value}"));
            }
            fields.push(format!("\"compare\":{{{}}}", compared.join(",")));
        }
        format!("{{{}}}", fields.join(","))
    }

    /// The earlier range by its edges.
    fn earlier(&self) -> Option<(i64, i64)> {
        let compare = self.compare?;
        let (from, to) = self.edges();
        let (from, mut to) = (from?, to?);
        let now = -((-NOW.0).div_euclid(self.grain()) * self.grain());
        let is_to_date =
            [CompareMode::PreviousQuarter, CompareMode::PreviousMonth, CompareMode::PreviousWeek];
        if is_to_date.contains(&compare) && from < now {
            to = to.min(now);
        }
        let local = |us: i64| {
            DateTime::from_timestamp_micros(us).unwrap().with_timezone(&self.zone).naive_local()
        };
        let (first, end) = (local(from), local(to));
        let midnight = |time: NaiveDateTime| time.time() == NaiveTime::MIN;
        let begins = |time: NaiveDateTime| midnight(time) && time.day() == 1;
        let whole_months = begins(first) && begins(end);
        let back = |time: NaiveDateTime, months: u32| time - Months::new(months);
        let months = |months: u32| {
            if whole_months {
                return (back(first, months), back(end, months));
            }
            // The last day of the range, and the same day of the earlier month.
            let last = (end - TimeDelta::microseconds(1)).date();
            let same = last - Months::new(months);
            let end = match same.day() == last.day() || first.date() == last {
                true => end - (last - same),
                false => (same + Days::new(1)).and_time(NaiveTime::MIN),
            };
            (back(first, months), end)
        };
        let (first, end) = match compare {
            CompareMode::PreviousYear => months(12),
            CompareMode::PreviousQuarter => months(3),
            CompareMode::PreviousMonth => months(1),
            CompareMode::PreviousWeek => (first - TimeDelta::days(7), end - TimeDelta::days(7)),
            CompareMode::PreviousPeriod if whole_months => {
                let month = |time: NaiveDateTime| time.year() * 12 + time.month0() as i32;
                (back(first, (month(end) - month(first)) as u32), first)
            }
            CompareMode::PreviousPeriod if midnight(first) && midnight(end) => {
                (first - (end - first), first)
            }
            CompareMode::PreviousPeriod => return Some((2 * from - to, from)),
        };
        let instant = |local| first_at(self.zone, local);
        let (first, end) = (instant(first), instant(end));
        let end = if end > first { end } else { first + (to - from) };
        let grain = self.grain();
        Some((first.div_euclid(grain) * grain, -((-end).div_euclid(grain) * grain)))
    }

    /// The question about the earlier range.
    fn earlier_asked(&self) -> Option<Self> {
        let (from, to) = self.earlier()?;
        Some(Self {
            from: Some(from),
            to: Some(to),
            having: "",
            order_by: Vec::new(),
            fill: "none",
            group_limit: None,
            compare: None,
            ..self.clone()
        })
    }

    /// What rows are compared with: the buckets of the earlier range, and what they count.
    fn before(&self) -> Option<Before> {
        let earlier = self.earlier_asked()?;
        let own = match self.edges() {
            (Some(from), Some(to)) => self.buckets(from, to),
            _ => Vec::new(),
        };
        let starts = earlier.buckets(earlier.from?, earlier.to?);
        Some((own, starts, earlier))
    }
}

/// What is counted in a range.
#[derive(Debug)]
struct Counted {
    /// What rows show.
    shown: BTreeMap<Key, Sums>,
    /// Events in the order in which they were accepted, with the rows that show them.
    placed: Vec<(Key, usize)>,
    total: Sums,
    /// By dimension values, all of the range.
    combinations: BTreeMap<Vec<Option<String>>, Sums>,
    /// From the first bucket or edge to the last.
    range: (Option<i64>, Option<i64>),
}

/// Starts of the range's buckets and of the earlier one's, and values by bucket and dimensions.
type Earlier<'a> = (&'a [i64], &'a [i64], BTreeMap<Key, BTreeMap<&'static str, Option<i128>>>);

/// Starts of the range's buckets and of the earlier one's, and the question about the latter.
type Before = (Vec<i64>, Vec<i64>, Asked);

/// What was computed for a zone, a granularity, a purpose and an instant: walking over minutes
/// takes long.
fn remembered(key: (Tz, Granularity, &'static str, i64), compute: impl FnOnce() -> i64) -> i64 {
    type Known = HashMap<(Tz, Granularity, &'static str, i64), i64>;
    thread_local! {
        static KNOWN: RefCell<Known> = RefCell::default();
    }
    if let Some(known) = KNOWN.with_borrow(|known| known.get(&key).copied()) {
        return known;
    }
    let value = compute();
    KNOWN.with_borrow_mut(|known| known.insert(key, value));
    value
}

/// The first instant whose local time is not before one.
fn first_at(zone: Tz, mut local: NaiveDateTime) -> i64 {
    loop {
        match zone.from_local_datetime(&local) {
            LocalResult::Single(time) | LocalResult::Ambiguous(time, _) => {
                return time.timestamp_micros();
            }
            LocalResult::None => local += TimeDelta::minutes(1),
        }
    }
}

fn rfc(us: i64, zone: Tz) -> String {
    let time = DateTime::from_timestamp_micros(us).unwrap().with_timezone(&zone);
    if time.offset().fix().local_minus_utc() % 60 != 0 {
        return time.to_utc().to_rfc3339_opts(SecondsFormat::AutoSi, true);
    }
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// The metric, which is compiled once for all cases.
fn compiled(base: &str) -> MetricVersion {
    static COMPILED: Mutex<BTreeMap<String, Arc<Metric>>> = Mutex::new(BTreeMap::new());
    let mut compiled = COMPILED.lock().unwrap();
    let definition = from_json(definition(base).as_bytes()).unwrap();
    let compile = || Arc::new(Metric::compile(&definition).unwrap());
    let compiled = Arc::clone(compiled.entry(base.to_owned()).or_insert_with(compile));
    version(definition, compiled)
}

/// The answer's text, or the code of the error.
async fn ask(
    base: &str,
    events: &[Seen],
    split: usize,
    query: &Query,
) -> Result<String, &'static str> {
    let all = events.iter().enumerate().map(|(at, seen)| event(at, seen)).collect();
    let world = World::new(compiled(base), all, split);
    let settings = ServingSettings { groups_max: 5_000, ..Default::default() };
    let serving = world.serving(settings);
    let answer = serving
        .answer(query)
        .await
        .map_err(|error| merganser_api::problem::Problem::from(error).code())?;
    let pieces = format::write(answer, AnswerFormat::Json, CsvTextStyle::default()).unwrap();
    let bytes: Vec<u8> = pieces.flat_map(|piece| piece.unwrap().to_vec()).collect();
    Ok(String::from_utf8(bytes).unwrap())
}

fn rows_of(text: &str) -> &str {
    let from = text.find("\"rows\":[").unwrap() + 8;
    let to = text.find("],\"total_rows\"").unwrap();
    &text[from..to]
}

/// What stands between one text and the first of others.
fn part_of<'a>(text: &'a str, from: &str, to: &[&str]) -> Option<&'a str> {
    let rest = &text[text.find(from)? + from.len()..];
    let end = to.iter().filter_map(|to| rest.find(to)).min()?;
    Some(&rest[..end])
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn answers_equal_a_naive_count_wherever_the_boundary_is(
        events in prop::collection::vec(seen(), 0..60),
        cuts in any::<[prop::sample::Index; 2]>(),
        asked in asked(),
    ) {
        let query = asked.query();
        let splits = cuts.map(|cut| cut.index(events.len() + 1));
        let mut texts = Vec::new();
        for split in [0, events.len()].into_iter().chain(splits) {
            match block_on(ask(asked.base, &events, split, &query)) {
                Ok(text) => texts.push(text),
                Err(code) => {
                    let known = [
                        "timezone_does_not_fit",
                        "granularity_too_fine",
                        "too_many_groups",
                        // A window that would start within a bucket.
                        "invalid_parameter",
                    ];
                    prop_assert!(known.contains(&code), "{code}");
                    prop_assert!(code != "timezone_does_not_fit" || asked.base != "minute");
                    let elapsed = asked.window.is_some_and(|window| window.ends_with(['m', 'h']));
                    prop_assert!(code != "invalid_parameter" || elapsed, "{query:?}");
                    prop_assert!(code != "invalid_parameter" || asked.zone != Tz::UTC);
                    return Ok(());
                }
            }
        }
        let counted = asked.count(&events);
        let (rows, passed) = asked.rows(&counted);
        let total = rows.len();
        let before = asked.before();
        let earlier = before.as_ref().map(|(own, starts, earlier)| {
            let rows = earlier.rows(&earlier.count(&events)).0;
            (&own[..], &starts[..], rows.into_iter().collect())
        });
        let page = asked.page(rows);
        let want: Vec<String> =
            page.iter().map(|row| asked.write(row, earlier.as_ref())).collect();
        let want = want.join(",");
        let totals = asked.totals.then(|| asked.totals(&events));
        let page = (&counted, &page[..], &passed);
        let other = asked.other.then(|| asked.others(&events, page, before.as_ref()));
        for text in &texts {
            prop_assert_eq!(rows_of(text), &want);
            prop_assert_eq!(part_of(text, ",\"totals\":", &[",\"other\":[", ",\"rows\":["]),
                totals.as_deref());
            prop_assert_eq!(part_of(text, ",\"other\":[", &["],\"rows\":["]), other.as_deref());
            let answer: Map<String, Value> = serde_json::from_str(text).unwrap();
            prop_assert_eq!(answer.get("window").and_then(Value::as_str), asked.window);
            prop_assert_eq!(&answer["total_rows"], total);
            prop_assert_eq!(&answer["provenance"]["complete"], true);
            prop_assert_eq!(&answer["provenance"]["partial_buckets"], &asked.partial());
            if let (Some(compare), Some((from, to))) = (asked.compare, asked.earlier()) {
                let named = &answer["compare"];
                prop_assert_eq!(&named["kind"], compare.name());
                prop_assert_eq!(&named["from"], &rfc(from, asked.zone));
                prop_assert_eq!(&named["to"], &rfc(to, asked.zone));
            }
            let first = want.starts_with("{\"time\"").then(|| asked.first(&events)).flatten();
            if let Some(first) = first {
                let widened = answer["provenance"].get("widened_buckets").is_some();
                prop_assert!(widened || first % asked.grain() == 0, "{first}");
            }
        }
    }

    #[test]
    fn estimates_keep_their_error_and_do_not_show_where_the_boundary_is(
        events in prop::collection::vec(seen(), 1..100),
        cut in any::<prop::sample::Index>(),
    ) {
        let query = json!({"metric": "m", "measures": "d,q,k", "group_by": "a"});
        let Value::Object(query) = query else { unreachable!() };
        let query = Query::from_json(query).unwrap();
        let mut texts = [0, cut.index(events.len()), events.len()]
            .map(|split| block_on(ask("minute", &events, split, &query)).unwrap());
        prop_assert_eq!(rows_of(&texts[0]), rows_of(&texts[1]));
        prop_assert_eq!(rows_of(&texts[0]), rows_of(&texts[2]));
        let mut groups: BTreeMap<Option<&str>, Sums> = BTreeMap::new();
        for seen in events.iter().filter(|seen| seen.counts) {
            groups.entry(seen.a).or_default().add(seen);
        }
        let answer: Value = serde_json::from_str(&std::mem::take(&mut texts[0])).unwrap();
        prop_assert_eq!(answer["rows"].as_array().unwrap().len(), groups.len());
        for row in answer["rows"].as_array().unwrap() {
            let sums = groups.get_mut(&row["a"].as_str()).unwrap();
            let distinct = row["d"].as_f64().unwrap();
            prop_assert!((distinct - sums.users.len() as f64).abs() <= 1.0);
            let kinds = row["k"].as_f64().unwrap();
            prop_assert!((kinds - sums.values.len() as f64).abs() <= 0.5);
            let values = &mut sums.nine.0;
            values.sort_unstable();
            match values.len() {
                0 => prop_assert!(row["q"].is_null()),
                count => {
                    // Any value between the two middle ones is a median.
                    let near = |at: usize| values[at] as f64 / 1e9;
                    let (low, high) = (near((count - 1) / 2), near(count / 2));
                    let value = row["q"].as_f64().unwrap();
                    let slack = 0.0101 * low.abs().max(high.abs()) + 1e-9;
                    prop_assert!((low - slack..=high + slack).contains(&value), "{value}");
                }
            }
        }
    }
}
