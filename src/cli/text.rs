//! Numbers and texts within what a command says.

use indicatif::HumanCount;

/// A number and what it counts: `1 event`, `2 events`, `1,000 events`.
pub(super) fn pluralize(count: u64, singular: &str) -> String {
    match count {
        1 => format!("1 {singular}"),
        _ => match singular.strip_suffix('y') {
            // Entries; days keep their y.
            Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => {
                format!("{} {stem}ies", HumanCount(count))
            }
            _ => format!("{} {singular}s", HumanCount(count)),
        },
    }
}

/// Events as the subject of what they have.
pub(super) fn events_have(count: u64) -> String {
    let verb = if count == 1 { "has" } else { "have" };
    format!("{} {verb}", pluralize(count, "event"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_not_many() {
        let events = [0, 1, 2, 1_000].map(|count| pluralize(count, "event"));
        assert_eq!(events, ["0 events", "1 event", "2 events", "1,000 events"]);
        assert_eq!([pluralize(2, "entry"), pluralize(2, "day")], ["2 entries", "2 days"]);
    }
}
