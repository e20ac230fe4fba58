//! Files and connections that a process may have open, by the limit of this one.

use rustix::process::{Resource, getrlimit};

use super::finding::DoctorFinding;

const DESCRIPTORS: &str = "open files";

/// The journal, the log, the speed store and a run with its files.
const BASE: u64 = 256;
/// Files of views that a query reads at a time.
const PER_QUERY: u64 = 4;

/// Compares the limit with what the settings let a service open.
pub(super) fn check(connections_max: usize, queries_max: usize) -> DoctorFinding {
    judge(getrlimit(Resource::Nofile).current, connections_max as u64, queries_max as u64)
}

fn judge(limit: Option<u64>, connections_max: u64, queries_max: u64) -> DoctorFinding {
    let files = BASE + PER_QUERY * queries_max;
    let wanted = files + connections_max;
    let Some(limit) = limit else { return DoctorFinding::ok(DESCRIPTORS, "as many as wanted") };
    let raise =
        format!("allow {wanted}: `ulimit -n`, LimitNOFILE= of systemd, --ulimit nofile= of Docker");
    if limit < files {
        let found = format!("{limit} may be open, and files alone can be {files}");
        return DoctorFinding::problem(DESCRIPTORS, found, raise);
    }
    if limit < wanted {
        let found = format!(
            "{limit} may be open, and can be {wanted}: {connections_max} connections and {files} \
             files"
        );
        let advice = format!("{raise}; or set connections_max to {}", limit - files);
        return DoctorFinding::warning(DESCRIPTORS, found, advice);
    }
    DoctorFinding::ok(DESCRIPTORS, format!("{limit} may be open, and can be {wanted}"))
}

#[cfg(test)]
mod tests {
    use super::super::finding::FindingSeverity;
    use super::*;

    #[test]
    fn connections_come_after_files() {
        let verdict = |limit| judge(limit, 10_000, 64).verdict;
        assert_eq!(verdict(None), FindingSeverity::Ok);
        assert_eq!(verdict(Some(10_512)), FindingSeverity::Ok);
        assert_eq!(verdict(Some(10_511)), FindingSeverity::Warning);
        assert_eq!(verdict(Some(512)), FindingSeverity::Warning);
        assert_eq!(verdict(Some(511)), FindingSeverity::Problem);
        let advice = judge(Some(1024), 10_000, 64).advice.unwrap();
        assert!(advice.contains("allow 10512") && advice.contains("to 512"), "{advice}");
    }
}
