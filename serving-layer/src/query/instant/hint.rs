//! What is said of a text that is no edge of a range: what it looks like, and how that is written.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};
use merganser_core::text::{excerpt, nearest};

use super::period;

/// The whole message.
pub(super) fn for_text(text: &str) -> String {
    let hint = looks_like(text).unwrap_or_else(|| {
        "RFC 3339 with an offset (2013-01-31T12:00:00Z), a date (2013-01-31), a month, week, \
         quarter or year (2013-01, 2013-W05, 2013-Q1, 2013), a time relative to now (now, now-90m, \
         now-7d, now-1M), today, last_month and the like, or milliseconds since 1970 is right"
            .to_owned()
    });
    format!("`{}` is not a time; {hint}", excerpt(text))
}

fn looks_like(text: &str) -> Option<String> {
    number(text)
        .or_else(|| without_offset(text))
        .or_else(|| date(text))
        .or_else(|| relative(text))
        .or_else(|| named(text))
}

/// A number that is no time in milliseconds.
fn number(text: &str) -> Option<String> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    if digits.len() == 8
        && let Ok(date) = NaiveDate::parse_from_str(digits, "%Y%m%d")
    {
        return Some(format!("a date is written as {date}"));
    }
    Some(match digits.len() {
        ..=11 if digits.len() >= 9 => {
            format!("it looks like seconds since 1970; milliseconds are right, as {text}000")
        }
        16 => format!(
            "it looks like microseconds since 1970; milliseconds are right, as {}",
            &text[..text.len() - 3]
        ),
        19 => format!(
            "it looks like nanoseconds since 1970; milliseconds are right, as {}",
            &text[..text.len() - 6]
        ),
        _ => "a number is a year (2013) or milliseconds since 1970 (1359633600000)".to_owned(),
    })
}

/// A date and a time of day that do not say where.
fn without_offset(text: &str) -> Option<String> {
    let formats =
        ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];
    let time = formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    if let Some(time) = time {
        let shown = time.format("%Y-%m-%dT%H:%M:%S");
        let date = match time.time() == NaiveTime::MIN {
            true => format!("; the date alone, {}, is midnight in `timezone`", time.date()),
            false => String::new(),
        };
        return Some(format!(
            "it has no offset from UTC: {shown}Z is right for UTC, {shown}+01:00 (in a URL \
             %2B01:00) for an hour ahead of it{date}"
        ));
    }
    // With an offset, and yet not RFC 3339.
    let formats = [
        "%Y-%m-%dT%H:%M:%S%.f%#z",
        "%Y-%m-%d %H:%M:%S%.f%#z",
        "%Y-%m-%d %H:%M:%S%.f %#z",
        "%Y-%m-%dT%H:%M%#z",
    ];
    let zulu = text.strip_suffix(['Z', 'z']).map(|text| format!("{text}+00:00"));
    let text = zulu.as_deref().unwrap_or(text);
    let time = formats.iter().find_map(|format| DateTime::parse_from_str(text, format).ok())?;
    Some(format!("RFC 3339 is right: {}", time.to_rfc3339()))
}

/// A date in another order or with other signs between.
fn date(text: &str) -> Option<String> {
    let formats = ["%Y/%m/%d", "%Y.%m.%d", "%Y-%m-%d", "%d.%m.%Y"];
    if let Some(date) =
        formats.iter().find_map(|format| NaiveDate::parse_from_str(text, format).ok())
    {
        return Some(format!("a date is written as {date}"));
    }
    let parts: Vec<&str> = text.split(['/', '-', '.']).collect();
    let is_date = parts.len() == 3
        && parts.iter().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    if is_date {
        return Some("a date is year, month and day, as 2013-01-31".to_owned());
    }
    if let [year, part] = parts[..]
        && year.len() == 4
        && year.bytes().all(|b| b.is_ascii_digit())
    {
        let number = part.trim_start_matches(['W', 'w', 'Q', 'q', 'm', 'M']);
        let padded = match (part.chars().next()?, number.parse::<u8>().ok()?) {
            ('W' | 'w', week) => format!("{year}-W{week:02}"),
            ('Q' | 'q', quarter) => format!("{year}-Q{quarter}"),
            (_, month) => format!("{year}-{month:02}"),
        };
        return Some(match period::named(&padded) {
            Some(_) => format!("`{padded}` is right"),
            None => "there is no such month, week or quarter".to_owned(),
        });
    }
    None
}

