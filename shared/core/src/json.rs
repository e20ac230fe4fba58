//! One pass over JSON text (RFC 8259): strict, without recursion, and without copies.
//!
//! Reading events is where most of the service's time goes, so all checks and values
//! of their text (syntax, the rules of properties, the values that metrics use) come from the same
//! pass: a [`JsonCursor`] walks over a value and calls a [`JsonVisitor`] for each of its parts.

use std::borrow::Cow;

/// A place in JSON text.
#[derive(Debug)]
pub struct JsonCursor<'a> {
    text: &'a str,
    at: usize,
}

/// A string, as the text spells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonString<'a> {
    /// With its quotes.
    pub json: &'a str,
    has_escapes: bool,
    /// Whether it is Unicode: half a surrogate pair (`\ud800` by itself) is not.
    pub is_unicode: bool,
}

impl<'a> JsonString<'a> {
    /// What it spells; `None` when that is not Unicode. Only text with escapes is copied.
    #[inline]
    #[must_use]
    pub fn text(&self) -> Option<Cow<'a, str>> {
        if self.has_escapes {
            return serde_json::from_str(self.json).ok().map(Cow::Owned);
        }
        self.json.get(1..self.json.len().checked_sub(1)?).map(Cow::Borrowed)
    }
}

/// Gets the parts of a value in their order. The value of an object's key comes right after it.
pub trait JsonVisitor<'a> {
    /// An object or an array begins.
    fn open(&mut self, is_object: bool);
    /// The innermost object or array ends.
    fn close(&mut self);
    /// A key of the innermost object.
    fn key(&mut self, key: JsonString<'a>);
    /// A string that is a value.
    fn string(&mut self, value: JsonString<'a>);
    /// A number, `true`, `false` or `null`.
    fn plain(&mut self, json: &'a str);
}

/// Watches nothing: only the syntax is checked.
impl JsonVisitor<'_> for () {
    fn open(&mut self, _: bool) {}
    fn close(&mut self) {}
    fn key(&mut self, _: JsonString<'_>) {}
    fn string(&mut self, _: JsonString<'_>) {}
    fn plain(&mut self, _: &str) {}
}

/// Both watch.
impl<'a, A: JsonVisitor<'a>, B: JsonVisitor<'a>> JsonVisitor<'a> for (&mut A, &mut B) {
    fn open(&mut self, is_object: bool) {
        self.0.open(is_object);
        self.1.open(is_object);
    }
    fn close(&mut self) {
        self.0.close();
        self.1.close();
    }
    fn key(&mut self, key: JsonString<'a>) {
        self.0.key(key);
        self.1.key(key);
    }
    fn string(&mut self, value: JsonString<'a>) {
        self.0.string(value);
        self.1.string(value);
    }
    fn plain(&mut self, json: &'a str) {
        self.0.plain(json);
        self.1.plain(json);
    }
}

impl<'a> JsonCursor<'a> {
    /// At the beginning of a text.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// Bytes of the text that have been passed: behind a value that was walked over, its end.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.at
    }

    /// The next byte that is not blank; `None` at the end.
    #[inline]
    pub fn peek(&mut self) -> Option<u8> {
        loop {
            match self.text.as_bytes().get(self.at)? {
                b' ' | b'\t' | b'\n' | b'\r' => self.at += 1,
                byte => return Some(*byte),
            }
        }
    }

    /// Passes over the next byte that is not blank, if it is this one.
    #[inline]
    pub fn eat(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// A key and the colon after it.
    #[inline]
    pub fn key(&mut self) -> Option<JsonString<'a>> {
        self.peek().filter(|byte| *byte == b'"')?;
        let key = self.string()?;
        self.eat(b':')?;
        Some(key)
    }

    /// Walks over the value that comes next; its text. `None` when it is not JSON. `open` is memory
    /// that is used again: which of the brackets that are open belong to objects.
    #[inline]
    pub fn walk(
        &mut self,
        open: &mut Vec<bool>,
        watch: &mut impl JsonVisitor<'a>,
    ) -> Option<&'a str> {
        open.clear();
        self.peek()?;
        let start = self.at;
        loop {
            self.value(open, watch)?;
            // What comes after a value: the next one, or ends.
            loop {
                let Some(is_object) = open.last().copied() else {
                    return self.text.get(start..self.at);
                };
                let byte = self.peek()?;
                self.at += 1;
                match (byte, is_object) {
                    (b',', true) => watch.key(self.key()?),
                    (b',', false) => {}
                    (b'}', true) | (b']', false) => {
                        open.pop();
                        watch.close();
                        continue;
                    }
                    _ => return None,
                }
                break;
            }
        }
    }

    /// A value, or the beginning of one that is not empty: down to its first plain value.
    #[inline]
    fn value(&mut self, open: &mut Vec<bool>, watch: &mut impl JsonVisitor<'a>) -> Option<()> {
        loop {
            let byte = self.peek()?;
            let (is_object, end) = match byte {
                b'{' => (true, b'}'),
                b'[' => (false, b']'),
                b'"' => {
                    watch.string(self.string()?);
                    return Some(());
                }
                _ => {
                    watch.plain(self.plain()?);
                    return Some(());
                }
            };
            self.at += 1;
            watch.open(is_object);
            if self.peek()? == end {
                self.at += 1;
                watch.close();
                return Some(());
            }
            open.push(is_object);
            if is_object {
                watch.key(self.key()?);
            }
        }
    }

    /// The string that begins here.
    #[inline]
    fn string(&mut self) -> Option<JsonString<'a>> {
        let bytes = self.text.as_bytes();
        let (start, mut at) = (self.at, self.at + 1);
        let (mut has_escapes, mut is_unicode) = (false, true);
        loop {
            at = plain_end(bytes, at)?;
            match bytes.get(at)? {
                b'"' => break,
                b'\\' => {
                    has_escapes = true;
                    let (end, is_whole) = escape_end(bytes, at)?;
                    is_unicode &= is_whole;
                    at = end;
                }
                // A control character.
                _ => return None,
            }
        }
        self.at = at + 1;
        Some(JsonString { json: self.text.get(start..self.at)?, has_escapes, is_unicode })
    }

    /// The number, `true`, `false` or `null` that begins here.
    #[inline]
    fn plain(&mut self) -> Option<&'a str> {
        let start = self.at;
        let rest = self.text.as_bytes().get(start..)?;
        let length = match rest.first()? {
            b't' => rest.starts_with(b"true").then_some(4)?,
            b'f' => rest.starts_with(b"false").then_some(5)?,
            b'n' => rest.starts_with(b"null").then_some(4)?,
            _ => number_length(rest)?,
        };
        self.at += length;
        self.text.get(start..self.at)
    }
}

