//! What can be set, and where each value came from.
//!
//! There is one list, in [`settings!`] below. From it come the flags, the environment variables,
//! the keys of the TOML file and their defaults; a flag wins over the environment, which wins over
//! the file, which wins over the default. A name that the list does not have is an error.

mod check;
mod environment;
mod file;
mod roles;
mod scheduler_place;
mod tls_files;
mod value;

use std::ops::RangeInclusive;
use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args as _, FromArgMatches as _};
use serde::Deserialize;

pub(crate) use self::scheduler_place::SchedulerPlace;
pub(crate) use self::tls_files::TlsFiles;
use self::value::SWITCH;
pub(crate) use self::value::{
    AdvertisedUrl, AllowedOrigins, BoolSetting, ByteSize, CronExpression, JournalPlace,
    ListenAddress, LogFilter, LogFormat, OtlpEndpoint, RoleSetting, SpeedStoreAddress,
    StorageLocation, TimezoneName,
};

/// Why the settings cannot be used: one line, naming the setting.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum SettingsError {
    /// The file cannot be read.
    #[error("the settings file `{path}` cannot be read: {reason}")]
    Unreadable {
        /// As it was given.
        path: String,
        /// What the system said.
        reason: String,
    },
    /// The file has a wrong line or an unknown key.
    #[error("{path}: {reason}")]
    File {
        /// As it was given, with the line if it is known.
        path: String,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// An environment variable that looks like a setting is none.
    #[error("`{name}` is not an environment variable of merganser{suggestion}")]
    UnknownVariable {
        /// Its name.
        name: String,
        /// The nearest known one, or all.
        suggestion: String,
    },
    /// A variable has a value that cannot be read.
    #[error("the environment: {reason}")]
    Environment {
        /// Which one, and why.
        reason: String,
    },
    /// A value is out of its range, or does not go with another.
    #[error("`{name}` is {value}: {expected}")]
    Value {
        /// The setting.
        name: &'static str,
        /// As it was given.
        value: String,
        /// What would be right.
        expected: String,
    },
}

/// Where a value came from, least binding first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SettingSource {
    /// It was not set.
    #[default]
    Default,
    /// The TOML file.
    File,
    /// An environment variable.
    Environment,
    /// The command line.
    Flag,
}

impl SettingSource {
    /// Whether it was said for this very start, by flag or environment, and so wins over what the
    /// service stored earlier. The file and the defaults do not.
    #[must_use]
    pub(crate) fn is_explicit(self) -> bool {
        self >= Self::Environment
    }

    fn of(matches: &ArgMatches, name: &str) -> Self {
        match matches.value_source(name) {
            Some(ValueSource::CommandLine) => Self::Flag,
            Some(ValueSource::EnvVariable) => Self::Environment,
            _ => Self::Default,
        }
    }
}

macro_rules! settings {
    ($(
        #[doc = $doc:literal]
        $name:ident: $type:ty = $default:literal, $env:literal, $value:literal;
    )+) => {
        /// Settings as they may be given, by flag and environment (through clap) or by file
        /// (through serde); what is not given is `None`.
        #[derive(Clone, Debug, Default, clap::Args, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct PartialSettings {
            $(
                #[doc = $doc]
                #[arg(
                    long, env = $env, value_name = $value, hide_env_values = true,
                    num_args = arity($value), default_missing_value = "true",
                    help = help($doc, $default)
                )]
                pub(crate) $name: Option<$type>,
            )+
        }

        /// Every setting with its value.
        #[derive(Clone, Debug)]
        pub(crate) struct Settings {
            $(#[doc = $doc] pub(crate) $name: $type,)+
            /// Where the values came from.
            pub(crate) sources: SettingSources,
        }

        /// Where each value came from.
        #[derive(Clone, Debug, Default)]
        pub(crate) struct SettingSources {
            $(#[doc = $doc] pub(crate) $name: SettingSource,)+
        }

        impl Default for Settings {
            fn default() -> Self {
                Self {
                    $($name: $default.parse().expect("the list's defaults are valid"),)+
                    sources: SettingSources::default(),
                }
            }
        }

        /// Keys of the file, in the order of the list.
        pub(crate) const NAMES: &[&str] = &[$(stringify!($name)),+];

        /// Environment variables, in the order of the list.
        pub(crate) const VARIABLES: &[&str] = &[$($env),+];

        fn overlay(
            given: PartialSettings,
            matches: &ArgMatches,
            file: PartialSettings,
        ) -> Settings {
            let defaults = Settings::default();
            let mut sources = SettingSources::default();
            $(
                let $name = match (given.$name, file.$name) {
                    (Some(value), _) => {
                        sources.$name = SettingSource::of(matches, stringify!($name));
                        value
                    }
                    (None, Some(value)) => {
                        sources.$name = SettingSource::File;
                        value
                    }
                    (None, None) => defaults.$name,
                };
            )+
            Settings { $($name,)+ sources }
        }
    };
}