/// Before now, in other words; and Grafana's roundings.
fn relative(text: &str) -> Option<String> {
    let lower: String = text.chars().filter(|c| !c.is_whitespace() && *c != '_').collect();
    let rounded = match &*lower {
        "now/d" => Some("today"),
        "now-1d/d" => Some("yesterday"),
        "now/w" => Some("this_week"),
        "now-1w/w" => Some("last_week"),
        "now/M" => Some("this_month"),
        "now-1M/M" => Some("last_month"),
        "now/Q" | "now/fQ" => Some("this_quarter"),
        "now-1Q/Q" | "now-1Q/fQ" => Some("last_quarter"),
        "now/y" => Some("this_year"),
        "now-1y/y" => Some("last_year"),
        _ => None,
    };
    if let Some(name) = rounded {
        return Some(format!("`{name}` is right for the beginning of that period"));
    }
    let lower = if lower == lower.to_uppercase() { lower } else { keep_month(&lower) };
    let rest = lower.strip_prefix("now").unwrap_or(&lower);
    if rest.starts_with('+') && lower.starts_with("now") {
        return Some(
            "only times before now can be relative to it, as now-7d; for what is ahead, \
                     `tomorrow`, `next_month` or a date is right"
                .to_owned(),
        );
    }
    let rest = ["last", "past", "previous"]
        .iter()
        .find_map(|word| rest.strip_prefix(word))
        .unwrap_or(rest);
    let rest = rest.trim_start_matches(['-', ':']);
    let rest = rest.strip_suffix("ago").unwrap_or(rest);
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (count, unit) = rest.split_at(digits);
    let unit = unit_of(unit.trim_matches('-'))?;
    if count.is_empty() && !lower.starts_with("now") {
        return None;
    }
    let ago = format!("-{}{unit}", if count.is_empty() { "1" } else { count });
    match (unit, super::ago(&ago)) {
        ("s", _) => Some("minutes are the finest, as now-1m".to_owned()),
        (_, Some(_)) => Some(format!("`now{ago}` is right")),
        (_, None) => Some("it lies further back than events can".to_owned()),
    }
}

/// Lower case, but for an `M`, which is a month where `m` is a minute.
fn keep_month(text: &str) -> String {
    let ends = text.ends_with('M') && text.chars().rev().nth(1).is_some_and(|c| c.is_ascii_digit());
    let mut lower = text.to_lowercase();
    if ends {
        lower.pop();
        lower.push('M');
    }
    lower
}

/// The letter of a unit in other spellings.
fn unit_of(text: &str) -> Option<&'static str> {
    Some(match text {
        "m" | "min" | "mins" | "minute" | "minutes" => "m",
        "h" | "H" | "hr" | "hrs" | "hour" | "hours" => "h",
        "d" | "D" | "day" | "days" => "d",
        "w" | "W" | "wk" | "week" | "weeks" => "w",
        "M" | "mo" | "mon" | "month" | "months" => "M",
        "y" | "Y" | "yr" | "year" | "years" => "y",
        "s" | "S" | "sec" | "second" | "seconds" => "s",
        _ => return None,
    })
}

/// A period around now in other words.
fn named(text: &str) -> Option<String> {
    let word = text.to_lowercase().replace([' ', '-'], "_");
    let word = word.replacen("current_", "this_", 1).replacen("previous_", "last_", 1);
    let known = period::names().chain(["now"]);
    nearest(&excerpt(&word), known).map(|near| format!("did you mean `{near}`?"))
}
