//! The settings of each part, from the settings of the service.

use std::net::SocketAddr;
use std::time::Duration;

use batch_layer::catalog::CatalogSettings;
use batch_layer::run::RunSettings;
use batch_layer::schedule::Schedule;
use merganser_metric::catalog::CatalogSnapshot;
use serving_layer::ServingSettings;
use speed_layer::fold::SpeedSettings;
use speed_layer::intake::{IntakeLimits, IntakeSettings, QuarantineSettings};
use tracing::info;

use crate::access::AnonymousAccess;
use crate::http::{ConnectionSettings, HttpSettings};
use crate::settings::Settings;

/// The settings of intake.
pub(crate) fn intake(settings: &Settings) -> IntakeSettings {
    let limits = IntakeLimits {
        body_max_bytes: settings.body_max_bytes.as_usize(),
        decompressed_max_bytes: settings.decompressed_max_bytes.as_usize(),
        request_max_events: settings.request_max_events,
        event_max_bytes: settings.event_max_bytes.as_usize(),
        body_idle_max_ms: settings.body_idle_timeout_ms,
        ..IntakeLimits::default()
    };
    IntakeSettings {
        limits,
        dedup_window_events: settings.dedup_window_events,
        quarantine: QuarantineSettings {
            max_events: settings.quarantine_max_events,
            ..QuarantineSettings::default()
        },
        commit_max_events: settings.commit_max_events,
        commit_max_bytes: settings.commit_max_bytes.as_usize(),
        commit_delay: Duration::from_millis(settings.commit_delay_ms),
        backlog_max_events: settings.backlog_max_events,
        disk_path: settings.data_dir.clone(),
        disk_floor_bytes: settings.disk_floor_bytes.0,
        ..IntakeSettings::default()
    }
}

/// The settings of the fold.
pub(crate) fn speed(settings: &Settings) -> SpeedSettings {
    SpeedSettings {
        flush_interval: Duration::from_millis(settings.flush_interval_ms),
        retire_grace: Duration::from_millis(settings.retire_grace_ms),
        groups_max: settings.metric_max_groups,
        ..SpeedSettings::default()
    }
}

/// The settings of queries.
pub(crate) fn serving(settings: &Settings) -> ServingSettings {
    let lag_max = Duration::from_millis(settings.lag_max_ms);
    // A machine has no more of it.
    let memory_bytes = usize::try_from(settings.query_memory_bytes.0).unwrap_or(usize::MAX);
    let queries_max = settings.queries_max;
    ServingSettings { lag_max, queries_max, memory_bytes, ..ServingSettings::default() }
}

/// What connections are held to.
pub(crate) fn connections(settings: &Settings) -> ConnectionSettings {
    ConnectionSettings {
        connections_max: settings.connections_max,
        idle_timeout: Duration::from_millis(settings.idle_timeout_ms),
    }
}

/// What holds for every request.
pub(crate) fn http(settings: &Settings) -> HttpSettings {
    HttpSettings {
        answer_within: Duration::from_millis(settings.request_timeout_ms),
        origins: settings.cors_origins.clone(),
        is_traced: settings.otlp_endpoint.0.is_some(),
    }
}

/// The settings of the catalog.
pub(crate) fn catalog(settings: &Settings) -> CatalogSettings {
    CatalogSettings { grace_ms: settings.retire_grace_ms, ..CatalogSettings::default() }
}

/// The settings of runs. Field by field, a setting of this start wins over the stored schedule, and
/// that one over the file and the defaults.
pub(crate) fn runs(settings: &Settings, stored: Option<&Schedule>) -> RunSettings {
    let sources = &settings.sources;
    let schedule = Schedule {
        incremental: choose(
            sources.schedule.is_explicit(),
            &settings.schedule.0,
            stored.map(|stored| &stored.incremental),
        ),
        full: choose(
            sources.full_schedule.is_explicit(),
            &settings.full_schedule.0,
            stored.map(|stored| &stored.full),
        ),
        timezone: choose(
            sources.schedule_timezone.is_explicit(),
            &settings.schedule_timezone.0,
            stored.map(|stored| &stored.timezone),
        ),
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    RunSettings { schedule, threads, part_max_events: settings.part_max_events }
}

fn choose(is_explicit: bool, set: &str, stored: Option<&String>) -> String {
    match stored {
        Some(stored) if !is_explicit => stored.clone(),
        _ => set.to_owned(),
    }
}

/// Which callers may do everything while there are no keys: those on this machine, unless the
/// settings say more.
pub(crate) fn anonymous_access(
    settings: &Settings,
    address: SocketAddr,
    snapshot: &CatalogSnapshot,
) -> anyhow::Result<AnonymousAccess> {
    let openness = match (settings.insecure.0, address.ip().is_loopback()) {
        (true, _) => AnonymousAccess::Everybody,
        (false, true) => AnonymousAccess::Loopback,
        (false, false) => AnonymousAccess::Closed,
    };
    match (snapshot.keys.is_empty(), openness) {
        (true, AnonymousAccess::Loopback | AnonymousAccess::Everybody) => info!(
            "there are no keys: every caller that reaches {address} may do everything; \
             `merganser keys create --role admin` makes the first one"
        ),
        (true, AnonymousAccess::Closed) => anyhow::bail!(
            "there are no keys, and {address} can be reached from elsewhere: make the first one \
             with `merganser keys create --role admin --data-dir {}`, listen on 127.0.0.1, or say \
             --insecure",
            settings.data_dir.display()
        ),
        (false, _) => {}
    }
    Ok(openness)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{CronExpression, SettingSource};

    #[test]
    fn a_stored_schedule_stands_but_for_what_was_said_at_the_start() {
        let cron = |text: &str| CronExpression(text.to_owned());
        let mut settings = Settings {
            schedule: cron("1 * * * *"),
            full_schedule: cron(""),
            ..Settings::default()
        };
        settings.sources.schedule = SettingSource::File;
        settings.sources.full_schedule = SettingSource::Flag;
        let stored = Schedule {
            incremental: "2 * * * *".into(),
            full: "3 3 * * *".into(),
            timezone: "Europe/Berlin".into(),
        };
        let schedule = runs(&settings, Some(&stored)).schedule;
        assert_eq!(schedule.incremental, "2 * * * *");
        assert_eq!(schedule.full, "");
        assert_eq!(schedule.timezone, "Europe/Berlin");
        let schedule = runs(&settings, None).schedule;
        assert_eq!((&*schedule.incremental, &*schedule.timezone), ("1 * * * *", "UTC"));
    }

    #[test]
    fn the_defaults_are_those_of_the_parts() {
        let settings = Settings::default();
        let disk_path = settings.data_dir.clone();
        assert_eq!(intake(&settings), IntakeSettings { disk_path, ..IntakeSettings::default() });
        assert_eq!(catalog(&settings).grace_ms, CatalogSettings::default().grace_ms);
        assert_eq!(runs(&settings, None).schedule, Schedule::default());
        let (configured, default) = (speed(&settings), SpeedSettings::default());
        assert_eq!(configured.flush_interval, default.flush_interval);
        assert_eq!(configured.retire_grace, default.retire_grace);
        assert_eq!(configured.groups_max, default.groups_max);
        assert_eq!(serving(&settings).lag_max, ServingSettings::default().lag_max);
        assert_eq!(serving(&settings).queries_max, ServingSettings::default().queries_max);
        assert_eq!(serving(&settings).memory_bytes, ServingSettings::default().memory_bytes);
    }
}
