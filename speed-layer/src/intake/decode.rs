//! From a body to the texts of its events, within the limits of a request.
//!
//! [`decompress`] undoes the content encoding and never makes more than the limit out of a small
//! body. [`split`] finds the events: what can be isolated as one bad event becomes that event's
//! verdict, and only what cannot fails the request.

mod decompress;
mod split;

pub(crate) use decompress::decompress;
pub(crate) use split::split;

#[cfg(test)]
mod tests;
