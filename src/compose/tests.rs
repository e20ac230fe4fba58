//! The whole service in this process.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::Value;
use tower::ServiceExt;

use super::*;
use crate::settings::{Bytes, Listen};

/// Paths that show the document and are not in it.
const UNDESCRIBED: [&str; 2] = ["/docs", "/openapi.json"];

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

#[tokio::test(flavor = "multi_thread")]
async fn the_document_describes_every_route_and_no_other() {
    let dir = tempfile::TempDir::new().unwrap();
    let settings = Settings {
        listen: "127.0.0.1:0".parse::<Listen>().unwrap(),
        data_dir: dir.path().join("data"),
        disk_floor_bytes: Bytes(1),
        ..Settings::default()
    };
    let service = Service::start(settings).await.unwrap();
    let figures = PrometheusBuilder::new().build_recorder().handle();
    let layers = layers(&service.intake, &service.runs, &service.serving, &service.speed);
    let routes = http::routes(Parts { layers, readiness: Readiness::new(), figures });
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
