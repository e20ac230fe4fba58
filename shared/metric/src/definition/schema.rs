//! The schemas of what a definition spells in more ways than one.

use utoipa::PartialSchema;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema, Type};

use super::DimensionTable;

/// A text, or a list of them.
pub(super) fn event_types() -> Schema {
    let text = || ObjectBuilder::new().schema_type(Type::String);
    let list = ArrayBuilder::new().items(text());
    let shape = OneOfBuilder::new().item(text()).item(list);
    shape.description(Some("An event type, a list of them, or `*` for all")).build().into()
}

/// A list of texts and tables.
pub(super) fn dimensions() -> Schema {
    let name = ObjectBuilder::new().schema_type(Type::String);
    let name = name.description(Some("A property's name"));
    let dimension = OneOfBuilder::new().item(name).item(DimensionTable::schema());
    let list = ArrayBuilder::new().items(dimension);
    list.description(Some("What answers can be grouped and filtered by")).build().into()
}
