//! The page as a browser loads it, from the whole service.

use axum::body::Body;
use axum::http::Request;

use super::super::tests::call;
use super::*;

async fn get(path: &str, sent: &[(&str, &str)]) -> (StatusCode, HeaderMap, Vec<u8>) {
    ask("GET", path, sent).await
}

async fn ask(method: &str, path: &str, sent: &[(&str, &str)]) -> (StatusCode, HeaderMap, Vec<u8>) {
    let request = Request::builder().method(method).uri(path);
    let request = sent.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    call(request.body(Body::empty()).unwrap()).await
}

const BROWSER: (&str, &str) =
    ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8");

#[tokio::test]
async fn a_browser_is_led_to_the_page_and_nobody_else() {
    for (path, sent) in [("/", &[BROWSER][..]), ("/ui", &[]), ("/ui", &[BROWSER])] {
        let (status, headers, _) = get(path, sent).await;
        assert_eq!((status.as_u16(), &headers["location"]), (307, &"/ui/".parse().unwrap()));
    }
    for sent in [&[][..], &[("accept", "*/*")], &[("accept", "application/json")]] {
        let (status, headers, _) = get("/", sent).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{sent:?}");
        assert_eq!(headers["content-type"], "application/problem+json");
    }
}

#[tokio::test]
async fn files_are_sent_whole_with_what_a_browser_has_to_know() {
    for (path, content_type, wanted) in [
        ("/ui/", "text/html; charset=utf-8", FILES[0].2),
        ("/ui/assets/app.js", "text/javascript; charset=utf-8", FILES[1].2),
        ("/ui/assets/app.css", "text/css; charset=utf-8", FILES[2].2),
        ("/ui/assets/icon.svg", "image/svg+xml", FILES[3].2),
    ] {
        let (status, headers, body) = get(path, &[]).await;
        assert_eq!((status, &*body), (StatusCode::OK, wanted), "{path}");
        for (name, value) in [
            ("content-type", content_type),
            ("cache-control", "no-cache"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
        ] {
            assert_eq!(headers[name], value, "{path}");
        }
        let policy = headers["content-security-policy"].to_str().unwrap();
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "connect-src 'self'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
        ] {
            assert!(policy.split("; ").any(|one| one == part), "{part}: {policy}");
        }
        assert!(!policy.contains("unsafe"));
        let (status, of_head, body) = ask("HEAD", path, &[]).await;
        assert_eq!((status, body.len()), (StatusCode::OK, 0), "{path}");
        for name in ["etag", "content-type", "content-security-policy"] {
            assert_eq!(of_head[name], headers[name], "{path}");
        }
        assert_eq!(of_head["content-length"], wanted.len().to_string());
    }
}

#[tokio::test]
async fn what_a_browser_has_is_not_sent_again() {
    let (_, headers, _) = get("/ui/assets/app.js", &[]).await;
    let etag = headers["etag"].to_str().unwrap();
    assert!(etag.starts_with('"') && etag.len() == 34, "strong, of 128 bits: {etag}");
    let (_, other, _) = get("/ui/assets/app.css", &[]).await;
    assert_ne!(headers["etag"], other["etag"]);
    let among_others = format!("\"x\", {etag}");
    let weak = format!("W/{etag}");
    for (tags, is_known) in [
        (etag, true),
        (&*among_others, true),
        (&*weak, true),
        ("*", true),
        ("\"x\"", false),
        ("nonsense", false),
    ] {
        for method in ["GET", "HEAD"] {
            let sent = [("if-none-match", tags)];
            let (status, answered, body) = ask(method, "/ui/assets/app.js", &sent).await;
            assert_eq!(status.as_u16(), if is_known { 304 } else { 200 }, "{method} {tags}");
            assert_eq!(answered["etag"], headers["etag"]);
            assert!(!is_known || body.is_empty());
        }
    }
    let (status, answered, body) = get("/ui/assets/icon.svg", &[("accept-encoding", "gzip")]).await;
    assert_eq!((status, &answered["content-encoding"]), (StatusCode::OK, &"gzip".parse().unwrap()));
    assert!(answered.get_all("vary").iter().any(|names| names == "accept-encoding"));
    assert_ne!(body, FILES[3].2);
}

#[tokio::test]
async fn pages_are_one_document_and_nothing_else_is_there() {
    for path in [
        "/ui/explore?metric=flights&from=now-7d",
        "/ui/d",
        "/ui/d/flights",
        "/ui/d/%22%3E%3Cimg%20src=x%3E",
        "/ui/metrics",
        "/ui/metrics/flights",
        "/ui/runs",
        "/ui/health",
        "/ui/quarantine",
        "/ui/keys",
    ] {
        let (status, headers, body) = get(path, &[]).await;
        assert_eq!((status, &*body), (StatusCode::OK, FILES[0].2), "{path}");
        assert_eq!(headers["content-type"], "text/html; charset=utf-8");
    }
    for path in [
        "/ui/nope",
        "/ui/explore/",
        "/ui/explore/one",
        "/ui/d/",
        "/ui/d/a/b",
        "/ui/d/a%2Fb",
        "/ui//",
        "/ui/index.html",
        "/ui/assets",
        "/ui/assets/",
        "/ui/assets/index.html",
        "/ui/assets/app.js/",
        "/ui/assets/../assets/app.js",
        "/ui/assets/..%2fassets%2fapp.js",
        "/ui/assets/%2e%2e/%2e%2e/Cargo.toml",
        "/ui/../Cargo.toml",
        "/ui/assets/app.js%00",
        "/ui/assets/APP.JS",
        "/ui/..\\..\\etc\\passwd",
        "/ui/%252e%252e/Cargo.toml",
    ] {
        let (status, headers, _) = get(path, &[BROWSER]).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(headers["content-type"], "application/problem+json", "{path}");
    }
    assert_eq!(get("/ui/%ff", &[]).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(ask("POST", "/ui/", &[]).await.0, StatusCode::METHOD_NOT_ALLOWED);
}
