//! What the routes of every layer read from a request alike: parameters, body, accepted formats,
//! who asks, and what they may see.
//!
//! Whatever a route does not know is refused and named, never ignored: whoever misspells a
//! parameter would otherwise take an answer for another one.

mod accept;
mod body;
mod caller;
mod parameters;
mod scope;

pub use accept::preferred_media_type;
pub use body::{BoundedBody, discard, read_json};
pub use caller::CallerId;
pub use parameters::{NoParameters, conflicting_parameter, invalid_parameter, pairs, parameters};
pub use scope::RequestScope;