const EACH: u64 = u64::from_le_bytes([1; 8]);
const HIGH: u64 = EACH << 7;

/// The index of the next quote, backslash or control character.
#[inline]
fn plain_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    // Eight bytes at a time, as in S. E. Anderson, Bit Twiddling Hacks, "Determine if a word has a
    // byte less than n": a high bit where a byte is below, of which the lowest one is exact.
    let below = |word: u64, n: u64| word.wrapping_sub(EACH * n) & !word & HIGH;
    while let Some(eight) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        let word = u64::from_le_bytes(*eight);
        let quote = below(word ^ (EACH * u64::from(b'"')), 1);
        let backslash = below(word ^ (EACH * u64::from(b'\\')), 1);
        let found = quote | backslash | below(word, 0x20);
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    bytes.get(at..)?.iter().position(is_special).map(|n| at + n)
}

/// The index after the escape, or pair of escapes, that begins at the backslash `at`, and whether
/// it spells a character.
fn escape_end(bytes: &[u8], at: usize) -> Option<(usize, bool)> {
    match bytes.get(at + 1)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some((at + 2, true)),
        b'u' => match utf16_unit(bytes, at)? {
            0xD800..=0xDBFF => {
                let low = bytes.get(at + 6).filter(|byte| **byte == b'\\');
                let low = low.and_then(|_| utf16_unit(bytes, at + 6));
                let is_pair = low.is_some_and(|unit| (0xDC00..=0xDFFF).contains(&unit));
                Some(if is_pair { (at + 12, true) } else { (at + 6, false) })
            }
            unit => Some((at + 6, !(0xDC00..=0xDFFF).contains(&unit))),
        },
        _ => None,
    }
}

/// What the escape `\uXXXX` at `at` stands for, if there is one.
fn utf16_unit(bytes: &[u8], at: usize) -> Option<u16> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    digits.iter().try_fold(0_u16, |unit, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        Some(unit << 4 | digit as u16)
    })
}

