//! Queries, as the parameters of a URL or as the fields of a JSON object.
//!
//! What is refused names a parameter. What is taken keeps its bounds, reads the same when it is
//! written out again in either form, and can be resolved and planned for a metric or is refused.

mod written;

use std::sync::{Arc, LazyLock};

use axum::http::Uri;
use chrono_tz::Tz;
use merganser_api::problem::Problem;
use merganser_api::request::pairs;
use merganser_core::ids::{Boundary, MetricId};
use merganser_core::omissions::MetricOmissions;
use merganser_core::time::{TimeRange, Timestamp};
use merganser_metric::catalog::{LifecycleStage, MetricVersion};
use merganser_metric::compile::Metric;
use serde_json::{Map, Value};
use serving_layer::calendar::{Granularity, ZoneCache, ZoneOffsets};
use serving_layer::plan::{self, RollupScan};
use serving_layer::query::resolve::{ResolvedQuery, edges, resolve};
use serving_layer::query::{LIMIT_MAX, Query, QueryError};

const NOW: Timestamp = Timestamp(1_365_142_028_123_456);
/// Names of a list.
const NAMES_MAX: usize = 200;
/// Bytes of a message.
const DETAIL_MAX_BYTES: usize = 2048;
/// Buckets that are walked over.
const BUCKETS_MAX: usize = 50;

static ZONES: LazyLock<ZoneCache> = LazyLock::new(ZoneCache::default);

static METRIC: LazyLock<MetricVersion> = LazyLock::new(|| {
    let definition = br#"{"name":"sales","event":"sale","granularity":"minute",
        "dimensions":["country",{"name":"plan","property":"account.plan"}],
        "measures":{"n":{"kind":"count"},"sum":{"kind":"sum","of":"amount"},
            "last":{"kind":"latest","of":"state"},"mean":{"kind":"expr","expr":"sum / n"}}}"#;
    let definition = merganser_metric::definition::from_json(definition).unwrap();
    MetricVersion {
        id: MetricId(1),
        version: 1,
        stage: LifecycleStage::Active,
        boundary: Boundary::default(),
        compiled: Arc::new(Metric::compile(&definition).unwrap()),
        definition,
        files: Vec::new(),
        mismatches: 0,
        omissions: MetricOmissions::default(),
    }
});

/// Reads the input as a query string, or as JSON if it begins with `{`.
pub(crate) fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let query = if text.starts_with('{') {
        let Ok(fields) = serde_json::from_str::<Map<String, Value>>(text) else { return };
        Query::from_json(fields)
    } else {
        let Ok(uri) = Uri::builder().path_and_query(format!("/?{text}")).build() else { return };
        let Ok(pairs) = pairs(&uri) else { return };
        Query::from_pairs(pairs)
    };
    let Some(query) = taken(query) else { return };
    assert!(query.rows_max() <= LIMIT_MAX && query.offset <= usize::MAX / 2);
    check_names("measures", query.measures.as_deref().unwrap_or_default());
    check_names("group_by", &query.group_by);
    let columns: Vec<String> = query.order_by.iter().map(|order| order.name.clone()).collect();
    check_names("order_by", &columns);
    written::check(&query);
    check_resolved(&query);
}

fn check_names(parameter: &str, names: &[String]) {
    assert!(names.len() <= NAMES_MAX, "{parameter}: {} names", names.len());
    for (at, name) in names.iter().enumerate() {
        assert!(!names[..at].contains(name), "{parameter}: `{name}` twice");
    }
}

/// What was taken; what was refused is looked at.
fn taken<T>(result: Result<T, QueryError>) -> Option<T> {
    let problem = match result {
        Ok(taken) => return Some(taken),
        Err(error) => Problem::from(error),
    };
    assert_eq!(problem.status(), 400);
    let detail = problem.detail();
    assert!(!detail.is_empty() && detail.len() <= DETAIL_MAX_BYTES, "{detail}");
    let document = problem.to_json();
    let parameter = document["parameter"].as_str().unwrap();
    assert!(parameter.chars().count() <= 81, "{parameter}");
    let is_named = detail.contains(parameter) || document["code"] != "invalid_parameter";
    assert!(is_named, "`{parameter}`: {detail}");
    None
}

/// Resolves a query against a metric, and plans what is read.
fn check_resolved(query: &Query) {
    let zone = zone(query.timezone);
    let base = METRIC.compiled.grain();
    let Some(edges) = taken(edges(query, base, NOW, &zone)) else { return };
    let Some(resolved) = taken(resolve(query, &METRIC, zone, edges)) else { return };
    for edge in [edges.from, edges.to].into_iter().flatten() {
        assert!((Timestamp::MIN..=Timestamp::MAX).contains(&edge), "{edge}");
        assert_eq!(base.floor(edge), edge);
    }
    let range = edges.range();
    check_buckets(&resolved, range);
    check_pieces(&plan::rollup_scans(&resolved.calendar, base, range), range);
}

/// Buckets follow each other, and each begins in itself.
fn check_buckets(resolved: &ResolvedQuery, range: TimeRange) {
    if range.is_empty() || resolved.calendar.granularity() == Granularity::All {
        return;
    }
    let starts = resolved.calendar.starts(range, BUCKETS_MAX);
    assert!(starts.len() <= BUCKETS_MAX + 1, "{} buckets", starts.len());
    assert!(starts.is_sorted_by(|a, b| a < b), "{starts:?}");
    assert_eq!(resolved.calendar.buckets(&starts), starts);
}

/// Each instant of a range is in exactly one piece.
fn check_pieces(pieces: &[RollupScan], range: TimeRange) {
    let length = |range: &TimeRange| range.to.0 - range.from.0;
    let read = pieces.iter().map(|piece| {
        assert!(!piece.range.is_empty(), "{piece:?}");
        assert!(range.from <= piece.range.from && piece.range.to <= range.to, "{piece:?}");
        for cut in &piece.without {
            assert!(piece.range.from <= cut.from && cut.to <= piece.range.to, "{piece:?}");
        }
        length(&piece.range) - piece.without.iter().map(length).sum::<i64>()
    });
    assert_eq!(read.sum::<i64>(), length(&range).max(0), "{pieces:?}");
}

/// Looking a zone up takes a while, so few are.
fn zone(tz: Tz) -> Arc<ZoneOffsets> {
    const USED: [Tz; 5] = [
        Tz::UTC,
        Tz::Europe__Berlin,
        Tz::America__St_Johns,
        Tz::Australia__Lord_Howe,
        Tz::Africa__Monrovia,
    ];
    ZONES.get(if USED.contains(&tz) { tz } else { USED[tz.name().len() % USED.len()] })
}
