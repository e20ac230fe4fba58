//! Periods of the calendar by name: `2026-11`, `2026-W47`, `last_month`.

use chrono::{Datelike, Days, Months, NaiveDate, Weekday};

/// A period of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CalendarPeriod {
    /// A day.
    Day,
    /// Seven days from a Monday on.
    Week,
    /// A month.
    Month,
    /// Three months from January, April, July or October on.
    Quarter,
    /// A year.
    Year,
}

/// The current periods, those before and those after, by name.
const CURRENT: [(&str, CalendarPeriod, i8); 15] = [
    ("today", CalendarPeriod::Day, 0),
    ("yesterday", CalendarPeriod::Day, -1),
    ("tomorrow", CalendarPeriod::Day, 1),
    ("this_week", CalendarPeriod::Week, 0),
    ("last_week", CalendarPeriod::Week, -1),
    ("next_week", CalendarPeriod::Week, 1),
    ("this_month", CalendarPeriod::Month, 0),
    ("last_month", CalendarPeriod::Month, -1),
    ("next_month", CalendarPeriod::Month, 1),
    ("this_quarter", CalendarPeriod::Quarter, 0),
    ("last_quarter", CalendarPeriod::Quarter, -1),
    ("next_quarter", CalendarPeriod::Quarter, 1),
    ("this_year", CalendarPeriod::Year, 0),
    ("last_year", CalendarPeriod::Year, -1),
    ("next_year", CalendarPeriod::Year, 1),
];

/// Names of the periods around now.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    CURRENT.iter().map(|(name, ..)| *name)
}

/// The period that `today`, `last_month` and the like name.
pub(super) fn current(text: &str) -> Option<(CalendarPeriod, i8)> {
    let found = CURRENT.iter().find(|(name, ..)| *name == text);
    found.map(|(_, period, ahead)| (*period, *ahead))
}

/// The period that `2026-11-28`, `2026-11`, `2026-W47`, `2026-Q4` or `2026` names, and its first
/// day.
pub(super) fn named(text: &str) -> Option<(CalendarPeriod, NaiveDate)> {
    let (year, rest) = (text.get(..4)?, text.get(4..)?);
    if !year.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let year: i32 = year.parse().ok()?;
    let Some(rest) = rest.strip_prefix('-') else {
        return rest
            .is_empty()
            .then(|| first_of(year, 1).map(|date| (CalendarPeriod::Year, date)))?;
    };
    match rest.as_bytes().first()? {
        b'W' => {
            let week =
                NaiveDate::from_isoywd_opt(year, fixed_number(&rest[1..], 2)?, Weekday::Mon)?;
            Some((CalendarPeriod::Week, week))
        }
        b'Q' => {
            let quarter =
                fixed_number(&rest[1..], 1).filter(|quarter| (1..=4).contains(quarter))?;
            Some((CalendarPeriod::Quarter, first_of(year, quarter * 3 - 2)?))
        }
        _ => match rest.split_once('-') {
            None => Some((CalendarPeriod::Month, first_of(year, fixed_number(rest, 2)?)?)),
            Some((month, day)) => {
                let (month, day) = (fixed_number(month, 2)?, fixed_number(day, 2)?);
                Some((CalendarPeriod::Day, NaiveDate::from_ymd_opt(year, month, day)?))
            }
        },
    }
}

fn fixed_number(digits: &str, length: usize) -> Option<u32> {
    let is_number = digits.len() == length && digits.bytes().all(|b| b.is_ascii_digit());
    digits.parse::<u32>().ok().filter(|_| is_number)
}

fn first_of(year: i32, month: u32) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(year, month, 1)
}

impl CalendarPeriod {
    /// The first day of the period that a date lies in.
    pub(super) fn first(self, date: NaiveDate) -> NaiveDate {
        let first = match self {
            Self::Day => Some(date),
            Self::Week => {
                date.checked_sub_days(Days::new(date.weekday().num_days_from_monday().into()))
            }
            Self::Month => date.with_day(1),
            Self::Quarter => first_of(date.year(), date.month0() / 3 * 3 + 1),
            Self::Year => first_of(date.year(), 1),
        };
        first.unwrap_or(date)
    }

    /// The first day of the period so many after that which begins at `first`.
    pub(super) fn shift(self, first: NaiveDate, count: i32) -> Option<NaiveDate> {
        let days = |each: u64| {
            let days = Days::new(each * u64::from(count.unsigned_abs()));
            if count < 0 { first.checked_sub_days(days) } else { first.checked_add_days(days) }
        };
        let months = |each: u32| {
            let months = Months::new(each * count.unsigned_abs());
            if count < 0 {
                first.checked_sub_months(months)
            } else {
                first.checked_add_months(months)
            }
        };
        match self {
            Self::Day => days(1),
            Self::Week => days(7),
            Self::Month => months(1),
            Self::Quarter => months(3),
            Self::Year => months(12),
        }
    }

    /// The name of the period that begins on a date.
    pub(super) fn name_of(self, first: NaiveDate) -> String {
        match self {
            Self::Day => first.format("%Y-%m-%d").to_string(),
            Self::Week => first.format("%G-W%V").to_string(),
            Self::Month => first.format("%Y-%m").to_string(),
            Self::Quarter => format!("{:04}-Q{}", first.year(), first.month0() / 3 + 1),
            Self::Year => first.format("%Y").to_string(),
        }
    }

    /// The name of the period that so many after the current one is.
    pub(super) fn name_of_current(self, ahead: i8) -> String {
        let found = CURRENT.iter().find(|(_, period, at)| (*period, *at) == (self, ahead));
        found.map_or_else(String::new, |(name, ..)| (*name).to_owned())
    }
}
