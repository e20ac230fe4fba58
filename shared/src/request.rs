//! What the routes of every layer read from a request alike: parameters, body, accepted formats.
//!
//! Whatever a route does not know is refused and named, never ignored: whoever misspells a
//! parameter would otherwise take an answer for another one.

mod accept;
mod body;
mod parameters;

pub use accept::preferred;
pub use body::WholeBody;
pub use parameters::{NoParameters, pairs, parameters};
