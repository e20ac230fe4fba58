//! The page: the built files of `ui/dist`, which are part of the binary.
//!
//! Every page of it is the same document, which reads its state from the URL. It holds no data, so
//! every caller may load it; it gets the data that it shows with its user's key. Its paths are
//! matched against a list, never against a disk.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use headers::{ETag, HeaderMapExt};
use merganser_api::problem::Problem;
use merganser_api::request::{Preconditions, preferred_media_type};
use sha2::{Digest, Sha256};

use super::not_found_problem;

/// Routes of the page; everybody may use them.
pub(super) const PATHS: [&str; 4] = ["/", "/ui", "/ui/", "/ui/{*rest}"];

/// Where the page begins.
const START: &str = "/ui/";

/// Pages, by the first part of their paths below [`START`].
const PAGES: [&str; 7] = ["explore", "d", "metrics", "runs", "health", "quarantine", "keys"];
/// Those that are also of one thing, which the second part names.
const PAGES_OF_ONE: [&str; 3] = ["d", "metrics", "runs"];

/// The document that every page is.
const DOCUMENT: &str = "index.html";

/// Names of files, their content types and what is in them.
const FILES: [(&str, &str, &[u8]); 4] = [
    (DOCUMENT, "text/html; charset=utf-8", include_bytes!("../../ui/dist/index.html")),
    ("app.js", "text/javascript; charset=utf-8", include_bytes!("../../ui/dist/app.js")),
    ("app.css", "text/css; charset=utf-8", include_bytes!("../../ui/dist/app.css")),
    ("icon.svg", "image/svg+xml", include_bytes!("../../ui/dist/icon.svg")),
];

/// What the page may load and reach: itself. Texts never become markup (Trusted Types).
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'; require-trusted-types-for 'script'";

/// A file of the page as it is sent.
struct PageFile {
    name: &'static str,
    content_type: &'static str,
    bytes: &'static [u8],
    /// Of its content.
    etag: ETag,
}

impl PageFile {
    fn new((name, content_type, bytes): (&'static str, &'static str, &'static [u8])) -> Self {
        let digest = Sha256::digest(bytes);
        let digits: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let etag = format!("\"{digits}\"").parse().expect("digits in quotes are an entity tag");
        Self { name, content_type, bytes, etag }
    }
}

/// The files of the page.
#[derive(Clone)]
struct PageFiles(Arc<[PageFile]>);

impl PageFiles {
    fn new() -> Self {
        Self(FILES.into_iter().map(PageFile::new).collect())
    }

    /// The file at a path below [`START`].
    fn find(&self, path: &str) -> Option<&PageFile> {
        let parts: Vec<&str> = path.split('/').collect();
        let name = match parts[..] {
            ["assets", name] => (name != DOCUMENT).then_some(name),
            [""] => Some(DOCUMENT),
            [page] => PAGES.contains(&page).then_some(DOCUMENT),
            [page, one] if !one.is_empty() => PAGES_OF_ONE.contains(&page).then_some(DOCUMENT),
            _ => None,
        };
        self.0.iter().find(|file| Some(file.name) == name)
    }
}

/// The routes of the page.
pub(super) fn routes() -> Router {
    Router::new()
        .route("/", get(root))
        .route("/ui", get(async || Redirect::temporary(START)))
        .route(START, get(start))
        .route("/ui/{*rest}", get(below))
        .with_state(PageFiles::new())
}

/// Leads browsers to the page.
async fn root(uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    match preferred_media_type(&headers, &["application/problem+json", "text/html"]) {
        Some(1) => Ok(([(header::VARY, "accept")], Redirect::temporary(START)).into_response()),
        _ => Err(not_found_problem(&uri)),
    }
}

async fn start(
    State(files): State<PageFiles>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    show(&files, "", &uri, &headers)
}

async fn below(
    State(files): State<PageFiles>,
    Path(path): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    show(&files, &path, &uri, &headers)
}

fn show(
    files: &PageFiles,
    path: &str,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let file = files.find(path).ok_or_else(|| not_found_problem(uri))?;
    let mut answer_headers = HeaderMap::new();
    answer_headers.typed_insert(file.etag.clone());
    for (name, value) in [
        // Revalidated each time, and sent only where it has changed: no page of an older build.
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        answer_headers.insert(name, HeaderValue::from_static(value));
    }
    if Preconditions::read(headers).know(&file.etag) {
        return Ok((StatusCode::NOT_MODIFIED, answer_headers).into_response());
    }
    answer_headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.content_type));
    Ok((answer_headers, file.bytes).into_response())
}

#[cfg(test)]
mod tests;
