//! JSON as RFC 8259 has it, read by recursive descent: the oracle of the body decoder. It keeps the
//! text of every value, and keys in the order that they came, twice where they are there twice.

/// A value and its text.
#[derive(Debug)]
pub(crate) struct Json<'a> {
    /// As it was written, without blanks around it.
    pub(crate) text: &'a str,
    /// What it is.
    pub(crate) value: Value<'a>,
}

/// What a value is.
#[derive(Debug)]
pub(crate) enum Value<'a> {
    /// `null`, `true` or `false`.
    Word,
    /// A number of any size.
    Number,
    /// A text; `None` when it spells half a surrogate pair.
    Text(Option<String>),
    /// An array.
    Array(Vec<Json<'a>>),
    /// An object; a key is as a text.
    Object(Vec<(Option<String>, Json<'a>)>),
}

/// Reads a text that is one value, with blanks around it.
pub(crate) fn read(text: &str) -> Option<Json<'_>> {
    let mut reader = Reader { text, at: 0 };
    let value = reader.value()?;
    reader.skip_blanks();
    (reader.at == text.len()).then_some(value)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek() == Some(byte)).then(|| self.at += 1)
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self) -> Option<Json<'a>> {
        self.skip_blanks();
        let from = self.at;
        let value = match self.peek()? {
            b'{' => self.object()?,
            b'[' => self.array()?,
            b'"' => Value::Text(self.string()?),
            b'-' | b'0'..=b'9' => self.number()?,
            _ => self.word()?,
        };
        Some(Json { text: &self.text[from..self.at], value })
    }

    fn word(&mut self) -> Option<Value<'a>> {
        let rest = &self.text[self.at..];
        let word = ["null", "true", "false"].into_iter().find(|word| rest.starts_with(word))?;
        self.at += word.len();
        Some(Value::Word)
    }

    fn digits(&mut self) -> Option<()> {
        let from = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > from).then_some(())
    }

    fn number(&mut self) -> Option<Value<'a>> {
        let _ = self.take(b'-');
        if self.take(b'0').is_none() {
            self.digits()?;
        }
        if self.take(b'.').is_some() {
            self.digits()?;
        }
        if self.take(b'e').or_else(|| self.take(b'E')).is_some() {
            let _ = self.take(b'+').or_else(|| self.take(b'-'));
            self.digits()?;
        }
        Some(Value::Number)
    }

    fn array(&mut self) -> Option<Value<'a>> {
        self.take(b'[')?;
        let mut items = Vec::new();
        self.skip_blanks();
        if self.take(b']').is_some() {
            return Some(Value::Array(items));
        }
        loop {
            items.push(self.value()?);
            self.skip_blanks();
            if self.take(b']').is_some() {
                return Some(Value::Array(items));
            }
            self.take(b',')?;
        }
    }

    fn object(&mut self) -> Option<Value<'a>> {
        self.take(b'{')?;
        let mut fields = Vec::new();
        self.skip_blanks();
        if self.take(b'}').is_some() {
            return Some(Value::Object(fields));
        }
        loop {
            self.skip_blanks();
            let key = self.string()?;
            self.skip_blanks();
            self.take(b':')?;
            fields.push((key, self.value()?));
            self.skip_blanks();
            if self.take(b'}').is_some() {
                return Some(Value::Object(fields));
            }
            self.take(b',')?;
        }
    }

    /// The outer `None` is no string, the inner one a string that is not Unicode.
    fn string(&mut self) -> Option<Option<String>> {
        self.take(b'"')?;
        let mut units: Vec<u16> = Vec::new();
        loop {
            let next = self.text[self.at..].chars().next()?;
            self.at += next.len_utf8();
            match next {
                '"' => return Some(String::from_utf16(&units).ok()),
                '\\' => units.push(self.escape()?),
                '\0'..='\x1f' => return None,
                _ => units.extend_from_slice(next.encode_utf16(&mut [0; 2])),
            }
        }
    }

    fn escape(&mut self) -> Option<u16> {
        let kind = self.peek()?;
        self.at += 1;
        Some(match kind {
            b'"' | b'\\' | b'/' => kind.into(),
            b'b' => 8,
            b'f' => 12,
            b'n' => 10,
            b'r' => 13,
            b't' => 9,
            b'u' => {
                let digits = self.text.as_bytes().get(self.at..self.at + 4)?;
                self.at += 4;
                let digit = |unit: u16, byte: &u8| {
                    Some(unit * 16 + u16::try_from((*byte as char).to_digit(16)?).ok()?)
                };
                digits.iter().try_fold(0, digit)?
            }
            _ => return None,
        })
    }
}
