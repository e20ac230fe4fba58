//! What the routes of every layer read from a request alike: parameters, body, accepted formats,
//! the caller, and what the caller may see.
//!
//! A parameter that a route does not know is refused by name, never ignored: a client that
//! misspells one would otherwise get the answer to another question.

mod accept;
mod body;
mod caller;
mod parameters;
mod preconditions;
mod scope;

pub use accept::preferred_media_type;
pub use body::{BoundedBody, discard, read_json, read_json_as};
pub use caller::CallerId;
pub use parameters::{NoParameters, conflicting_parameter, invalid_parameter, pairs, parameters};
pub use preconditions::Preconditions;
pub use scope::RequestScope;
