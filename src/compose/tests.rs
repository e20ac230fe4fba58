//! The whole service in this process.

mod shapes;

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::Value;
use tower::ServiceExt;

use tempfile::TempDir;

use super::*;
use crate::access::AnonymousAccess;
use crate::http::HttpService;
use crate::settings::AllowedOrigins;
use crate::settings::{ByteSize, ListenAddress};

/// Paths that show the document or the page, and are not in it.
const UNDESCRIBED: [&str; 3] = ["/docs", "/openapi.json", "/ui"];

/// Paths of routes, which a router tells only in its debug text.
fn paths(router: &Router) -> BTreeSet<String> {
    let text = format!("{router:?}");
    let quoted = text.split('"').skip(1).step_by(2);
    let paths = quoted.filter(|text| text.starts_with('/') && !text.contains("__private"));
    // Of what no route takes, the router has a route of its own.
    let is_described =
        |path: &&str| *path != "/" && !UNDESCRIBED.iter().any(|other| path.starts_with(other));
    paths.filter(is_described).map(str::to_owned).collect()
}

/// The methods of a path, from the refusal of one that no route takes.
async fn methods(router: &Router, path: &str) -> BTreeSet<String> {
    let uri = path.replace(['{', '}'], "");
    let request = Request::builder().method("ODD").uri(uri).body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
    let allowed = response.headers()[header::ALLOW].to_str().unwrap().to_lowercase();
    let methods = allowed.split(',').map(|method| method.trim().to_owned());
    methods.filter(|method| method != "head").collect()
}

async fn start(dir: &TempDir) -> RunningService {
    let settings = Settings {
        listen: "127.0.0.1:0".parse::<ListenAddress>().unwrap(),
        data_dir: dir.path().join("data"),
        disk_floor_bytes: ByteSize(1),
        ..Settings::default()
    };
    RunningService::start(settings).await.unwrap()
}