settings! {
    /// Address and port to answer HTTP on; port 0 takes a free one
    listen: ListenAddress = "127.0.0.1:8080", "MERGANSER_LISTEN", "HOST:PORT";
    /// Whether to listen beyond loopback although there are no keys
    insecure: BoolSetting = "false", "MERGANSER_INSECURE", "BOOL";
    /// Directory for the journal, the master dataset, the views and the manifest
    data_dir: PathBuf = "./data", "MERGANSER_DATA_DIR", "DIR";
    /// Where the master dataset, the views and the manifest are, if not there: s3://bucket/prefix
    storage: StorageLocation = "", "MERGANSER_STORAGE", "STORAGE";
    /// Where the journal is: directory, for files of the data directory, or storage
    journal: JournalPlace = "directory", "MERGANSER_JOURNAL", "PLACE";
    /// What this process does: all, or as one of several ingest, serving, batch, executor
    role: RoleSetting = "all", "MERGANSER_ROLE", "ROLES";
    /// Where the other processes reach this one, if not where it listens, as http://host:port
    advertise: AdvertisedUrl = "", "MERGANSER_ADVERTISE", "URL";
    /// Files of a bucket that are kept in the data directory
    storage_cache_bytes: ByteSize = "10GiB", "MERGANSER_STORAGE_CACHE_BYTES", "BYTES";
    /// Where the speed views live: memory, redis://host:port[/db] or redis-cluster://h1:p1,h2:p2
    speed_store: SpeedStoreAddress = "memory", "MERGANSER_SPEED_STORE", "STORE";
    /// TOML file of metric definitions, applied at every start
    metrics: PathBuf = "", "MERGANSER_METRICS", "FILE";
    /// Events that a run recomputes at a time, by thread or executor, unless a day has more
    part_max_events: u64 = "500000", "MERGANSER_PART_MAX_EVENTS", "N";
    /// Who has large runs made by executors: leader, or the scheduler at http://host:port
    ballista_scheduler: SchedulerPlace = "", "MERGANSER_BALLISTA_SCHEDULER", "SCHEDULER";
    /// Address and port of the scheduler, in the leader or by itself; port 0 takes a free one
    ballista_listen: ListenAddress = "127.0.0.1:50050", "MERGANSER_BALLISTA_LISTEN", "HOST:PORT";
    /// Events from which on a full run or a backfill is made by executors
    ballista_min_events: u64 = "10000000", "MERGANSER_BALLISTA_MIN_EVENTS", "N";
    /// Certificate of this process for the scheduler and its executors, as PEM
    ballista_tls_certificate: PathBuf = "", "MERGANSER_BALLISTA_TLS_CERTIFICATE", "FILE";
    /// Private key of that certificate, as PEM
    ballista_tls_key: PathBuf = "", "MERGANSER_BALLISTA_TLS_KEY", "FILE";
    /// Certificates that the other side's is signed by, as PEM
    ballista_tls_authority: PathBuf = "", "MERGANSER_BALLISTA_TLS_AUTHORITY", "FILE";
    /// Parts that an executor makes at a time; 0 for one a processor, if each has 1 GiB
    executor_parts_max: usize = "0", "MERGANSER_EXECUTOR_PARTS_MAX", "N";
    /// When to run the batch layer over what is new, as cron; an empty text switches it off
    schedule: CronExpression = "*/5 * * * *", "MERGANSER_SCHEDULE", "CRON";
    /// When to recompute everything, as cron; an empty text switches it off
    full_schedule: CronExpression = "0 3 * * *", "MERGANSER_FULL_SCHEDULE", "CRON";
    /// Time zone in which both schedules are meant
    schedule_timezone: TimezoneName = "UTC", "MERGANSER_SCHEDULE_TIMEZONE", "ZONE";
    /// Largest event
    event_max_bytes: ByteSize = "64KiB", "MERGANSER_EVENT_MAX_BYTES", "BYTES";
    /// Largest body of a request, as sent
    body_max_bytes: ByteSize = "16MiB", "MERGANSER_BODY_MAX_BYTES", "BYTES";
    /// Largest body of a request, decompressed
    decompressed_max_bytes: ByteSize = "64MiB", "MERGANSER_DECOMPRESSED_MAX_BYTES", "BYTES";
    /// Most events of a request
    request_max_events: usize = "100000", "MERGANSER_REQUEST_MAX_EVENTS", "N";
    /// Most events that are written to the journal at once, unless one request has more
    commit_max_events: usize = "100000", "MERGANSER_COMMIT_MAX_EVENTS", "N";
    /// The same in bytes
    commit_max_bytes: ByteSize = "32MiB", "MERGANSER_COMMIT_MAX_BYTES", "BYTES";
    /// Time that events wait for others: fewer requests to a storage, but later answers
    commit_delay_ms: u64 = "0", "MERGANSER_COMMIT_DELAY_MS", "MS";
    /// Identified events among which duplicates are recognised
    dedup_window_events: usize = "10000000", "MERGANSER_DEDUP_WINDOW_EVENTS", "N";
    /// Most groups that the speed views hold for a metric
    metric_max_groups: usize = "5000000", "MERGANSER_METRIC_MAX_GROUPS", "N";
    /// Most events in the quarantine; the oldest go first
    quarantine_max_events: usize = "10000", "MERGANSER_QUARANTINE_MAX_EVENTS", "N";
    /// Events without a run over which intake slows down; at twice as many it stops
    backlog_max_events: u64 = "50000000", "MERGANSER_BACKLOG_MAX_EVENTS", "N";
    /// Free disk space below which no events are accepted
    disk_floor_bytes: ByteSize = "1GiB", "MERGANSER_DISK_FLOOR_BYTES", "BYTES";
    /// Time between two writes of changed groups to the speed store
    flush_interval_ms: u64 = "100", "MERGANSER_FLUSH_INTERVAL_MS", "MS";
    /// Time that what a new generation replaced is kept for readers of the old one
    retire_grace_ms: u64 = "30000", "MERGANSER_RETIRE_GRACE_MS", "MS";
    /// Lag of the speed views from which on answers are incomplete
    lag_max_ms: u64 = "2000", "MERGANSER_LAG_MAX_MS", "MS";
    /// Queries that are answered at a time; further ones wait
    queries_max: usize = "64", "MERGANSER_QUERIES_MAX", "N";
    /// Memory for answers: while they are made and sent, and while they are kept for later ones
    query_memory_bytes: ByteSize = "1GiB", "MERGANSER_QUERY_MEMORY_BYTES", "BYTES";
    /// Connections that are open at a time; further ones wait
    connections_max: usize = "10000", "MERGANSER_CONNECTIONS_MAX", "N";
    /// Time that a connection may take until its next request's head is there
    idle_timeout_ms: u64 = "75000", "MERGANSER_IDLE_TIMEOUT_MS", "MS";
    /// Time that an answer may take to begin
    request_timeout_ms: u64 = "120000", "MERGANSER_REQUEST_TIMEOUT_MS", "MS";
    /// Time that a sender of events may pause within a body
    body_idle_timeout_ms: u64 = "10000", "MERGANSER_BODY_IDLE_TIMEOUT_MS", "MS";
    /// Certificates for https, as PEM; read anew when the file changes
    tls_certificate: PathBuf = "", "MERGANSER_TLS_CERTIFICATE", "FILE";
    /// Private key of the certificate, as PEM
    tls_key: PathBuf = "", "MERGANSER_TLS_KEY", "FILE";
    /// Sites whose pages may use the service from a browser, as https://a.example,https://b.example
    cors_origins: AllowedOrigins = "", "MERGANSER_CORS_ORIGINS", "ORIGINS";
    /// Where to send traces, as http://collector:4318/v1/traces (OTLP over HTTP)
    otlp_endpoint: OtlpEndpoint = "", "MERGANSER_OTLP_ENDPOINT", "URL";
    /// What to log, as error, warn, info, debug, or per module as info,batch_layer=debug
    log: LogFilter = "info", "MERGANSER_LOG", "FILTER";
    /// How to write the log: text or json
    log_format: LogFormat = "text", "MERGANSER_LOG_FORMAT", "FORMAT";
}

