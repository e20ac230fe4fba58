//! The stable codes of invalid events: which rule each of them breaks.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)+) => {
        /// Which rule an event breaks: a stable code in answers, in the quarantine and in metrics
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum InvalidCode {
            $($(#[$doc])* #[serde(rename = $text)] $name,)+
        }

        impl InvalidCode {
            /// All codes.
            pub const EACH: &[Self] = &[$(Self::$name,)+];

            /// The code as clients see it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

codes! {
    /// It is not JSON, or not UTF-8.
    MalformedEvent = "malformed_event",
    /// It is larger than an event may be.
    EventTooLarge = "event_too_large",
    /// It is JSON, but no object.
    NotAnObject = "not_an_object",
    /// A top-level field occurs twice.
    DuplicateField = "duplicate_field",
    /// A top-level field is not one of an event's.
    UnknownField = "unknown_field",
    /// `event` is missing, or not as it must be.
    InvalidEvent = "invalid_event",
    /// `id` is not as it must be.
    InvalidId = "invalid_id",
    /// `time` is not a time, or out of bounds.
    InvalidTime = "invalid_time",
    /// `subject` is not as it must be.
    InvalidSubject = "invalid_subject",
    /// `properties` is no object, or holds text that is not Unicode.
    InvalidProperties = "invalid_properties",
    /// `properties` is nested too deeply.
    PropertiesTooDeep = "properties_too_deep",
    /// An object within `properties` has a key twice.
    DuplicateProperty = "duplicate_property",
}

impl PartialSchema for InvalidCode {
    fn schema() -> RefOr<Schema> {
        let names = Self::EACH.iter().map(|code| code.name());
        let schema = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names));
        schema.description(Some("Which rule an event breaks")).into()
    }
}

impl ToSchema for InvalidCode {}

impl fmt::Display for InvalidCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
