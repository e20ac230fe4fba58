//! Requests that two readers could take for different ones.
//!
//! A proxy before the service may see another host in a request than the service does, or another
//! end of it, and then let pass what it was put there to refuse (request smuggling). RFC 9112 says
//! which requests leave such a choice, and that the connection ends with their refusal: what
//! follows on it may be a part of them.

mod framing;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Request, Version, header};
use axum::response::{IntoResponse, Response};
use merganser_api::error_code::ErrorCode;
use merganser_api::problem::Problem;
use tokio::io::AsyncRead;
use tokio_util::io::InspectReader;

use self::framing::FramingTracker;

/// What a request leaves open. An extension of requests that do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestAmbiguity {
    /// HTTP/1.1 has to say for which host it is (RFC 9112, section 3.2).
    HostMissing,
    /// For which of them?
    HostTwice,
    /// Nor is it known then.
    HostInvalid,
    /// Whether its body ends by `Content-Length` or by `Transfer-Encoding` (section 6.3).
    TwoLengths,
}

impl RequestAmbiguity {
    /// Of the host in a request's head.
    fn check_host(version: Version, headers: &HeaderMap) -> Option<Self> {
        let mut hosts = headers.get_all(header::HOST).into_iter();
        match (hosts.next(), hosts.next()) {
            (None, _) => (version == Version::HTTP_11).then_some(Self::HostMissing),
            (Some(host), None) => (!is_host(host)).then_some(Self::HostInvalid),
            (Some(_), Some(_)) => Some(Self::HostTwice),
        }
    }
}

/// Whether it is a host, and perhaps a port.
fn is_host(value: &HeaderValue) -> bool {
    let Ok(host) = Authority::try_from(value.as_bytes()) else { return false };
    let port = host.as_str().strip_prefix(host.host()).unwrap_or("@");
    let is_port = |port: &str| port.is_empty() || port.parse::<u16>().is_ok();
    // A user before the host leaves more than the port behind it.
    !host.host().is_empty() && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
}

impl IntoResponse for RequestAmbiguity {
    fn into_response(self) -> Response {
        let (code, detail) = match self {
            Self::HostMissing => (
                ErrorCode::HostMissing,
                "a request of HTTP/1.1 has a `Host` header, and this one has none",
            ),
            Self::HostTwice => {
                (ErrorCode::HostTwice, "there are several `Host` headers; exactly one is right")
            }
            Self::HostInvalid => (
                ErrorCode::HostInvalid,
                "`Host` is not a host; a name or an address, and perhaps `:` and a port, is right",
            ),
            Self::TwoLengths => (
                ErrorCode::TwoLengths,
                "`Content-Length` and `Transfer-Encoding` both say where the body ends; one of \
                 them is right",
            ),
        };
        let mut response = Problem::new(code, detail).into_response();
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        response
    }
}

/// Finds doubts among the requests of one connection: hyper resolves two lengths by itself and
/// does not hand on that there were two, so what comes is looked at before hyper reads it.
#[derive(Debug, Default)]
pub(super) struct AmbiguityDetector {
    /// Requests that were handed on.
    requests: AtomicU64,
    /// The first one that says twice how long it is, counted from 1; 0 while there is none.
    two_lengths_at: Arc<AtomicU64>,
}

impl AmbiguityDetector {
    /// Looks at what is read of a connection.
    pub(super) fn inspect<T: AsyncRead>(
        &self,
        stream: T,
    ) -> InspectReader<T, impl FnMut(&[u8]) + use<T>> {
        let (mut lengths, at) = (FramingTracker::default(), Arc::clone(&self.two_lengths_at));
        InspectReader::new(stream, move |bytes| {
            if let Some(request) = lengths.read(bytes) {
                at.store(request, Ordering::Relaxed);
            }
        })
    }

    /// Marks the connection's next request if something about it is in doubt.
    pub(super) fn mark_ambiguous<B>(&self, mut request: Request<B>) -> Request<B> {
        let at = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        let is_long = self.two_lengths_at.load(Ordering::Relaxed) == at;
        let of_lengths = is_long.then_some(RequestAmbiguity::TwoLengths);
        let of_host = || RequestAmbiguity::check_host(request.version(), request.headers());
        if let Some(doubt) = of_lengths.or_else(of_host) {
            request.extensions_mut().insert(doubt);
        }
        request
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_one_name_or_address_and_perhaps_a_port() {
        let doubt = |version, hosts: &[&str]| {
            let mut headers = HeaderMap::new();
            for host in hosts {
                headers.append(header::HOST, HeaderValue::from_str(host).unwrap());
            }
            RequestAmbiguity::check_host(version, &headers)
        };
        for host in ["a", "a.example", "a_b:8080", "127.0.0.1", "[::1]:80", "x:", "xn--bcher-kva"] {
            for version in [Version::HTTP_10, Version::HTTP_11] {
                assert_eq!(doubt(version, &[host]), None, "{host}");
            }
        }
        for host in ["", " ", "a b", "a/b", "a@b", "http://a", "a:b", "a:99999", ":80", "a?b", "é"]
        {
            for version in [Version::HTTP_10, Version::HTTP_11] {
                assert_eq!(doubt(version, &[host]), Some(RequestAmbiguity::HostInvalid), "{host}");
            }
        }
        assert_eq!(doubt(Version::HTTP_10, &[]), None);
        assert_eq!(doubt(Version::HTTP_11, &[]), Some(RequestAmbiguity::HostMissing));
        assert_eq!(doubt(Version::HTTP_11, &["a", "a"]), Some(RequestAmbiguity::HostTwice));
    }
}
