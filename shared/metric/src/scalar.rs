//! Texts, numbers and booleans as bytes, so that values are equal just when their bytes are.
//!
//! A text is its own bytes, so that sketches of texts are what they always were. A number or
//! boolean begins with a byte that no UTF-8 text has; a number goes on in the one spelling of its
//! value ([`merganser_core::decimal::canonical`]). These bytes stand in master files and go into
//! the hashes of [`crate::measure::DistinctSketch`], so that a change of them is a new
//! [`crate::compile::FoldVersion`].

const NUMBER: u8 = 0xff;
const BOOLEAN: u8 = 0xfe;

/// The bytes of a number in its one spelling.
#[must_use]
pub fn number(canonical: &str) -> Vec<u8> {
    [&[NUMBER], canonical.as_bytes()].concat()
}

/// The bytes of a boolean.
#[must_use]
pub fn boolean(value: bool) -> Vec<u8> {
    vec![BOOLEAN, u8::from(value)]
}
