//! What a check found, and what to do about it.

use serde::Serialize;

use super::super::table::TextTable;

/// What a finding means. The later ones are worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum FindingSeverity {
    /// As it should be.
    Ok,
    /// The service runs, but not as well or as safely as it could.
    Warning,
    /// The service does not start, or does not take events.
    Problem,
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct DoctorFinding {
    /// What was looked at.
    check: &'static str,
    pub(super) verdict: FindingSeverity,
    pub(super) found: String,
    /// What to do about it.
    pub(super) advice: Option<String>,
}

impl DoctorFinding {
    /// All is well.
    pub(super) fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, verdict: FindingSeverity::Ok, found: found.into(), advice: None }
    }

    /// Something could be better.
    pub(super) fn warning(
        check: &'static str,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        let (verdict, advice) = (FindingSeverity::Warning, Some(advice.into()));
        Self { check, verdict, found: found.into(), advice }
    }

    /// Something is in the way.
    pub(super) fn problem(
        check: &'static str,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        let (verdict, advice) = (FindingSeverity::Problem, Some(advice.into()));
        Self { check, verdict, found: found.into(), advice }
    }
}

/// All findings, and the worst of them.
#[derive(Debug, Serialize)]
pub(super) struct DoctorReport {
    verdict: FindingSeverity,
    findings: Vec<DoctorFinding>,
}

impl DoctorReport {
    /// Of these findings.
    pub(super) fn new(findings: Vec<DoctorFinding>) -> Self {
        let verdicts = findings.iter().map(|finding| finding.verdict);
        Self { verdict: verdicts.max().unwrap_or(FindingSeverity::Ok), findings }
    }

    /// How many of them are problems.
    pub(super) fn problems(&self) -> usize {
        self.findings.iter().filter(|finding| finding.verdict == FindingSeverity::Problem).count()
    }

    /// For people.
    pub(super) fn to_table(&self) -> String {
        let mut table =
            TextTable::default().text("check").text("").text("found").text("what to do");
        for finding in &self.findings {
            let verdict = match finding.verdict {
                FindingSeverity::Ok => "ok",
                FindingSeverity::Warning => "warning",
                FindingSeverity::Problem => "PROBLEM",
            };
            let advice = finding.advice.as_deref().unwrap_or_default();
            let cells = [finding.check, verdict, &*finding.found, advice];
            table.row(cells.map(str::to_owned).to_vec());
        }
        table.render()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_as_bad_as_its_worst_finding() {
        assert_eq!(DoctorReport::new(Vec::new()).verdict, FindingSeverity::Ok);
        let ok = DoctorFinding::ok("clock", "it goes");
        let warning = DoctorFinding::warning("open files", "few", "allow more");
        let problem = DoctorFinding::problem("disk space", "none", "make room");
        let some = DoctorReport::new(vec![ok.clone(), warning.clone()]);
        assert_eq!((some.verdict, some.problems()), (FindingSeverity::Warning, 0));
        let all = DoctorReport::new(vec![ok, problem, warning]);
        assert_eq!((all.verdict, all.problems()), (FindingSeverity::Problem, 1));
        assert!(all.to_table().contains("disk space  PROBLEM  none"));
        let json = serde_json::to_value(&all).unwrap();
        assert_eq!(json["verdict"], "problem");
        assert_eq!(json["findings"][0]["advice"], serde_json::Value::Null);
    }
}
