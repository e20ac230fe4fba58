//! As much of Thrift's compact protocol as it takes to look at a few numbers and to pass over the
//! rest ("Thrift Compact protocol encoding", of the Apache Thrift project).

/// Structures within each other that are passed over.
const DEPTH_MAX: usize = 16;

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ThriftType {
    /// A boolean, which is in its kind but in lists.
    Bool,
    /// A byte.
    Byte,
    /// An integer of 16, 32 or 64 bits.
    Integer,
    /// A float of 64 bits.
    Double,
    /// Bytes.
    Binary,
    /// A list or set.
    List,
    /// A map.
    Map,
    /// Fields.
    Struct,
}

impl ThriftType {
    fn of(number: u8) -> Option<Self> {
        Some(match number {
            1 | 2 => Self::Bool,
            3 => Self::Byte,
            4..=6 => Self::Integer,
            7 => Self::Double,
            8 => Self::Binary,
            9 | 10 => Self::List,
            11 => Self::Map,
            12 => Self::Struct,
            _ => return None,
        })
    }
}

/// Reads from the start of bytes; every step is `None` where they are no Thrift.
#[derive(Clone, Debug)]
pub(super) struct ThriftReader<'a> {
    rest: &'a [u8],
    depth: usize,
}

impl<'a> ThriftReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, depth: 0 }
    }

    /// What is not read yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Reads the fields of a structure, in the order of their places; `field` has to read, or skip,
    /// each by its place and kind.
    pub(super) fn fields(
        &mut self,
        mut field: impl FnMut(&mut Self, i16, ThriftType) -> Option<()>,
    ) -> Option<()> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return None;
        }
        let mut place = 0_i16;
        loop {
            let head = self.byte()?;
            if head == 0 {
                self.depth -= 1;
                return Some(());
            }
            let next = match head >> 4 {
                0 => i16::try_from(self.integer()?).ok()?,
                step => place.checked_add(i16::from(step))?,
            };
            // Writers write fields in order; a field that comes twice would have two meanings.
            if next <= place {
                return None;
            }
            place = next;
            let kind = ThriftType::of(head & 0x0f)?;
            // A boolean field has no bytes of its own.
            if kind != ThriftType::Bool {
                field(self, place, kind)?;
            }
        }
    }

    /// Reads an integer.
    pub(super) fn integer(&mut self) -> Option<i64> {
        let coded = self.varint()?;
        Some((coded >> 1).cast_signed() ^ -(coded & 1).cast_signed())
    }

    /// Reads an integer that `place` can hold.
    pub(super) fn integer_to<T: TryFrom<i64>>(&mut self, place: &mut T) -> Option<()> {
        *place = T::try_from(self.integer()?).ok()?;
        Some(())
    }

    /// Reads a list's head: what its elements are, and how many.
    pub(super) fn list(&mut self) -> Option<(ThriftType, usize)> {
        let head = self.byte()?;
        let count = match head >> 4 {
            15 => usize::try_from(self.varint()?).ok()?,
            few => usize::from(few),
        };
        Some((ThriftType::of(head & 0x0f)?, count))
    }

    /// Passes over a value.
    pub(super) fn skip(&mut self, kind: ThriftType) -> Option<()> {
        match kind {
            ThriftType::Bool | ThriftType::Byte => self.take(1),
            ThriftType::Integer => self.varint().map(|_| ()),
            ThriftType::Double => self.take(8),
            ThriftType::Binary => {
                let length = usize::try_from(self.varint()?).ok()?;
                self.take(length)
            }
            ThriftType::List => {
                let (kind, count) = self.list()?;
                self.several(|reader| reader.skip(kind), count)
            }
            ThriftType::Map => {
                let count = usize::try_from(self.varint()?).ok()?;
                if count == 0 {
                    return Some(());
                }
                let kinds = self.byte()?;
                let (key, value) = (ThriftType::of(kinds >> 4)?, ThriftType::of(kinds & 0x0f)?);
                self.several(|reader| reader.skip(key).and_then(|()| reader.skip(value)), count)
            }
            ThriftType::Struct => self.fields(|reader, _, kind| reader.skip(kind)),
        }
    }

    /// Each takes a byte at least, so that a count that lies ends with the bytes.
    fn several(
        &mut self,
        mut one: impl FnMut(&mut Self) -> Option<()>,
        count: usize,
    ) -> Option<()> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return None;
        }
        for _ in 0..count {
            one(self)?;
        }
        self.depth -= 1;
        Some(())
    }

    fn byte(&mut self) -> Option<u8> {
        self.rest.split_off_first().copied()
    }

    fn take(&mut self, count: usize) -> Option<()> {
        self.rest.split_off(..count).map(|_| ())
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_their_place_and_others_passed_over() {
        // 1: true; 2: -3; 4: "ab"; 5: [1, 2]; 6: {7: 1}; 26: 64.
        let bytes = [
            0x11, 0x15, 5, 0x28, 2, b'a', b'b', 0x19, 0x25, 2, 4, 0x1c, 0x75, 2, 0, 0x05, 52, 0x80,
            1, 0, 9,
        ];
        let mut found = Vec::new();
        let mut reader = ThriftReader::new(&bytes);
        let read = reader.fields(|reader, place, kind| match kind {
            ThriftType::Integer => {
                found.push((place, reader.integer()?));
                Some(())
            }
            _ => reader.skip(kind),
        });
        assert_eq!((read, found, reader.rest()), (Some(()), vec![(2, -3), (26, 64)], &[9_u8][..]));
        for cut in 0..bytes.len() - 2 {
            let mut reader = ThriftReader::new(&bytes[..cut]);
            assert_eq!(reader.skip(ThriftType::Struct), None, "{cut}");
        }
    }

    #[test]
    fn endless_structures_end() {
        assert_eq!(ThriftReader::new(&[0x1c; 1000]).skip(ThriftType::Struct), None, "depth");
        assert_eq!(ThriftReader::new(&[0xff; 20]).integer(), None, "an endless number");
        let many = [0xf3, 0xff, 0xff, 0xff, 0xff, 0x0f, 1, 1];
        assert_eq!(ThriftReader::new(&many).skip(ThriftType::List), None, "a count that lies");
    }
}
