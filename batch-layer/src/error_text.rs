//! What a failure of the storage is called: a line, also where a service answers with a document.

/// A line that says what went wrong.
pub(crate) fn error_text(error: &object_store::Error) -> String {
    let text = error.to_string();
    let Some(start) = text.find("<?xml").or_else(|| text.find("<Error>")) else { return text };
    let (before, document) = text.split_at(start);
    let said: Vec<&str> =
        ["Code", "Message"].iter().filter_map(|name| element(document, name)).collect();
    match said.is_empty() {
        true => text,
        false => format!("{before}{}", said.join(": ")),
    }
}

fn element<'a>(document: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = document.split_once(&format!("<{name}>"))?;
    Some(rest.split_once(&format!("</{name}>"))?.0.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &'static str) -> String {
        error_text(&object_store::Error::Generic { store: "S3", source: text.into() })
    }

    #[test]
    fn a_document_becomes_its_code_and_message() {
        let document = "403 Forbidden: <?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code>\
            <Message>No such user</Message><RequestId>17</RequestId></Error>";
        assert!(said(document).ends_with("403 Forbidden: AccessDenied: No such user"));
        for other in ["connection refused", "<Error><Code>x", "<Error></Error>"] {
            assert!(said(other).ends_with(other), "{}", said(other));
        }
    }
}
