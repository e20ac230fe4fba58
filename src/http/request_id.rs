//! A name for each request, so that an answer can be found in the log: the client's own
//! `X-Request-Id`, or one that is made here.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::{HeaderMap, HeaderName, HeaderValue};

/// The header, of requests and answers.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Bytes of a client's own.
const BYTES_MAX: usize = 128;

/// The name of a request. The name that a client sent is taken if it is short and has no characters
/// that could forge a line of the log.
pub(super) fn of(headers: &HeaderMap) -> HeaderValue {
    let own = headers.get(&REQUEST_ID).filter(|value| {
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(byte);
        (1..=BYTES_MAX).contains(&value.len()) && value.as_bytes().iter().all(is_plain)
    });
    own.cloned().unwrap_or_else(next)
}

/// Different for each request of this process, and hardly ever that of another.
fn next() -> HeaderValue {
    static PROCESS: LazyLock<u32> = LazyLock::new(|| {
        let mut bytes = [0; 4];
        // Without chance, only requests of two processes may be named alike.
        let _ = getrandom::fill(&mut bytes);
        u32::from_le_bytes(bytes)
    });
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    HeaderValue::from_str(&format!("{:08x}-{number:x}", *PROCESS))
        .unwrap_or(HeaderValue::from_static("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clients_own_name_is_taken_if_it_is_plain() {
        let named = |text: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_bytes(text).unwrap());
            of(&headers)
        };
        assert_eq!(named(b"4bf92f35-77b3:1/2"), "4bf92f35-77b3:1/2");
        let long = [b'x'; BYTES_MAX + 1];
        for odd in [&b""[..], b"a b", b"\"", "\u{e9}".as_bytes(), &long] {
            let made = named(odd);
            assert_ne!(made.as_bytes(), odd);
            assert!(made.len() >= 10);
        }
        assert_ne!(next(), next());
    }
}
