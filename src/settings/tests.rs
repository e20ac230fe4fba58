//! Precedence, validation, and that the three faces of the list agree.

use std::path::Path;

use clap::{Args, Command, FromArgMatches};

use std::ffi::OsString;

use super::*;

fn from(arguments: &[&str], file: &str) -> Result<Settings, SettingsError> {
    let command = PartialSettings::augment_args(Command::new("test").no_binary_name(true));
    let matches = command.try_get_matches_from(arguments).unwrap();
    let given = PartialSettings::from_arg_matches(&matches).unwrap();
    let settings = overlay(given, &matches, file::parse(Path::new("m.toml"), file)?);
    settings.check()?;
    Ok(settings)
}

fn refused(file: &str) -> String {
    let message = from(&[], file).unwrap_err().to_string();
    assert!(!message.contains('\n'), "{message}");
    message
}

#[test]
fn a_flag_wins_over_the_file_and_the_file_over_the_default() {
    let file = "schedule = '0 * * * *'\nlisten = 'localhost:99'\nevent_max_bytes = '1KiB'";
    let settings = from(&["--schedule", "", "--listen", "[::1]:8081"], file).unwrap();
    assert_eq!(settings.schedule, CronExpression(String::new()));
    assert_eq!(settings.sources.schedule, SettingSource::Flag);
    assert!(settings.sources.schedule.is_explicit());
    assert_eq!(settings.listen.0, "[::1]:8081");
    assert_eq!(settings.event_max_bytes, ByteSize(1024));
    assert_eq!(settings.sources.event_max_bytes, SettingSource::File);
    assert!(!settings.sources.event_max_bytes.is_explicit());
    assert_eq!(settings.full_schedule, CronExpression("0 3 * * *".to_owned()));
    assert_eq!(settings.sources.full_schedule, SettingSource::Default);
    assert_eq!(settings.metrics_file(), None);
}

#[test]
fn every_setting_has_a_flag_a_variable_and_a_key_of_one_name() {
    let command = PartialSettings::augment_args(Command::new("test"));
    for ((name, variable), argument) in
        NAMES.iter().zip(VARIABLES).zip(command.get_arguments().collect::<Vec<_>>())
    {
        assert_eq!(*variable, format!("MERGANSER_{}", name.to_uppercase()));
        assert_eq!(argument.get_id().as_str(), *name);
        assert_eq!(argument.get_long(), Some(&*name.replace('_', "-")));
        assert_eq!(argument.get_env().unwrap(), *variable);
    }
    assert_eq!(command.get_arguments().count(), NAMES.len());
}

#[test]
fn unknown_keys_and_variables_name_the_nearest() {
    assert_eq!(
        refused("lissten = 'x'"),
        "m.toml: `lissten` is not a setting; did you mean `listen`?"
    );
    assert!(refused("[server]\nport = 1").contains("`server` is not a setting"));
    let check = |name: &str| environment::check([OsString::from(name)].into_iter());
    assert_eq!(
        check("MERGANSER_LISTN").unwrap_err().to_string(),
        "`MERGANSER_LISTN` is not an environment variable of merganser; did you mean \
         `MERGANSER_LISTEN`?"
    );
    for fine in ["MERGANSER_KEY", "MERGANSER_PORT_80_TCP", "MERGANSER_SERVICE_HOST", "HOME"] {
        assert_eq!(check(fine), Ok(()), "{fine}");
    }
}

#[test]
fn wrong_values_say_where_and_what_would_be_right() {
    let message = refused("log = 'info'\nlisten = 'nowhere'\n");
    assert!(message.starts_with("m.toml:2: "), "{message}");
    assert!(message.contains("host:port"), "{message}");
    assert!(refused("listen = ").starts_with("m.toml:1: "));
    assert!(refused("schedule = 'whenever'").contains("`*/5 * * * *`"));
    assert!(refused("speed_store = 'redis://'").contains("redis-cluster://"));
    assert!(refused("speed_store = 'disk'").contains("`memory`"));
    assert!(refused("event_max_bytes = -1").contains("64KiB"));
    assert!(refused("event_max_bytes = '1 potato'").contains("64KiB"));
    assert!(refused("event_max_bytes = '1GiB'").contains("decompressed_max_bytes"));
    assert!(refused("request_max_events = 0").contains("`request_max_events` is 0"));
    assert!(refused("flush_interval_ms = 0").contains("1 to 10000"));
    assert!(refused("lag_max_ms = 50").contains("flush_interval_ms"));
    assert!(refused("log = 'info,=='").contains("log filter"));
    assert!(refused("schedule_timezone = 'Mars/Base'").contains("m.toml:1: "));
}

#[test]
fn sizes_are_shown_as_they_are_read() {
    for text in ["1GiB", "64KiB", "17B", "0B", "1025B"] {
        assert_eq!(text.parse::<ByteSize>().unwrap().to_string(), text);
    }
    assert!("99999999999GiB".parse::<ByteSize>().is_err());
}