fn parts(service: &RunningService) -> HttpParts {
    let catalog = &service.batch.catalog;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let keys = KeyRoutes { catalog: Arc::clone(catalog) as _, clock: Arc::clone(&clock) };
    let guard = AccessGuard::new(
        catalog.subscribe(),
        clock,
        http::route_access(),
        AnonymousAccess::Loopback,
        AllowedOrigins::None,
        SessionCookie::Plain,
    );
    let layers = layer_routes(
        &service.intake,
        &service.runs,
        BackupService::new(Arc::clone(&service.batch.catalog), Vec::new()),
        &service.subscriptions,
        &service.speed,
        keys,
    );
    HttpParts {
        layers: layers
            .merge(serving_layer::http::dashboards::routes(Arc::clone(catalog) as _))
            .merge(access::session_routes(guard.clone())),
        readiness: Readiness::new(),
        figures: PrometheusBuilder::new().build_recorder().handle(),
        guard,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_describes_every_route_and_no_other() {
    let dir = tempfile::TempDir::new().unwrap();
    let service = start(&dir).await;
    let routes = http::routes(parts(&service));
    let mut there = BTreeMap::new();
    for path in paths(&routes) {
        there.insert(path.clone(), methods(&routes, &path).await);
    }
    let document: Value = serde_json::from_str(&http::openapi_text()).unwrap();
    let described: BTreeMap<String, BTreeSet<String>> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(path, item)| (path.clone(), item.as_object().unwrap().keys().cloned().collect()))
        .collect();
    assert!(there.len() > 10, "{there:?}");
    assert_eq!(there, described);
    service.stop().await.unwrap();
}

/// Every operation, and whom it is open to: everybody, senders, readers, readers whose key is
/// bound; the bearers of keys with role `admin` always.
const OPEN_TO: [(&str, &str, &str); 55] = [
    ("get", "/healthz", "everybody"),
    ("get", "/readyz", "everybody"),
    ("get", "/metrics", "read"),
    ("post", "/v1/events", "ingest"),
    ("post", "/v1/segment/{call}", "ingest"),
    ("post", "/v1/segment/v1/{call}", "ingest"),
    ("post", "/v1/t", "ingest"),
    ("post", "/v1/p", "ingest"),
    ("post", "/v1/s", "ingest"),
    ("post", "/v1/i", "ingest"),
    ("post", "/v1/g", "ingest"),
    ("post", "/v1/a", "ingest"),
    ("post", "/v1/b", "ingest"),
    ("post", "/v1/batch", "ingest"),
    ("post", "/v1/import", "ingest"),
    ("get", "/v1/quarantine", ""),
    ("get", "/v1/quarantine/{id}", ""),
    ("delete", "/v1/quarantine/{id}", ""),
    ("get", "/v1/metrics", "read bound"),
    ("get", "/v1/metrics/{name}", "read bound"),
    ("put", "/v1/metrics/{name}", ""),
    ("delete", "/v1/metrics/{name}", ""),
    ("get", "/v1/metrics/{name}/dimensions/{dimension}", "read bound"),
    ("get", "/v1/query", "read bound"),
    ("post", "/v1/query", "read bound"),
    ("get", "/v1/query:explain", "read bound"),
    ("post", "/v1/query:explain", "read bound"),
    ("get", "/v1/runs", "read"),
    ("post", "/v1/runs", ""),
    ("get", "/v1/runs/{id}", "read"),
    ("delete", "/v1/runs/{id}", ""),
    ("get", "/v1/schedule", "read"),
    ("put", "/v1/schedule", ""),
    ("get", "/v1/keys", ""),
    ("post", "/v1/keys", ""),
    ("delete", "/v1/keys/{id}", ""),
    ("post", "/v1/metrics:preview", ""),
    ("get", "/v1/properties", ""),
    ("get", "/v1/dashboards", "read bound"),
    ("get", "/v1/dashboards/{name}", "read bound"),
    ("put", "/v1/dashboards/{name}", ""),
    ("delete", "/v1/dashboards/{name}", ""),
    ("get", "/v1/session", "everybody"),
    ("post", "/v1/session", "everybody"),
    ("delete", "/v1/session", "everybody"),
    ("get", "/v1/status", "read"),
    ("get", "/v1/backup", ""),
    ("get", "/openapi.json", "everybody"),
    ("get", "/docs", "everybody"),
    ("get", "/docs/", "everybody"),
    ("get", "/docs/{*rest}", "everybody"),
    ("get", "/", "everybody"),
    ("get", "/ui", "everybody"),
    ("get", "/ui/", "everybody"),
    ("get", "/ui/{*rest}", "everybody"),
];

async fn status(routes: &HttpService, method: &str, path: &str, key: Option<&str>) -> StatusCode {
    let request = Request::builder().method(&*method.to_uppercase()).uri(path);
    let request = request.header("sec-fetch-site", "same-origin");
    let request = match key {
        Some(key) => request.header(header::AUTHORIZATION, format!("Bearer {key}")),
        None => request,
    };
    routes.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_opens_to_the_roles_that_it_is_for_and_to_no_other() {
    let dir = TempDir::new().unwrap();
    let service = start(&dir).await;
    let routes = HttpService::new(parts(&service), &configure::http(&Settings::default()));
    let operations: BTreeSet<(String, String)> = http::route_access()
        .into_iter()
        .map(|(path, method, _)| (method.as_str().to_lowercase(), path.to_owned()))
        .collect();
    let listed = OPEN_TO.map(|(method, path, _)| (method.to_owned(), path.to_owned()));
    assert_eq!(operations, listed.into(), "the table is of the operations that there are");
    let definition = br#"{"name":"sales","event":"e","dimensions":["tenant"],
        "measures":{"n":{"kind":"count"}}}"#;
    let definition = merganser_metric::definition::from_json(definition).unwrap();
    let catalog = Arc::clone(&service.batch.catalog);
    catalog.define(definition).await.unwrap();
    for (method, path, _) in OPEN_TO {
        let path = path.replace(['{', '}', '*'], "");
        let status = status(&routes, method, &path, None).await;
        assert!(![401, 403].contains(&status.as_u16()), "{method} {path} without any keys");
    }
    let keys = KeyRoutes { catalog, clock: Arc::new(SystemClock) };
    let make = async |body: &str| {
        let made = access::create_key(&keys, serde_json::from_str(body).unwrap()).await.unwrap();
        made.key.unwrap()
    };
    let bearers = [
        ("admin", make(r#"{"role":"admin"}"#).await),
        ("ingest", make(r#"{"role":"ingest"}"#).await),
        ("read", make(r#"{"role":"read"}"#).await),
        ("bound", make(r#"{"role":"read","metrics":["sales"]}"#).await),
        ("bound", make(r#"{"role":"read","filter":"tenant = 'a'"}"#).await),
    ];
    for (method, path, open_to) in OPEN_TO {
        let path = path.replace(['{', '}', '*'], "");
        let is_open = open_to == "everybody";
        for key in [None, Some("nonsense"), Some("mgs_0_0"), Some(&bearers[0].1[1..])] {
            let status = status(&routes, method, &path, key).await;
            assert_eq!(status == StatusCode::UNAUTHORIZED, !is_open, "{method} {path} {key:?}");
        }
        for (role, key) in &bearers {
            let status = status(&routes, method, &path, Some(key)).await;
            let may = is_open || *role == "admin" || open_to.split(' ').any(|name| name == *role);
            assert_eq!(
                status == StatusCode::FORBIDDEN,
                !may,
                "{method} {path} as {role}: {status}"
            );
            assert_ne!(status, StatusCode::UNAUTHORIZED, "{method} {path} as {role}");
        }
    }
    // A caller with a key gets 404 for a path without a route.
    assert_eq!(status(&routes, "get", "/v1/nope", None).await, 401);
    assert_eq!(status(&routes, "get", "/v1/nope", Some(&bearers[1].1)).await, 404);
    assert_eq!(status(&routes, "head", "/v1/metrics", Some(&bearers[2].1)).await, 200);
    assert_eq!(status(&routes, "patch", "/v1/metrics", Some(&bearers[2].1)).await, 403);
    service.stop().await.unwrap();
}
