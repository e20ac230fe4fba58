//! What the flights add up to, counted naively from the file.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use serde::Deserialize;

/// A departure.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Flight {
    pub(crate) time: String,
    pub(crate) properties: Properties,
}

/// What is known of it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Properties {
    pub(crate) carrier: String,
    pub(crate) origin: String,
    pub(crate) dest: String,
    distance: Option<i64>,
    tailnum: Option<String>,
    dep_delay: Option<i64>,
}

/// The lines of the sample file.
pub(crate) fn january() -> Vec<String> {
    let file = include_bytes!("../data/flights-2013-01.ndjson.gz");
    let mut text = String::new();
    flate2::read::GzDecoder::new(&file[..]).read_to_string(&mut text).unwrap();
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 27_004);
    lines
}

/// Reads lines as flights.
pub(crate) fn flights(lines: &[String]) -> Vec<Flight> {
    lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

impl Flight {
    /// Hours since the year began, as UTC counts them. All times are of 2013-01-01 to 2013-02-01.
    pub(crate) fn hour(&self) -> i64 {
        let digits = |from: usize| self.time[from..from + 2].parse::<i64>().unwrap();
        let day_of_year = digits(8) - 1 + if &self.time[5..7] == "02" { 31 } else { 0 };
        day_of_year * 24 + digits(11)
    }

    /// Its day in New York, which is five hours behind all winter: 0 is 2013-01-01.
    pub(crate) fn day_in_new_york(&self) -> i64 {
        (self.hour() - 5).div_euclid(24)
    }
}

/// What a group of flights comes to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sums {
    pub(crate) departures: i64,
    pub(crate) total_delay: Option<i64>,
    delays: i64,
    pub(crate) worst: Option<i64>,
    pub(crate) best: Option<i64>,
    pub(crate) miles: Option<i64>,
    pub(crate) late: i64,
    aircraft: BTreeSet<String>,
}

impl Sums {
    fn add(&mut self, flight: &Flight) {
        let Properties { distance, tailnum, dep_delay, .. } = &flight.properties;
        self.departures += 1;
        if let Some(delay) = dep_delay {
            self.delays += 1;
            self.total_delay = Some(self.total_delay.unwrap_or(0) + delay);
            self.worst = Some(self.worst.map_or(*delay, |worst| worst.max(*delay)));
            self.best = Some(self.best.map_or(*delay, |best| best.min(*delay)));
            self.late += i64::from(*delay > 15);
        }
        if let Some(distance) = distance {
            self.miles = Some(self.miles.unwrap_or(0) + distance);
        }
        self.aircraft.extend(tailnum.clone());
    }

    /// Billionths of the mean delay, rounded half to even.
    pub(crate) fn mean_delay_e9(&self) -> Option<i128> {
        Some(half_even(i128::from(self.total_delay?) * 1_000_000_000, i128::from(self.delays)))
    }

    /// Billionths of the share of late departures.
    pub(crate) fn late_share_e9(&self) -> i128 {
        half_even(i128::from(self.late) * 1_000_000_000, i128::from(self.departures))
    }

    /// Different aircraft.
    pub(crate) fn aircraft(&self) -> usize {
        self.aircraft.len()
    }
}

fn half_even(numerator: i128, denominator: i128) -> i128 {
    let (floor, rest) = (numerator.div_euclid(denominator), numerator.rem_euclid(denominator));
    match (rest * 2).cmp(&denominator) {
        std::cmp::Ordering::Less => floor,
        std::cmp::Ordering::Greater => floor + 1,
        std::cmp::Ordering::Equal => floor + floor.rem_euclid(2),
    }
}

/// Flights by a key.
pub(crate) fn by<K: Ord>(flights: &[Flight], key: impl Fn(&Flight) -> K) -> BTreeMap<K, Sums> {
    let mut groups: BTreeMap<K, Sums> = BTreeMap::new();
    for flight in flights {
        groups.entry(key(flight)).or_default().add(flight);
    }
    groups
}
