//! Which site's page makes a request, as browsers (Fetch Metadata) and host names say.

use std::net::IpAddr;

use axum::http::HeaderMap;
use merganser_api::error_code::ErrorCode;
use merganser_api::problem::Problem;

use super::guard::AnonymousAccess;

/// Whether the service's own page makes a request. Browsers say so where the page cannot have been
/// changed on its way: over TLS, or from this machine.
pub(super) fn is_same_origin(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|site| site == "same-origin")
}

/// Whether a script makes a request, and not a user who types an address: browsers say so.
pub(super) fn is_scripted(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-mode").is_some_and(|mode| mode != "navigate")
}

/// Whether a page of another site makes the request with its reader's browser, which reaches what
/// the reader reaches: browsers say so (Fetch Metadata), but for a page that has taken over a name
/// for this address (DNS rebinding), which the host name shows.
pub(super) fn is_cross_site(headers: &HeaderMap, openness: AnonymousAccess) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let is_cross =
        text("sec-fetch-site").is_some_and(|site| !["same-origin", "none"].contains(&site));
    let is_renamed = || text("host").is_some_and(|host| !is_local(host));
    is_cross || (openness == AnonymousAccess::Loopback && is_renamed())
}

/// Whether a `Host` cannot be a registered domain of others: an address, or a name without a dot,
/// or below `localhost`.
fn is_local(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    !name.contains('.') || name.ends_with(".localhost") || name.parse::<IpAddr>().is_ok()
}

pub(super) fn cross_site_problem() -> Problem {
    let detail = "there are no keys, so that pages of other sites are refused, and names of other \
                  machines; `merganser keys create --role admin` makes a key";
    Problem::new(ErrorCode::AnotherSite, detail)
}
