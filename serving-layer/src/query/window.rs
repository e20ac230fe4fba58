//! Windows as they are written: `28d`, `3M`.

use super::QueryError;
use super::parameters::wrong;
use crate::calendar::{TrailingWindow, WindowUnit};
use merganser_core::text::excerpt;

/// The window of a text.
pub(super) fn window(text: Option<String>) -> Result<Option<TrailingWindow>, QueryError> {
    let Some(text) = text else { return Ok(None) };
    read(text.trim()).map(Some).ok_or_else(|| {
        let found = format!(
            "is `{}`; a number of `m`, `h`, `d`, `w`, `M` (months) or `y` of at most 400 years is \
             right, as `28d`",
            excerpt(&text)
        );
        wrong("window", &found)
    })
}

fn read(text: &str) -> Option<TrailingWindow> {
    let letter = text.chars().next_back()?;
    let (_, unit) = WindowUnit::EACH.into_iter().find(|(known, _)| *known == letter)?;
    let digits = &text[..text.len() - letter.len_utf8()];
    let is_plain = digits.bytes().all(|b| b.is_ascii_digit());
    TrailingWindow::new(digits.parse().ok().filter(|_| is_plain)?, unit)
}
