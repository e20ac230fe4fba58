//! What a check found, and what to do about it.

use serde::Serialize;

use super::super::table::Table;

/// What a finding means. The later ones are worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    /// As it should be.
    Ok,
    /// The service runs, but not as well or as safely as it could.
    Warning,
    /// The service does not start, or does not take events.
    Problem,
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// What was looked at.
    check: &'static str,
    pub(super) verdict: Verdict,
    pub(super) found: String,
    /// What to do about it.
    pub(super) advice: Option<String>,
}

impl Finding {
    /// All is well.
    pub(super) fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Ok, found: found.into(), advice: None }
    }

    /// Something could be better.
    pub(super) fn warning(
        check: &'static str,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        let (verdict, advice) = (Verdict::Warning, Some(advice.into()));
        Self { check, verdict, found: found.into(), advice }
    }

    /// Something is in the way.
    pub(super) fn problem(
        check: &'static str,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        let (verdict, advice) = (Verdict::Problem, Some(advice.into()));
        Self { check, verdict, found: found.into(), advice }
    }
}

/// All findings, and the worst of them.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    verdict: Verdict,
    findings: Vec<Finding>,
}

impl Report {
    /// Of these findings.
    pub(super) fn new(findings: Vec<Finding>) -> Self {
        let verdicts = findings.iter().map(|finding| finding.verdict);
        Self { verdict: verdicts.max().unwrap_or(Verdict::Ok), findings }
    }

    /// How many of them are problems.
    pub(super) fn problems(&self) -> usize {
        self.findings.iter().filter(|finding| finding.verdict == Verdict::Problem).count()
    }

    /// For people.
    pub(super) fn to_table(&self) -> String {
        let mut table = Table::default().text("check").text("").text("found").text("what to do");
        for finding in &self.findings {
            let verdict = match finding.verdict {
                Verdict::Ok => "ok",
                Verdict::Warning => "warning",
                Verdict::Problem => "PROBLEM",
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
        assert_eq!(Report::new(Vec::new()).verdict, Verdict::Ok);
        let ok = Finding::ok("clock", "it goes");
        let warning = Finding::warning("open files", "few", "allow more");
        let problem = Finding::problem("disk space", "none", "make room");
        let some = Report::new(vec![ok.clone(), warning.clone()]);
        assert_eq!((some.verdict, some.problems()), (Verdict::Warning, 0));
        let all = Report::new(vec![ok, problem, warning]);
        assert_eq!((all.verdict, all.problems()), (Verdict::Problem, 1));
        assert!(all.to_table().contains("disk space  PROBLEM  none"));
        let json = serde_json::to_value(&all).unwrap();
        assert_eq!(json["verdict"], "problem");
        assert_eq!(json["findings"][0]["advice"], serde_json::Value::Null);
    }
}
