//! A reader of CSV by the grammar of RFC 4180 and nothing else, which shares no code with what
//! writes it. A field without quotes that is empty is null.

/// The records of a text, the header among them; each ends with CR LF.
pub(super) fn read(text: &str) -> Vec<Vec<Option<String>>> {
    let mut rest = text;
    let mut records = vec![Vec::new()];
    while !rest.is_empty() {
        let (field, after) = match rest.strip_prefix('"') {
            Some(quoted) => {
                let (field, after) = escaped(quoted);
                (Some(field), after)
            }
            None => {
                let end = rest.find([',', '\r', '\n', '"']).expect("a record ends with CR LF");
                (Some(rest[..end].to_owned()).filter(|field| !field.is_empty()), &rest[end..])
            }
        };
        records.last_mut().unwrap().push(field);
        rest = match after.strip_prefix(',') {
            Some(after) => {
                assert!(!after.is_empty(), "a record ends with CR LF");
                after
            }
            None => {
                records.push(Vec::new());
                after.strip_prefix("\r\n").unwrap_or_else(|| panic!("a stray part: {after:?}"))
            }
        };
    }
    assert_eq!(records.pop(), Some(Vec::new()));
    records
}

/// A field up to its closing quote, and what follows it.
fn escaped(text: &str) -> (String, &str) {
    let mut field = String::new();
    let mut rest = text;
    loop {
        let (before, after) = rest.split_once('"').expect("a quoted field is closed");
        field.push_str(before);
        match after.strip_prefix('"') {
            Some(after) => {
                field.push('"');
                rest = after;
            }
            None => return (field, after),
        }
    }
}
