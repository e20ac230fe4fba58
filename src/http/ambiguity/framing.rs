//! Which request of a connection says twice how long its body is, by its bytes as they come.
//!
//! It follows the framing of HTTP/1.1 (RFC 9112, section 6) no further than to find where the next
//! head begins. Where hyper would refuse what comes, it stops to look: no request follows. It
//! refuses nothing by itself, and hyper closes a connection after two lengths all the same, so
//! that what it may miss cannot be smuggled.

/// Bytes of a line that are kept: the names and the numbers of interest are shorter.
const LINE_BYTES_MAX: usize = 256;

/// Where in the messages of a connection one is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum FramingState {
    /// Before the first line of a head.
    #[default]
    Before,
    /// In a head.
    Head,
    /// In a body of which so many bytes are left.
    Body(u64),
    /// Before the size of a chunk.
    Size,
    /// In a chunk of which so many bytes are left, the end of its line among them.
    Chunk(u64),
    /// Behind the last chunk.
    Trailers,
    /// No request follows.
    End,
}

/// Follows one connection.
#[derive(Debug, Default)]
pub(super) struct FramingTracker {
    place: FramingState,
    line: Vec<u8>,
    /// Heads that were there.
    requests: u64,
    is_chunked: bool,
    /// As text.
    content_length: Option<Vec<u8>>,
}

impl FramingTracker {
    /// Reads on; the first request that says it twice, counted from 1, once it is there.
    pub(super) fn read(&mut self, mut bytes: &[u8]) -> Option<u64> {
        while !bytes.is_empty() && self.place != FramingState::End {
            if let FramingState::Body(left) | FramingState::Chunk(left) = self.place {
                let count = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                bytes = &bytes[count..];
                self.place = match (self.place, left - count as u64) {
                    (FramingState::Body(_), 0) => FramingState::Before,
                    (FramingState::Body(_), left) => FramingState::Body(left),
                    (_, 0) => FramingState::Size,
                    (_, left) => FramingState::Chunk(left),
                };
                continue;
            }
            let end = memchr::memchr(b'\n', bytes);
            self.buffer_line(&bytes[..end.unwrap_or(bytes.len())]);
            bytes = &bytes[end? + 1..];
            let line = std::mem::take(&mut self.line);
            let found = self.end_line(line.strip_suffix(b"\r").unwrap_or(&line));
            self.line = line;
            self.line.clear();
            if found.is_some() {
                self.place = FramingState::End;
                return found;
            }
        }
        None
    }

    fn buffer_line(&mut self, piece: &[u8]) {
        let room = LINE_BYTES_MAX.saturating_sub(self.line.len());
        self.line.extend_from_slice(&piece[..piece.len().min(room)]);
    }

    fn end_line(&mut self, line: &[u8]) -> Option<u64> {
        match (self.place, line.is_empty()) {
            // Empty lines before a head are passed over.
            (FramingState::Before, true) => {}
            (FramingState::Before, false) => self.place = FramingState::Head,
            (FramingState::Head, false) => self.header(line),
            (FramingState::Head, true) => return self.end_head(),
            (FramingState::Size, _) => self.place = after_size(line),
            (FramingState::Trailers, true) => self.place = FramingState::Before,
            (FramingState::Trailers, false) => {}
            (FramingState::Body(_) | FramingState::Chunk(_) | FramingState::End, _) => {}
        }
        None
    }

    fn header(&mut self, line: &[u8]) {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let (name, value) = (parts.next().unwrap_or(b""), parts.next().unwrap_or(b""));
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.is_chunked = true;
        } else if name.eq_ignore_ascii_case(b"content-length") {
            self.content_length = Some(value.trim_ascii().to_vec());
        }
    }

    fn end_head(&mut self) -> Option<u64> {
        self.requests += 1;
        let length = self.content_length.take();
        let is_chunked = std::mem::take(&mut self.is_chunked);
        self.place = match (is_chunked, &length) {
            (true, Some(_)) => return Some(self.requests),
            (true, None) => FramingState::Size,
            (false, None) => FramingState::Before,
            (false, Some(length)) => match number(length, 10) {
                Some(0) => FramingState::Before,
                Some(length) => FramingState::Body(length),
                None => FramingState::End,
            },
        };
        None
    }
}

/// What follows the line of a chunk's size.
fn after_size(line: &[u8]) -> FramingState {
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    match number(&line[..digits], 16) {
        Some(0) => FramingState::Trailers,
        Some(size) => size.checked_add(2).map_or(FramingState::End, FramingState::Chunk),
        None => FramingState::End,
    }
}

fn number(digits: &[u8], radix: u32) -> Option<u64> {
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, radix).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The request that says it twice, however the bytes are cut.
    fn found(text: &str) -> Option<u64> {
        let each = |size: usize| {
            let mut lengths = FramingTracker::default();
            text.as_bytes().chunks(size).find_map(|piece| lengths.read(piece))
        };
        let found = each(text.len());
        for size in [1, 2, 3, 7, 64] {
            assert_eq!(each(size), found, "in pieces of {size}: {text:?}");
        }
        found
    }

    const PLAIN: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    const SIZED: &str = "POST / HTTP/1.1\r\nCONTENT-LENGTH:  5 \r\n\r\nTrans";
    const CHUNKED: &str = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\
        1b;a=\"b\"\r\n\r\nContent-Length: 5\r\n\r\nGET \r\nA\r\n0123456789\r\n0\r\nX: y\r\n\r\n";

    #[test]
    fn two_lengths_are_found_wherever_they_come() {
        for both in [
            "Transfer-Encoding: chunked\r\nContent-Length: 5",
            "content-length: 5\r\nA: b\r\ntransfer-encoding:chunked",
            "Content-Length: 5\nTransfer-Encoding: gzip",
            "Content-Length: +\r\nTransfer-Encoding: chunked",
        ] {
            let twice = format!("POST / HTTP/1.1\r\n{both}\r\n\r\n0\r\n\r\n");
            assert_eq!(found(&twice), Some(1), "{both}");
            for before in [PLAIN, SIZED, CHUNKED] {
                assert_eq!(found(&format!("{before}{twice}{PLAIN}")), Some(2), "{before}");
            }
            let before = [PLAIN, SIZED, CHUNKED, SIZED, CHUNKED, "\r\n", PLAIN].concat();
            assert_eq!(found(&format!("{before}{twice}")), Some(7));
        }
    }

    #[test]
    fn a_body_is_not_read_as_a_head() {
        let twice = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n";
        let length = twice.len();
        let sized = format!("POST / HTTP/1.1\r\nContent-Length: {length}\r\n\r\n{twice}");
        assert_eq!(found(&format!("{sized}{PLAIN}")), None);
        let chunk = format!("{length:x}\r\n{twice}\r\n0\r\n\r\n");
        let chunked = format!("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}");
        assert_eq!(found(&format!("{chunked}{PLAIN}")), None);
        let long = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "Content-Length:".repeat(1000));
        assert_eq!(found(&format!("{long}{PLAIN}")), None);
    }

    #[test]
    fn behind_what_is_no_request_nothing_is_looked_for() {
        let twice = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n";
        for wrong in [
            "POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
        ] {
            assert_eq!(found(&format!("{wrong}{twice}")), None, "{wrong:?}");
        }
    }
}
