//! Bodies of events, made from the sample file by writing ids and times into copies of its lines.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use flate2::read::GzDecoder;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::past::Past;

/// Which events are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    /// New ids, times around now, one in a hundred late by up to 30 days.
    Live,
    /// The file's events, replicated into the past: at the grain of a minute nearly every event is
    /// a group of its own, so that rolling up saves nothing.
    History,
}

const ID_DIGITS: usize = 16;
const TIME_DIGITS: usize = 14;
const LATE_MS: u64 = 30 * 86_400_000;

/// The lines of the file, with room for an id and a time in each.
pub(crate) struct Template {
    text: Vec<u8>,
    /// Where each line begins, and the end of the last.
    starts: Vec<usize>,
    times: Vec<i64>,
    past: Past,
}

/// `{"id":"`, the digits, `","time":`, the digits.
const ID_AT: usize = 7;
const TIME_AT: usize = ID_AT + ID_DIGITS + 9;

impl Template {
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let file = File::open(path).with_context(|| path.display().to_string())?;
        let (mut text, mut starts, mut times) = (Vec::new(), Vec::new(), Vec::new());
        for line in BufReader::new(GzDecoder::new(file)).lines() {
            let line = line?;
            let event: std::collections::BTreeMap<String, Box<RawValue>> =
                serde_json::from_str(&line)?;
            let field = |name: &str| event.get(name).context("a field is missing");
            let time: Value = serde_json::from_str(field("time")?.get())?;
            times.push(millis(time.as_str().context("a time is text")?)?);
            starts.push(text.len());
            let (id, time) = ("0".repeat(ID_DIGITS), "0".repeat(TIME_DIGITS - 1));
            text.extend_from_slice(
                format!(
                    "{{\"id\":\"{id}\",\"time\":-{time},\"event\":{},\"properties\":{}}}\n",
                    field("event")?.get(),
                    field("properties")?.get()
                )
                .as_bytes(),
            );
        }
        starts.push(text.len());
        let past = Past::of(&times);
        let past = past.with_context(|| format!("`{}` has no times to go back", path.display()))?;
        Ok(Self { text, starts, times, past })
    }

    pub(crate) fn len(&self) -> usize {
        self.times.len()
    }

    /// Writes the events numbered `[first, first + count)` of the load; `seed` sets ids apart.
    pub(crate) fn write(
        &self,
        body: &mut Vec<u8>,
        kind: Kind,
        seed: u32,
        first: u64,
        count: usize,
    ) {
        body.clear();
        let lines = self.len() as u64;
        let now = now_ms();
        let mut number = first;
        let mut left = count;
        while left > 0 {
            let line = (number % lines) as usize;
            let part = left.min(self.len() - line);
            let at = body.len();
            body.extend_from_slice(&self.text[self.starts[line]..self.starts[line + part]]);
            for row in line..line + part {
                let start = at + self.starts[row] - self.starts[line];
                digits(&mut body[start + ID_AT..][..ID_DIGITS], number + (u64::from(seed) << 40));
                let time = match kind {
                    Kind::Live => live_time(now, number),
                    Kind::History => self.times[row] - self.past.shift_ms(number / lines),
                };
                let place = &mut body[start + TIME_AT..][..TIME_DIGITS];
                time_digits(place, time);
                number += 1;
            }
            left -= part;
        }
    }
}

fn live_time(now: i64, number: u64) -> i64 {
    let mixed = mix(number);
    let late = if mixed.is_multiple_of(100) { (mixed >> 8) % LATE_MS } else { (mixed >> 8) % 2000 };
    now - late as i64
}

/// A sign or a space, then digits: JSON allows no leading zeros, so that spaces fill the left.
fn time_digits(place: &mut [u8], time: i64) {
    place.fill(b' ');
    let mut rest = time.unsigned_abs();
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if time < 0 {
        let first = place.iter().position(|byte| *byte != b' ').unwrap_or(1);
        place[first.saturating_sub(1)] = b'-';
    }
}

fn digits(place: &mut [u8], mut number: u64) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// splitmix64 (Steele, Lea, Flood 2014).
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[expect(clippy::disallowed_methods, reason = "load has the times of the machine's clock")]
fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

/// Milliseconds of `2013-01-01T10:15:00Z`. Days by Hinnant, "chrono-Compatible Low-Level Date
/// Algorithms", `days_from_civil`.
fn millis(text: &str) -> anyhow::Result<i64> {
    let part = |range: std::ops::Range<usize>| -> anyhow::Result<i64> {
        Ok(text.get(range).context("a time is cut off")?.parse()?)
    };
    let (year, month, day) = (part(0..4)?, part(5..7)?, part(8..10)?);
    let (hour, minute, second) = (part(11..13)?, part(14..16)?, part(17..19)?);
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    Ok((((days * 24 + hour) * 60 + minute) * 60 + second) * 1000)
}
