//! Granularities by name, in other spellings, and what is said of words that are none.

use merganser_api::error_code::ErrorCode;
use merganser_core::text::{excerpt, suggestion};

use super::QueryError;
use crate::calendar::Granularity;

/// Other spellings that mean exactly the same.
pub const SPELLINGS: [(&str, Granularity); 7] = [
    ("1m", Granularity::Minute),
    ("60m", Granularity::Hour),
    ("1h", Granularity::Hour),
    ("1d", Granularity::Day),
    ("1w", Granularity::Week),
    ("1M", Granularity::Month),
    ("1y", Granularity::Year),
];

/// Words that mean something else or nothing exactly, and what may be meant.
const MEANT: [(&str, &[&str]); 16] = [
    ("all", &["none", "total", "overall", "sum", "null"]),
    ("minute", &["minutes", "minutely", "min", "mins", "1min", "pt1m", "60s", "1minute", "t"]),
    ("5m", &["5min", "5mins", "5minutes", "5minute", "pt5m", "300s", "five_minutes"]),
    ("15m", &["15min", "15mins", "15minutes", "15minute", "pt15m", "900s", "quarter_hour"]),
    ("hour", &["hours", "hourly", "hr", "h", "1hour", "60min", "pt1h", "3600s", "60minutes"]),
    ("day", &["days", "daily", "d", "24h", "1440m", "1day", "p1d", "86400s", "date", "dayly"]),
    ("week", &["weeks", "weekly", "w", "7d", "168h", "1week", "p1w", "p7d", "isoweek", "wk"]),
    ("month", &["months", "monthly", "mon", "mo", "30d", "31d", "1month", "p1m", "4w", "1mo"]),
    ("quarter", &["3M", "quarters", "quarterly", "q", "1q", "3mo", "3months", "p3m", "90d", "qtr"]),
    (
        "year",
        &["years", "yearly", "12M", "annual", "annually", "y", "12mo", "p1y", "365d", "1year"],
    ),
    ("5m", &["1s", "s", "second", "seconds", "sec", "secondly", "2m", "3m", "4m", "10s", "30s"]),
    ("15m", &["10m", "12m", "20m", "10min", "20min"]),
    ("hour", &["30m", "30min", "45m", "half_hour", "90m", "2h", "3h", "4h"]),
    ("day", &["6h", "8h", "12h", "48h", "2d", "3d", "4d", "5d"]),
    ("week", &["10d", "14d", "2w", "fortnight"]),
    ("month", &["60d", "28d", "2mo"]),
];

/// The granularity of a name.
pub(super) fn granularity(text: Option<String>) -> Result<Granularity, QueryError> {
    let Some(text) = text else { return Ok(Granularity::default()) };
    let names = Granularity::EACH.map(|granularity| (granularity.name(), granularity));
    let mut known = names.iter().chain(&SPELLINGS);
    known.find(|(name, _)| *name == text).map(|(_, granularity)| *granularity).ok_or_else(|| {
        let lower = text.trim().to_lowercase().replace([' ', '-'], "_");
        let meant = MEANT
            .iter()
            .find(|(_, words)| words.contains(&text.trim()) || words.contains(&&*lower));
        let own = names.iter().find(|(name, _)| *name == lower).map(|(name, _)| *name);
        let hint = match own.or(meant.map(|(name, _)| *name)) {
            Some(name) => format!("; did you mean `{name}`?"),
            None => suggestion(&excerpt(&text), names.iter().map(|(name, _)| *name)),
        };
        let known = match hint.contains("known:") {
            true => String::new(),
            false => {
                let names: Vec<String> =
                    names.iter().map(|(name, _)| format!("`{name}`")).collect();
                format!(" Known: {}", names.join(", "))
            }
        };
        let detail = format!("`granularity` is `{}`{hint}{known}", excerpt(&text));
        QueryError::new(ErrorCode::UnknownGranularity, "granularity", detail)
    })
}
