//! What a key with a filter gets for metrics that the filter does not fit.

use merganser_core::ids::MetricId;
use merganser_metric::catalog::{LifecycleStage, MetricVersion};

use super::*;

/// The answer to a key that sees Germany only. Of the metrics one has no countries, a second such
/// metric is being backfilled, and `sales` has a newer version without countries.
async fn ask(path: &str) -> Reply {
    let world = world();
    let made = |definition: &str, id: u64, version: u32, stage: LifecycleStage| {
        let of = metric(definition);
        MetricVersion { id: MetricId(id), version, stage, ..of }
    };
    const FLOOR: &str = r#"{"name":"floor","event":"machine","granularity":"day",
        "dimensions":["lathe"],"measures":{"spindle":{"kind":"count"}}}"#;
    world.publish_all([
        made(METRIC, 1, 1, LifecycleStage::Active),
        made(&METRIC.replace("country", "county"), 2, 2, LifecycleStage::Backfilling),
        made(FLOOR, 3, 1, LifecycleStage::Active),
        made(&FLOOR.replace("floor", "cellar"), 4, 1, LifecycleStage::Backfilling),
    ]);
    let filter = Some("country = 'DE'".to_owned());
    let scope = Arc::new(AccessScope { metrics: None, filter });
    let router = routes(world.subscriptions()).layer(Extension(scope));
    let response = router.oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
    Reply {
        status: response.status(),
        content_type: String::new(),
        location: None,
        body: response.into_body().collect().await.unwrap().to_bytes().to_vec(),
    }
}

#[tokio::test]
async fn errors_say_nothing_of_a_metric_that_the_filter_does_not_fit() {
    for (metric, rest) in [
        ("floor", ""),
        ("floor", "&measures=zzz"),
        ("floor", "&group_by=zzz"),
        ("floor", "&granularity=minute"),
        ("floor", "&filter=zzz%3D1"),
        ("floor", "&order_by=zzz&having=zzz%3D1"),
        ("cellar", ""),
        ("cellar", "&partial=allow"),
    ] {
        let reply = ask(&format!("/v1/query?metric={metric}{rest}")).await;
        let problem = reply.json();
        let detail = format!("the key's own filter does not fit `{metric}`");
        assert_eq!((reply.status, &problem["detail"]), (StatusCode::FORBIDDEN, &json!(detail)));
        assert_eq!(problem["code"], "beyond_scope");
    }
    for path in ["", "/dimensions/zzz", "/dimensions/lathe"] {
        let reply = ask(&format!("/v1/metrics/floor{path}")).await;
        let body = reply.text();
        assert!(reply.status == StatusCode::FORBIDDEN && !body.contains("known"), "{body}");
    }
}

#[tokio::test]
async fn a_metric_that_the_filter_does_not_fit_is_neither_listed_nor_suggested() {
    for name in ["flor", "celar", "zzz"] {
        for path in [format!("/v1/query?metric={name}"), format!("/v1/metrics/{name}")] {
            let reply = ask(&path).await;
            let body = reply.text();
            assert_eq!(reply.status, StatusCode::NOT_FOUND, "{body}");
            assert!(body.contains("known: `sales`\""), "{body}");
        }
    }
    let listed = ask("/v1/metrics").await.json();
    assert_eq!(listed["metrics"].as_array().unwrap().len(), 1, "{listed}");
    for shown in [listed["metrics"][0].clone(), ask("/v1/metrics/sales").await.json()] {
        assert_eq!((&shown["version"], &shown["next"]), (&json!(1), &Value::Null), "{shown}");
    }
    assert_eq!(ask("/v1/query?metric=sales").await.status, StatusCode::OK);
}
