//! Parts of a day that buckets can have: every whole number of minutes that divides one.
//!
//! Each has one name, so that equal questions are equal however they are spelled: `90m`, and whole
//! hours as `6h`.

use merganser_core::time::MINUTE_US;

/// A number of minutes that divides a day and is less than one, with its name in queries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DayPart(pub(super) u16, pub(super) &'static str);

impl DayPart {
    /// All of them, from fine to coarse.
    pub const EACH: [Self; 35] = [
        Self(1, "minute"),
        Self(2, "2m"),
        Self(3, "3m"),
        Self(4, "4m"),
        Self(5, "5m"),
        Self(6, "6m"),
        Self(8, "8m"),
        Self(9, "9m"),
        Self(10, "10m"),
        Self(12, "12m"),
        Self(15, "15m"),
        Self(16, "16m"),
        Self(18, "18m"),
        Self(20, "20m"),
        Self(24, "24m"),
        Self(30, "30m"),
        Self(32, "32m"),
        Self(36, "36m"),
        Self(40, "40m"),
        Self(45, "45m"),
        Self(48, "48m"),
        Self(60, "hour"),
        Self(72, "72m"),
        Self(80, "80m"),
        Self(90, "90m"),
        Self(96, "96m"),
        Self(120, "2h"),
        Self(144, "144m"),
        Self(160, "160m"),
        Self(180, "3h"),
        Self(240, "4h"),
        Self(288, "288m"),
        Self(360, "6h"),
        Self(480, "8h"),
        Self(720, "12h"),
    ];

    /// That of so many minutes.
    #[must_use]
    pub fn of_minutes(minutes: u32) -> Option<Self> {
        Self::EACH.into_iter().find(|part| u32::from(part.0) == minutes)
    }

    /// Its name in queries.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.1
    }

    /// Its length.
    pub(super) const fn length(self) -> i64 {
        self.0 as i64 * MINUTE_US
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_the_minutes_that_divide_a_day() {
        let minutes: Vec<u16> = DayPart::EACH.iter().map(|part| part.0).collect();
        assert_eq!(minutes, (1..1_440).filter(|n| 1_440 % n == 0).collect::<Vec<_>>());
        for DayPart(minutes, name) in DayPart::EACH {
            let own = match (minutes, minutes % 60) {
                (1, _) => "minute".to_owned(),
                (60, _) => "hour".to_owned(),
                (_, 0) => format!("{}h", minutes / 60),
                _ => format!("{minutes}m"),
            };
            assert_eq!(name, own);
        }
    }
}
