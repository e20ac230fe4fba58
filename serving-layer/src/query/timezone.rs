//! Time zones by name, and what is said of names that are none.

use chrono_tz::{TZ_VARIANTS, Tz};
use merganser_api::error_code::ErrorCode;
use merganser_core::text::{excerpt, nearest};

use super::QueryError;

/// Abbreviations, and the places whose clocks they are said of. One can be said of several, and of
/// none all year; so none is taken for a zone.
const ABBREVIATIONS: [(&str, &[&str]); 45] = [
    ("ACDT", &["Australia/Adelaide"]),
    ("ACST", &["Australia/Adelaide", "Australia/Darwin"]),
    ("ADT", &["America/Halifax"]),
    ("AEDT", &["Australia/Sydney"]),
    ("AEST", &["Australia/Sydney", "Australia/Brisbane"]),
    ("AKDT", &["America/Anchorage"]),
    ("AKST", &["America/Anchorage"]),
    ("ART", &["America/Argentina/Buenos_Aires"]),
    ("AST", &["America/Halifax", "America/Puerto_Rico", "Asia/Riyadh"]),
    ("AWST", &["Australia/Perth"]),
    ("BRT", &["America/Sao_Paulo"]),
    ("BST", &["Europe/London", "Asia/Dhaka"]),
    ("CAT", &["Africa/Maputo", "Africa/Harare"]),
    ("CDT", &["America/Chicago", "America/Havana"]),
    ("CEST", &["Europe/Berlin", "Europe/Paris", "Europe/Madrid"]),
    ("CLT", &["America/Santiago"]),
    ("COT", &["America/Bogota"]),
    ("CST", &["America/Chicago", "America/Mexico_City", "Asia/Shanghai"]),
    ("EAT", &["Africa/Nairobi"]),
    ("EDT", &["America/New_York", "America/Toronto"]),
    ("EEST", &["Europe/Athens", "Europe/Kyiv", "Europe/Helsinki"]),
    ("GST", &["Asia/Dubai"]),
    ("HKT", &["Asia/Hong_Kong"]),
    ("ICT", &["Asia/Bangkok", "Asia/Ho_Chi_Minh"]),
    ("IDT", &["Asia/Jerusalem"]),
    ("IST", &["Asia/Kolkata", "Europe/Dublin", "Asia/Jerusalem"]),
    ("JST", &["Asia/Tokyo"]),
    ("KST", &["Asia/Seoul"]),
    ("MDT", &["America/Denver"]),
    ("MSK", &["Europe/Moscow"]),
    ("NDT", &["America/St_Johns"]),
    ("NPT", &["Asia/Kathmandu"]),
    ("NST", &["America/St_Johns"]),
    ("NZDT", &["Pacific/Auckland"]),
    ("NZST", &["Pacific/Auckland"]),
    ("PDT", &["America/Los_Angeles", "America/Vancouver"]),
    ("PHT", &["Asia/Manila"]),
    ("PKT", &["Asia/Karachi"]),
    ("PST", &["America/Los_Angeles", "America/Vancouver", "Asia/Manila"]),
    ("SAST", &["Africa/Johannesburg"]),
    ("SGT", &["Asia/Singapore"]),
    ("TRT", &["Europe/Istanbul"]),
    ("WAT", &["Africa/Lagos"]),
    ("WEST", &["Europe/Lisbon"]),
    ("WIB", &["Asia/Jakarta"]),
];

/// Places whose offset is no whole hour, which no zone of `Etc/` has: minutes ahead of UTC.
const PARTS_OF_HOURS: [(i32, &str); 12] = [
    (-210, "America/St_Johns"),
    (-570, "Pacific/Marquesas"),
    (210, "Asia/Tehran"),
    (270, "Asia/Kabul"),
    (330, "Asia/Kolkata"),
    (345, "Asia/Kathmandu"),
    (390, "Asia/Yangon"),
    (525, "Australia/Eucla"),
    (570, "Australia/Darwin"),
    (630, "Australia/Lord_Howe"),
    (765, "Pacific/Chatham"),
    (825, "Pacific/Chatham"),
];

