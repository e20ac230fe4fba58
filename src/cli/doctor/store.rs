//! The speed store: reachable, fit to keep speed views, and with memory left.

use std::time::Duration;

use indicatif::HumanBytes;
use tokio::time::timeout;

use super::finding::DoctorFinding;
use crate::compose::inspect::{self, RedisServerReport};

const STORE: &str = "speed store";

/// How long all its servers may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// Share of its memory from which on a server is short of it, in percent.
const FULL_PERCENT: u64 = 80;

/// Connects as a service would, and reads what the store reports.
pub(super) async fn check(setting: &str) -> DoctorFinding {
    let advice = "have it started and configured so, or name another with --speed-store";
    match timeout(PATIENCE, Box::pin(inspect::speed_store(setting))).await {
        Ok(Ok(servers)) => judge(&servers),
        Ok(Err(error)) => DoctorFinding::problem(STORE, format!("{error:#}"), advice),
        Err(_) => {
            let found = format!("it did not answer within {} s", PATIENCE.as_secs());
            DoctorFinding::problem(STORE, found, advice)
        }
    }
}

fn judge(servers: &[RedisServerReport]) -> DoctorFinding {
    let Some(first) = servers.first() else {
        return DoctorFinding::ok(
            STORE,
            "memory: the views are made from the journal at every start",
        );
    };
    let kept = match servers.iter().all(|server| server.has_append_only_file) {
        true => "with an append-only file",
        false => {
            "without an append-only file, so that after its restart the views are made from the \
             journal"
        }
    };
    let used: Vec<String> = servers.iter().map(describe_memory).collect();
    let found = format!("{}, {} in use, noeviction, {kept}", first.name, used.join(" and "));
    if servers.iter().any(is_full) {
        let advice = "raise its maxmemory: when it is reached, nothing more can be written";
        return DoctorFinding::warning(STORE, found, advice);
    }
    DoctorFinding::ok(STORE, found)
}

fn is_full(server: &RedisServerReport) -> bool {
    server.memory_max_bytes.is_some_and(|most| server.used_bytes > most / 100 * FULL_PERCENT)
}

fn describe_memory(server: &RedisServerReport) -> String {
    match server.memory_max_bytes {
        Some(most) => format!("{} of {}", HumanBytes(server.used_bytes), HumanBytes(most)),
        None => HumanBytes(server.used_bytes).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::FindingSeverity;
    use super::*;

    #[test]
    fn a_store_has_memory_left() {
        assert!(judge(&[]).found.contains("memory"));
        let server = RedisServerReport {
            name: "Redis 7.2.4".to_owned(),
            has_append_only_file: true,
            used_bytes: 80 << 20,
            memory_max_bytes: None,
        };
        let bounded =
            |most: u64| RedisServerReport { memory_max_bytes: Some(most), ..server.clone() };
        assert_eq!(judge(std::slice::from_ref(&server)).verdict, FindingSeverity::Ok);
        assert_eq!(judge(&[server.clone(), bounded(200 << 20)]).verdict, FindingSeverity::Ok);
        let full = judge(&[server.clone(), bounded(90 << 20)]);
        assert_eq!(full.verdict, FindingSeverity::Warning);
        assert!(full.found.contains("Redis 7.2.4") && full.found.contains("90.00 MiB"));
        let volatile = RedisServerReport { has_append_only_file: false, ..server.clone() };
        assert!(judge(&[server, volatile]).found.contains("without"));
    }

    #[tokio::test]
    async fn a_missing_store_is_a_problem() {
        assert_eq!(check("memory").await.verdict, FindingSeverity::Ok);
        let away = check("redis://127.0.0.1:1").await;
        assert_eq!(away.verdict, FindingSeverity::Problem);
        assert!(away.found.contains("127.0.0.1:1"), "{away:?}");
    }
}