#[inline]
fn number_length(bytes: &[u8]) -> Option<usize> {
    let digits = |from: usize| {
        let rest = bytes.get(from..).unwrap_or_default();
        rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
    };
    let mut at = usize::from(bytes.first() == Some(&b'-'));
    at += match bytes.get(at)? {
        b'0' => 1,
        b'1'..=b'9' => digits(at),
        _ => return None,
    };
    if bytes.get(at) == Some(&b'.') {
        let fraction = digits(at + 1);
        at += 1 + (fraction > 0).then_some(fraction)?;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        at += 1 + usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        let exponent = digits(at);
        at += (exponent > 0).then_some(exponent)?;
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::de::IgnoredAny;

    use super::*;

    /// Whether all of a text is one JSON value.
    fn is_json(text: &str) -> bool {
        let mut cursor = JsonCursor::new(text);
        cursor.walk(&mut Vec::new(), &mut ()).is_some() && cursor.peek().is_none()
    }

    /// Writes what it gets as JSON again.
    #[derive(Default)]
    struct Writer(String, Vec<bool>);

    impl Writer {
        fn part(&mut self, text: &str) {
            let is_first = self.0.is_empty() || self.0.ends_with(['{', '[', ':']);
            if !is_first {
                self.0.push(',');
            }
            self.0.push_str(text);
        }
    }

    impl JsonVisitor<'_> for Writer {
        fn open(&mut self, is_object: bool) {
            self.part(if is_object { "{" } else { "[" });
            self.1.push(is_object);
        }
        fn close(&mut self) {
            self.0.push(if self.1.pop().unwrap() { '}' } else { ']' });
        }
        fn key(&mut self, key: JsonString<'_>) {
            self.part(key.json);
            self.0.push(':');
        }
        fn string(&mut self, value: JsonString<'_>) {
            self.part(value.json);
        }
        fn plain(&mut self, json: &str) {
            self.part(json);
        }
    }

    #[test]
    fn grammar_is_kept_to_the_letter() {
        for text in [
            "0",
            "-0",
            "-0.5e+10",
            "1E5",
            "12.50",
            "true",
            "false",
            "null",
            "\"\"",
            "[]",
            "{}",
            " [ 1 , { \"a\" : [ ] } ] ",
            r#""\u00e9\"\\\/\b\f\n\r\t""#,
            "\"12345678\u{7f}é\"",
        ] {
            assert!(is_json(text), "{text}");
        }
        for text in [
            "",
            " ",
            "01",
            "-",
            "1.",
            ".5",
            "1e",
            "1e+",
            "+1",
            "0x1",
            "tru",
            "nul",
            "nulll",
            "'a'",
            "\"",
            "\"\t\"",
            "\"12345678\n\"",
            r#""\x""#,
            r#""\u12g4""#,
            r#""\u+123""#,
            "[",
            "[1",
            "[1,]",
            "[,1]",
            "[1 2]",
            "[1}",
            "{\"a\":1]",
            "{a:1}",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{1:2}",
            "1 2",
            "{}}",
            "\u{a0}1",
            "\u{feff}1",
            "{\"a\":1,,\"b\":2}",
        ] {
            assert!(!is_json(text), "{text}");
        }
    }

    #[test]
    fn half_a_surrogate_pair_is_not_a_text() {
        let spelled = |text: &'static str| JsonCursor::new(text).string().unwrap();
        for text in [r#""\ud83d\ude00""#, r#""\uD7FF\uE000""#, r#""a\"b""#] {
            assert!(spelled(text).is_unicode && spelled(text).text().is_some(), "{text}");
        }
        for text in [r#""\ud800""#, r#""\udc00""#, r#""\ud800\n""#, r#""\ud800\ud800\udc00""#] {
            assert!(!spelled(text).is_unicode && spelled(text).text().is_none(), "{text}");
        }
    }

    #[test]
    fn depth_costs_no_stack() {
        let deep = format!("{}1{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
        assert!(is_json(&deep));
        assert!(!is_json(&deep[..deep.len() - 1]));
    }

    fn json() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("null".to_owned()),
            any::<f64>().prop_map(|n| serde_json::to_string(&n).unwrap()),
            any::<i64>().prop_map(|n| n.to_string()),
            any::<String>().prop_map(|s| serde_json::to_string(&s).unwrap()),
            "\"(\\\\u[0-9a-fA-F]{4}|[a-z]){0,12}\"",
        ];
        leaf.prop_recursive(6, 40, 5, |inner| {
            let key = any::<String>().prop_map(|s| serde_json::to_string(&s).unwrap());
            let pair = (key, inner.clone()).prop_map(|(key, value)| format!("{key}:{value}"));
            prop_oneof![
                prop::collection::vec(inner, 0..5).prop_map(|p| format!("[{}]", p.join(","))),
                prop::collection::vec(pair, 0..5).prop_map(|p| format!("{{{}}}", p.join(","))),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_parts_of_a_text_spell_the_text_again(text in json()) {
            let mut writer = Writer::default();
            let mut cursor = JsonCursor::new(&text);
            prop_assert_eq!(cursor.walk(&mut Vec::new(), &mut writer), Some(&*text));
            prop_assert_eq!(writer.0, text);
        }

        #[test]
        fn it_takes_what_another_parser_takes(
            text in json(),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<char>()), 0..3),
        ) {
            let mut chars: Vec<char> = text.chars().collect();
            for (at, new) in changes {
                let at = at.index(chars.len());
                chars[at] = new;
            }
            let text: String = chars.into_iter().collect();
            let expected = serde_json::from_str::<IgnoredAny>(&text);
            prop_assert_eq!(is_json(&text), expected.is_ok(), "{}: {:?}", text, expected);
        }

        #[test]
        fn it_takes_what_another_parser_takes_of_noise(
            text in "[{}\\[\\]\",:\\\\u\\-+.0-9eE tn]{0,24}",
        ) {
            let expected = serde_json::from_str::<IgnoredAny>(&text);
            prop_assert_eq!(is_json(&text), expected.is_ok(), "{}: {:?}", text, expected);
        }
    }
}
