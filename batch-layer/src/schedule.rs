//! When runs are due: pure.
//!
//! Cron patterns of five fields in a time zone. Across a change to summer time a run that falls
//! into the hour that is left out starts at its end, and one in the hour that comes twice starts
//! once (croner's rules for patterns with a fixed hour).

pub(crate) mod timetable;

use std::str::FromStr;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds};
use merganser_api::schedule::{ScheduleDocument, utc};
use merganser_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::job::RunMode;

/// When runs start by themselves; an empty pattern never does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct Schedule {
    /// Cron pattern of incremental runs.
    pub incremental: String,
    /// Cron pattern of full runs.
    pub full: String,
    /// IANA name of the zone that the patterns are in.
    #[serde(default = "utc")]
    pub timezone: String,
}

impl From<ScheduleDocument> for Schedule {
    fn from(document: ScheduleDocument) -> Self {
        let ScheduleDocument { full, incremental, timezone, next: _ } = document;
        Self { incremental, full, timezone }
    }
}

impl From<Schedule> for ScheduleDocument {
    fn from(schedule: Schedule) -> Self {
        let Schedule { incremental, full, timezone } = schedule;
        Self { full, incremental, next: None, timezone }
    }
}

impl Default for Schedule {
    /// Incremental every five minutes, full at three in the night, UTC.
    fn default() -> Self {
        Self {
            incremental: "*/5 * * * *".to_owned(),
            full: "0 3 * * *".to_owned(),
            timezone: utc(),
        }
    }
}

/// A schedule that cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}`: {message}")]
pub struct ScheduleError {
    /// Which of its fields.
    pub field: &'static str,
    /// What is wrong with it.
    pub message: String,
}

/// A schedule whose patterns and zone were read.
#[derive(Clone, Debug)]
pub struct ParsedSchedule {
    incremental: Option<Cron>,
    full: Option<Cron>,
    zone: Tz,
}

impl Schedule {
    /// Reads the patterns and the zone.
    ///
    /// # Errors
    /// Names the field and what would be right.
    pub fn parse(&self) -> Result<ParsedSchedule, ScheduleError> {
        let zone = Tz::from_str(&self.timezone).map_err(|_| ScheduleError {
            field: "timezone",
            message: format!("`{}` is no IANA time zone, as `Europe/Berlin`", self.timezone),
        })?;
        let incremental = pattern("incremental", &self.incremental)?;
        let full = pattern("full", &self.full)?;
        Ok(ParsedSchedule { incremental, full, zone })
    }
}

fn pattern(field: &'static str, text: &str) -> Result<Option<Cron>, ScheduleError> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let parser = CronParser::builder().seconds(Seconds::Disallowed).build();
    parser.parse(text.trim()).map(Some).map_err(|error| ScheduleError {
        field,
        message: format!(
            "`{text}` is no cron pattern of five fields, as `*/5 * * * *` ({error}); an empty one \
             switches it off"
        ),
    })
}

impl ParsedSchedule {
    /// The first start of a mode after `now`, if there is one.
    #[must_use]
    pub fn next(&self, mode: RunMode, now: Timestamp) -> Option<Timestamp> {
        let now: DateTime<Utc> = now.to_utc()?;
        let cron = self.cron(mode)?;
        let next = cron.find_next_occurrence(&now.with_timezone(&self.zone), false).ok()?;
        Some(next.with_timezone(&Utc).into())
    }

    /// The last start of a mode at or before `now`, if there is one.
    #[must_use]
    pub fn last(&self, mode: RunMode, now: Timestamp) -> Option<Timestamp> {
        let now: DateTime<Utc> = now.to_utc()?;
        let cron = self.cron(mode)?;
        let last = cron.find_previous_occurrence(&now.with_timezone(&self.zone), true).ok()?;
        Some(last.with_timezone(&Utc).into())
    }

    fn cron(&self, mode: RunMode) -> Option<&Cron> {
        match mode {
            RunMode::Incremental => self.incremental.as_ref(),
            RunMode::Full => self.full.as_ref(),
        }
    }

    /// The next start of any mode after `now`.
    #[must_use]
    pub fn next_any(&self, now: Timestamp) -> Option<Timestamp> {
        let modes = [RunMode::Incremental, RunMode::Full].into_iter();
        modes.filter_map(|mode| self.next(mode, now)).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        DateTime::parse_from_rfc3339(text).unwrap().with_timezone(&Utc).into()
    }

    #[test]
    fn summer_time_leaves_no_night_out_and_doubles_none() {
        let schedule = Schedule {
            incremental: String::new(),
            full: "30 2 * * *".to_owned(),
            timezone: "Europe/Berlin".to_owned(),
        };
        let plan = schedule.parse().unwrap();
        let mut now = at("2026-03-27T12:00:00Z");
        let mut starts = Vec::new();
        while starts.len() < 3 {
            now = plan.next(RunMode::Full, now).unwrap();
            starts.push(now.to_string());
        }
        assert_eq!(
            starts,
            ["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]
        );
        let first = plan.next(RunMode::Full, at("2026-10-24T12:00:00Z")).unwrap();
        let second = plan.next(RunMode::Full, first).unwrap();
        assert!(second.0 - first.0 >= merganser_core::time::DAY_US, "{first} {second}");
    }

    #[test]
    fn bad_patterns_say_what_would_be_right() {
        let wrong = |incremental: &str, timezone: &str| {
            let schedule = Schedule {
                incremental: incremental.to_owned(),
                timezone: timezone.to_owned(),
                ..Schedule::default()
            };
            schedule.parse().unwrap_err().to_string()
        };
        assert!(wrong("every hour", "UTC").contains("*/5 * * * *"));
        assert!(wrong("* * * * * *", "UTC").contains("five fields"));
        assert!(wrong("", "Mars/Base").contains("Europe/Berlin"));
    }
}
