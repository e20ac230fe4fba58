//! Text in the making, up to a bound.

use std::io::{self, Write};

/// Text that does not grow beyond a bound, and takes no longer than that: then, and only then,
/// writing fails.
pub(super) struct BoundedText {
    bytes: Vec<u8>,
    bytes_max: usize,
    /// Values that were looked at, written or not.
    seen: usize,
}

impl BoundedText {
    /// An empty one.
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { bytes: Vec::new(), bytes_max, seen: 0 }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Counts values that are looked at.
    pub(super) fn count_visited(&mut self, count: usize) -> io::Result<()> {
        self.seen = self.seen.saturating_add(count);
        if self.seen > self.bytes_max {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(())
    }

    /// Writes items with commas between them, and brackets around all.
    pub(super) fn enclose<T>(
        &mut self,
        [open, close]: [&[u8]; 2],
        items: impl Iterator<Item = T>,
        mut one: impl FnMut(T, &mut Self) -> io::Result<()>,
    ) -> io::Result<()> {
        self.write_all(open)?;
        for (n, item) in items.enumerate() {
            if n > 0 {
                self.write_all(b",")?;
            }
            one(item, self)?;
        }
        self.write_all(close)
    }
}

impl Write for BoundedText {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + piece.len() > self.bytes_max {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