/// The zone of a name, UTC without one.
pub(super) fn zone(name: Option<String>) -> Result<Tz, QueryError> {
    let Some(name) = name else { return Ok(Tz::UTC) };
    name.parse().map_err(|_| {
        let hint = abbreviation(name.trim())
            .or_else(|| offset(name.trim()))
            .or_else(|| near(name.trim()))
            .unwrap_or_else(|| "an IANA name as `Europe/Berlin` is right".to_owned());
        let detail = format!("there is no time zone `{}`; {hint}", excerpt(&name));
        QueryError::new(ErrorCode::UnknownTimezone, "timezone", detail)
    })
}

fn abbreviation(name: &str) -> Option<String> {
    let upper = name.to_ascii_uppercase();
    let (_, places) = ABBREVIATIONS.iter().find(|(known, _)| *known == upper)?;
    let places: Vec<String> = places.iter().map(|place| format!("`{place}`")).collect();
    Some(format!(
        "an abbreviation does not say where, nor when clocks change; an IANA name is right, as {}",
        places.join(" or ")
    ))
}

/// `UTC+2`, `+05:30` and the like.
fn offset(name: &str) -> Option<String> {
    let upper = name.to_ascii_uppercase();
    let rest = upper.strip_prefix("UTC").or_else(|| upper.strip_prefix("GMT")).unwrap_or(&upper);
    // A `+` that was not escaped in a query string arrives as a space, and is trimmed.
    let (sign, digits) = match rest.trim().split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-" | "−", digits) => (-1, digits),
        _ if rest.len() < upper.len() || rest.contains(':') => (1, rest.trim()),
        _ => return None,
    };
    let (hours, minutes) = match digits.split_once(':') {
        Some(parts) => parts,
        None if digits.len() > 2 => digits.split_at_checked(digits.len() - 2)?,
        None => (digits, "0"),
    };
    let (hours, minutes) =
        (whole_number(hours)?, whole_number(minutes).filter(|minutes| *minutes < 60)?);
    let ahead = sign * (hours * 60 + minutes);
    if ahead == 0 {
        return Some("`UTC` is right".to_owned());
    }
    let place = "a place's IANA name, as `Europe/Berlin`, follows its clock all year";
    let part = PARTS_OF_HOURS.iter().find(|(known, _)| *known == ahead);
    if let Some((_, name)) = part {
        return Some(format!("{place}; `{name}` has that offset for a part of the year at least"));
    }
    // These names have the sign of POSIX: hours that UTC is ahead.
    let fixed = format!("Etc/GMT{:+}", -sign * hours);
    Some(match fixed.parse::<Tz>() {
        Ok(_) if minutes == 0 => {
            format!("{place}; `{fixed}` (its sign is the other way round) has that offset always")
        }
        _ => format!("{place}; none has that offset"),
    })
}

fn whole_number(digits: &str) -> Option<i32> {
    let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    digits.parse::<i32>().ok().filter(|_| is_number)
}

/// A place without its continent, other case, blanks, or a slip.
fn near(name: &str) -> Option<String> {
    let plain = name.replace(' ', "_");
    let known = || TZ_VARIANTS.iter().map(|zone| zone.name());
    let same = known().find(|zone| zone.eq_ignore_ascii_case(&plain));
    let city =
        |zone: &&str| zone.rsplit('/').next().is_some_and(|c| c.eq_ignore_ascii_case(&plain));
    // Of a place's names that with a continent is the one in use.
    let places = || known().filter(|zone| zone.contains('/') && !zone.starts_with("Etc/"));
    let found = same.or_else(|| places().find(city)).or_else(|| nearest(&excerpt(&plain), known()));
    found.map(|zone| format!("did you mean `{zone}`?"))
}
