//! When runs will start by themselves: a schedule that was stored over HTTP stands until it is
//! changed there, whatever the settings file says.

use super::finding::DoctorFinding;
use crate::compose::inspect::{ManifestSummary, Schedule, effective_schedule};
use crate::settings::{SettingSource, Settings};

const SCHEDULE: &str = "schedule";

/// Compares what the settings say with what is stored.
pub(super) fn check(settings: &Settings, published: Option<ManifestSummary>) -> DoctorFinding {
    let stored = published.and_then(|published| published.schedule);
    let (wanted, followed) =
        (effective_schedule(settings, None), effective_schedule(settings, stored.as_ref()));
    let sources = &settings.sources;
    let overridden: Vec<String> = [
        ("schedule", sources.schedule, &wanted.incremental, &followed.incremental),
        ("full_schedule", sources.full_schedule, &wanted.full, &followed.full),
        ("schedule_timezone", sources.schedule_timezone, &wanted.timezone, &followed.timezone),
    ]
    .into_iter()
    .filter(|(_, source, wanted, followed)| *source == SettingSource::File && wanted != followed)
    .map(|(name, _, wanted, _)| format!("`{name} = \"{wanted}\"`"))
    .collect();
    judge(&followed, stored.is_some(), &overridden)
}

fn judge(followed: &Schedule, is_stored: bool, overridden: &[String]) -> DoctorFinding {
    let from = if is_stored { ", of which some was stored by PUT /v1/schedule" } else { "" };
    let found = format!(
        "incremental {}, full {}, {}{from}",
        describe_pattern(&followed.incremental),
        describe_pattern(&followed.full),
        followed.timezone
    );
    if overridden.is_empty() {
        return DoctorFinding::ok(SCHEDULE, found);
    }
    DoctorFinding::warning(
        SCHEDULE,
        format!("{found}; it overrides {} of the settings file", overridden.join(" and ")),
        "store what is meant by PUT /v1/schedule, or say it by flag or environment, which win",
    )
}

fn describe_pattern(text: &str) -> String {
    match text {
        "" => "never".to_owned(),
        text => format!("`{text}`"),
    }
}

#[cfg(test)]
mod tests {
    use merganser_core::ids::Generation;
    use merganser_core::time::Timestamp;

    use super::super::finding::FindingSeverity;
    use super::*;
    use crate::settings::CronExpression;

    #[test]
    fn a_stored_schedule_that_overrides_the_file_is_reported() {
        let stored = |incremental: &str| {
            let schedule = Schedule { incremental: incremental.to_owned(), ..Schedule::default() };
            let (generation, at) = (Generation(1), Timestamp(0));
            Some(ManifestSummary { generation, at, keys: 0, schedule: Some(schedule) })
        };
        let mut settings = Settings::default();
        assert_eq!(check(&settings, None).verdict, FindingSeverity::Ok);
        assert_eq!(
            check(&settings, stored("1 * * * *")).verdict,
            FindingSeverity::Ok,
            "the settings file has no schedule"
        );
        settings.schedule = CronExpression("2 * * * *".to_owned());
        settings.sources.schedule = SettingSource::File;
        assert_eq!(check(&settings, None).verdict, FindingSeverity::Ok);
        let finding = check(&settings, stored("1 * * * *"));
        assert_eq!(finding.verdict, FindingSeverity::Warning);
        assert!(finding.found.contains("incremental `1 * * * *`"), "{finding:?}");
        assert!(finding.found.contains("overrides `schedule = \"2 * * * *\"`"), "{finding:?}");
        assert_eq!(check(&settings, stored("2 * * * *")).verdict, FindingSeverity::Ok);
        settings.sources.schedule = SettingSource::Flag;
        let finding = check(&settings, stored("1 * * * *"));
        assert_eq!(finding.verdict, FindingSeverity::Ok, "a flag wins");
        assert!(finding.found.contains("incremental `2 * * * *`"), "{finding:?}");
    }
}
