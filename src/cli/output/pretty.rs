//! JSON laid out for people, token by token.
//!
//! Reading it into numbers and writing them again would round a decimal of 38 digits.

/// The same document with a line for each member, indented by two blanks a level.
pub(super) fn pretty(json: &str) -> String {
    let mut text = String::with_capacity(json.len() * 2);
    let mut depth = 0_usize;
    let mut rest = json.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' => {
                text.push('"');
                let mut is_escaped = false;
                for c in rest.by_ref() {
                    text.push(c);
                    match c {
                        '"' if !is_escaped => break,
                        _ => is_escaped = c == '\\' && !is_escaped,
                    }
                }
            }
            '{' | '[' => {
                text.push(c);
                while rest.next_if(char::is_ascii_whitespace).is_some() {}
                match rest.next_if(|next| matches!(next, '}' | ']')) {
                    Some(end) => text.push(end),
                    None => {
                        depth += 1;
                        begin_line(&mut text, depth);
                    }
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                begin_line(&mut text, depth);
                text.push(c);
            }
            ',' => {
                text.push(',');
                begin_line(&mut text, depth);
            }
            ':' => text.push_str(": "),
            c if c.is_ascii_whitespace() => {}
            c => text.push(c),
        }
    }
    text
}

fn begin_line(text: &mut String, depth: usize) {
    text.push('\n');
    text.extend(std::iter::repeat_n("  ", depth));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_laid_out_as_serde_json_does_it() {
        for json in [
            r#"{"a":[1,{"b":null}],"c":{},"d":[],"e":[[]],"f":true}"#,
            r#"{"a":"a \"b\" {[,: \\","b":"\\\"","c":"ü\n"}"#,
            r#""alone""#,
            "[ ]",
            "-1.5",
        ] {
            let value: serde_json::Value = serde_json::from_str(json).unwrap();
            assert_eq!(pretty(json), serde_json::to_string_pretty(&value).unwrap(), "{json}");
            assert_eq!(pretty(&pretty(json)), pretty(json), "{json}");
        }
    }

    #[test]
    fn no_digit_is_lost() {
        let json = r#"{"n":12345678901234567890123456789.123456789}"#;
        assert_eq!(pretty(json), "{\n  \"n\": 12345678901234567890123456789.123456789\n}");
    }
}