/// How many values a flag takes: a switch may stand by itself.
fn arity(value_name: &str) -> RangeInclusive<usize> {
    usize::from(value_name != SWITCH)..=1
}

/// What a flag is for, with its default.
fn help(doc: &str, default: &str) -> String {
    let default = if default.is_empty() { "none" } else { default };
    format!("{} [default: {default}]", doc.trim())
}

impl Settings {
    /// Joins what was given on the command line and in the environment (`given`, read from
    /// `matches`) with the file and the defaults. Without `config`, `merganser.toml` is read if
    /// there is one.
    ///
    /// # Errors
    /// One line that names the setting.
    pub(crate) fn load(
        given: PartialSettings,
        matches: &ArgMatches,
        config: Option<PathBuf>,
    ) -> Result<Self, SettingsError> {
        environment::check(std::env::vars_os().map(|(name, _)| name))?;
        let settings = overlay(given, matches, file::read(config)?);
        settings.check()?;
        Ok(settings)
    }

    /// What the environment and the file say, for a command that takes no settings itself.
    ///
    /// # Errors
    /// As [`Settings::load`].
    pub(crate) fn of_file(config: Option<PathBuf>) -> Result<Self, SettingsError> {
        let command = PartialSettings::augment_args(clap::Command::new("merganser"));
        let matches = command.try_get_matches_from(["merganser"]).map_err(unread)?;
        let given = PartialSettings::from_arg_matches(&matches).map_err(unread)?;
        Self::load(given, &matches, config)
    }

    /// The file of metric definitions, if one is set.
    #[must_use]
    pub(crate) fn metrics_file(&self) -> Option<&std::path::Path> {
        (!self.metrics.as_os_str().is_empty()).then_some(&*self.metrics)
    }

    /// The files of the certificate, if https is to be served.
    #[must_use]
    pub(crate) fn tls_files(&self) -> Option<TlsFiles> {
        let (certificate, key) = (self.tls_certificate.clone(), self.tls_key.clone());
        (!certificate.as_os_str().is_empty()).then_some(TlsFiles { certificate, key })
    }
}

fn unread(error: clap::Error) -> SettingsError {
    SettingsError::Environment {
        reason: error.to_string().lines().next().unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests;
