//! Granularities by name, in other spellings, and what is said of words that are none.

use merganser_api::error_code::ErrorCode;
use merganser_core::text::{excerpt, suggestion};

use super::QueryError;
use crate::calendar::{DayPart, Granularity};

/// Other spellings that mean exactly the same, besides those of minutes and hours.
pub const SPELLINGS: [(&str, Granularity); 4] = [
    ("1d", Granularity::Day),
    ("1w", Granularity::Week),
    ("1M", Granularity::Month),
    ("1y", Granularity::Year),
];

/// Minutes of a day.
const DAY_MINUTES: u32 = 24 * 60;

/// Words that mean something else or nothing exactly, and what may be meant.
const MEANT: [(&str, &[&str]); 16] = [
    ("all", &["none", "total", "overall", "sum", "null"]),
    ("minute", &["minutes", "minutely", "min", "mins", "1min", "pt1m", "60s", "1minute", "t"]),
    ("5m", &["5min", "5mins", "5minutes", "5minute", "pt5m", "300s", "five_minutes"]),
    ("15m", &["15min", "15mins", "15minutes", "15minute", "pt15m", "900s", "quarter_hour"]),
    ("hour", &["hours", "hourly", "hr", "h", "1hour", "60min", "pt1h", "3600s", "60minutes"]),
    ("day", &["days", "daily", "d", "1day", "p1d", "86400s", "date", "dayly"]),
    ("week", &["weeks", "weekly", "w", "7d", "168h", "1week", "p1w", "p7d", "isoweek", "wk"]),
    ("month", &["months", "monthly", "mon", "mo", "30d", "31d", "1month", "p1m", "4w", "1mo"]),
    ("quarter", &["3M", "quarters", "quarterly", "q", "1q", "3mo", "3months", "p3m", "90d", "qtr"]),
    (
        "year",
        &["years", "yearly", "12M", "annual", "annually", "y", "12mo", "p1y", "365d", "1year"],
    ),
    ("minute", &["1s", "s", "second", "seconds", "sec", "secondly", "10s", "30s"]),
    ("10m", &["10min"]),
    ("30m", &["30min", "half_hour"]),
    ("day", &["48h", "2d", "3d", "4d", "5d", "half_day"]),
    ("week", &["10d", "14d", "2w", "fortnight"]),
    ("month", &["60d", "28d", "2mo"]),
];

/// The granularity of a name.
pub(super) fn granularity(text: Option<String>) -> Result<Granularity, QueryError> {
    let Some(text) = text else { return Ok(Granularity::default()) };
    let names = Granularity::EACH.map(|granularity| (granularity.name(), granularity));
    let mut known = names.iter().chain(&SPELLINGS);
    let known = known.find(|(name, _)| *name == text).map(|(_, granularity)| *granularity);
    let length = minutes(&text);
    if let Some(granularity) = known.or_else(|| part(length?)) {
        return Ok(granularity);
    }
    let lower = text.trim().to_lowercase().replace([' ', '-'], "_");
    let meant = MEANT
        .iter()
        .find(|(_, words)| words.contains(&text.trim()) || words.contains(&&*lower))
        .map(|(name, _)| *name);
    let own = names.iter().find(|(name, _)| *name == lower).map(|(name, _)| *name);
    let hint = match own.or(meant).or_else(|| length.and_then(nearest_part)) {
        Some(name) => format!("; did you mean `{name}`?"),
        None => suggestion(&excerpt(&text), names.iter().map(|(name, _)| *name)),
    };
    let known = match hint.contains("known:") {
        true => String::new(),
        false => {
            let names: Vec<String> = names.iter().map(|(name, _)| format!("`{name}`")).collect();
            format!(" Known: {}", names.join(", "))
        }
    };
    let detail = format!(
        "`granularity` is `{}`{hint}{known}, and minutes or hours that divide a day, as `10m` or \
         `6h`",
        excerpt(&text)
    );
    Err(QueryError::new(ErrorCode::UnknownGranularity, "granularity", detail))
}

/// The minutes of a number of minutes or hours.
fn minutes(text: &str) -> Option<u32> {
    let (digits, each) = match text.strip_suffix('m') {
        Some(digits) => (digits, 1),
        None => (text.strip_suffix('h')?, 60),
    };
    let is_plain = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
    digits.parse::<u32>().ok().filter(|_| is_plain)?.checked_mul(each)
}

/// The granularity of so many minutes.
fn part(minutes: u32) -> Option<Granularity> {
    match minutes {
        DAY_MINUTES => Some(Granularity::Day),
        _ => DayPart::of_minutes(minutes).map(Granularity::Part),
    }
}

/// The part of a day that a number of minutes is nearest to.
fn nearest_part(minutes: u32) -> Option<&'static str> {
    let parts = DayPart::EACH.into_iter().map(Granularity::Part).chain([Granularity::Day]);
    let length = |part: &Granularity| u32::try_from(part.length()? / 60_000_000).ok();
    parts.min_by_key(|part| length(part).map(|own| own.abs_diff(minutes))).map(Granularity::name)
}
