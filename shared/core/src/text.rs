//! Texts of messages: how much of a client's text they show, and what an unknown name may have
//! meant.

use std::borrow::Cow;

/// Characters of a client's text that a message shows.
const SHOWN_CHARS: usize = 80;

/// The beginning of a text that a client sent, short enough for a message.
#[must_use]
pub fn clipped(text: &str) -> &str {
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => text.get(..end).unwrap_or(text),
        None => text,
    }
}

/// [`clipped`], with `…` where the text goes on.
#[must_use]
pub fn excerpt(text: &str) -> Cow<'_, str> {
    let start = clipped(text);
    match start.len() == text.len() {
        true => Cow::Borrowed(text),
        false => Cow::Owned(format!("{start}…")),
    }
}

/// The nearest of `names` to `given` for a "did you mean", if one is near enough. Names that differ
/// only in case are the nearest.
#[must_use]
pub fn nearest<'a>(given: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let distance = strsim::damerau_levenshtein;
    let lower = given.to_lowercase();
    names
        .into_iter()
        .map(|name| (distance(&lower, &name.to_lowercase()), distance(given, name), name))
        .min()
        .filter(|(near, _, name)| *near <= 1.max(name.chars().count() / 3))
        .map(|(.., name)| name)
}

/// ` (did you mean `x`?)` or ` (known: `a`, `b`)`, to end a message about an unknown name.
#[must_use]
pub fn suggestion<'a>(given: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    match nearest(given, names.iter().copied()) {
        Some(name) => format!("; did you mean `{name}`?"),
        None if names.is_empty() => "; there are none".to_owned(),
        None => {
            let mut known = names.iter().take(20).map(|n| format!("`{n}`")).collect::<Vec<_>>();
            if names.len() > 20 {
                known.push("…".to_owned());
            }
            format!("; known: {}", known.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clipped_text_ends_between_two_characters() {
        let text = |count| "ü".repeat(count);
        assert_eq!(clipped(&text(SHOWN_CHARS)), text(SHOWN_CHARS));
        assert_eq!(clipped(&text(SHOWN_CHARS + 1)), text(SHOWN_CHARS));
        assert_eq!(clipped(""), "");
    }

    #[test]
    fn an_excerpt_shows_whether_the_text_goes_on() {
        let text = |count| "ü".repeat(count);
        assert_eq!(excerpt(&text(SHOWN_CHARS)), text(SHOWN_CHARS));
        assert_eq!(excerpt(&text(SHOWN_CHARS + 1)), format!("{}…", text(SHOWN_CHARS)));
        assert_eq!(excerpt(""), "");
    }

    #[test]
    fn near_names_are_suggested_and_far_ones_listed() {
        assert_eq!(suggestion("departurs", ["departures", "late"]), "; did you mean `departures`?");
        assert_eq!(nearest("S1", ["a1", "s1", "s2"]), Some("s1"), "case does not count");
        assert_eq!(nearest("DEPARTURES", ["departures", "late"]), Some("departures"));
        assert_eq!(nearest("utc", ["ETC", "UTC"]), Some("UTC"));
        assert_eq!(suggestion("zzz", ["departures", "late"]), "; known: `departures`, `late`");
    }
}
