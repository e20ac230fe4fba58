//! What would be right where an expression is refused.

use sqlparser::ast::Ident;

use merganser_core::property::PropertyType;
use merganser_core::text::{excerpt, nearest, suggestion};

/// Of a name that no column has: the nearest, or, since texts are easily taken for names, how a
/// text is written.
pub(super) fn unknown_hint(names: &[Ident], columns: &[(String, PropertyType)]) -> String {
    let name = names.iter().map(|name| &*name.value).collect::<Vec<_>>().join(".");
    let known = || columns.iter().map(|(column, _)| &**column);
    let hint = suggestion(&excerpt(&name), known());
    let is_quoted = names.iter().any(|name| name.quote_style.is_some());
    let has_texts = columns.iter().any(|(_, ty)| *ty == PropertyType::Text);
    if is_quoted || (has_texts && nearest(&excerpt(&name), known()).is_none()) {
        let text = excerpt(&name).replace('\'', "''");
        return format!("; a text is written in single quotes, as '{text}'{hint}");
    }
    hint
}

/// Of an operator that other languages have.
pub(super) fn operator_hint(operator: &str) -> &'static str {
    match operator {
        "&&" => "; AND is right",
        "~" | "~*" | "!~" | "!~*" | "REGEXP" | "RLIKE" => "; LIKE with `%` and `_` can",
        _ => "",
    }
}
