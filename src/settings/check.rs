//! Whether values are in their ranges, and go with each other.

use super::{ByteSize, SchedulerPlace, Settings, SettingsError};

impl Settings {
    /// Whether the values are in their ranges and go with each other.
    ///
    /// # Errors
    /// The first that is not, and what would be right.
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        let wrong = |name, value: String, expected: &str| {
            Err(SettingsError::Value { name, value, expected: expected.to_owned() })
        };
        for (name, value) in [
            ("request_max_events", self.request_max_events),
            ("dedup_window_events", self.dedup_window_events),
            ("metric_max_groups", self.metric_max_groups),
            ("quarantine_max_events", self.quarantine_max_events),
            ("queries_max", self.queries_max),
            ("connections_max", self.connections_max),
        ] {
            if value == 0 {
                return wrong(name, "0".to_owned(), "expected at least 1");
            }
        }
        for (name, value) in
            [("event_max_bytes", self.event_max_bytes), ("body_max_bytes", self.body_max_bytes)]
        {
            if value.0 == 0 || value > self.decompressed_max_bytes {
                let expected = "expected at least 1 and at most `decompressed_max_bytes`";
                return wrong(name, value.to_string(), expected);
            }
        }
        if self.decompressed_max_bytes > ByteSize::gib(1) {
            let value = self.decompressed_max_bytes.to_string();
            return wrong("decompressed_max_bytes", value, "expected at most 1GiB");
        }
        if self.query_memory_bytes < ByteSize::mib(64) {
            let value = self.query_memory_bytes.to_string();
            return wrong("query_memory_bytes", value, "expected at least 64MiB");
        }
        if !(1..=10_000).contains(&self.flush_interval_ms) {
            let value = self.flush_interval_ms.to_string();
            return wrong("flush_interval_ms", value, "expected 1 to 10000");
        }
        for (name, value) in
            [("queries_max", self.queries_max), ("connections_max", self.connections_max)]
        {
            if value > 1_000_000 {
                return wrong(name, value.to_string(), "expected at most 1000000");
            }
        }
        for (name, value) in [
            ("idle_timeout_ms", self.idle_timeout_ms),
            ("request_timeout_ms", self.request_timeout_ms),
            ("body_idle_timeout_ms", self.body_idle_timeout_ms),
        ] {
            if !(1..=86_400_000).contains(&value) {
                return wrong(name, value.to_string(), "expected 1 to 86400000");
            }
        }
        let [certificate, key] = [&self.tls_certificate, &self.tls_key];
        for (name, this, other) in
            [("tls_certificate", certificate, key), ("tls_key", key, certificate)]
        {
            if this.as_os_str().is_empty() && !other.as_os_str().is_empty() {
                let expected = "expected a file, as `tls_certificate` and `tls_key` go together";
                return wrong(name, "not set".to_owned(), expected);
            }
        }
        self.check_parts()?;
        self.check_cluster()?;
        if self.lag_max_ms <= self.flush_interval_ms {
            let value = self.lag_max_ms.to_string();
            return wrong("lag_max_ms", value, "expected more than `flush_interval_ms`");
        }
        Ok(())
    }

    /// One of several processes needs what all of them can read.
    fn check_cluster(&self) -> Result<(), SettingsError> {
        let role = &self.role.0;
        let expected = match (role.is_cluster, self.journal.is_in_storage(), &*self.speed_store.0) {
            (true, false, _) => {
                "expected all, unless `journal` is storage, which all processes read"
            }
            (true, true, "memory") => {
                "expected all, unless `speed_store` is Redis, which all processes read"
            }
            (true, true, _) | (false, ..) => return Ok(()),
        };
        let (name, value) = ("role", role.to_string());
        Err(SettingsError::Value { name, value, expected: expected.to_owned() })
    }

    /// Parts of runs have a size, and executors need a storage that they see and a build that has
    /// them.
    fn check_parts(&self) -> Result<(), SettingsError> {
        let wrong = |name, value: String, expected: &str| {
            Err(SettingsError::Value { name, value, expected: expected.to_owned() })
        };
        if self.part_max_events < 1000 {
            let value = self.part_max_events.to_string();
            return wrong("part_max_events", value, "expected at least 1000");
        }
        let place = self.ballista_scheduler.to_string();
        let is_wanted = self.ballista_scheduler != SchedulerPlace::Nowhere;
        if (is_wanted || self.role.0.executor) && !cfg!(feature = "ballista") {
            let (name, value) = match is_wanted {
                true => ("ballista_scheduler", place),
                false => ("role", self.role.0.to_string()),
            };
            let expected = "this build has no Ballista; expected one that was made with `cargo \
                            build --release --features ballista`";
            return wrong(name, value, expected);
        }
        if is_wanted && !self.role.0.is_cluster {
            let expected = "expected nothing for a process by itself: executors must see the \
                            storage and the speed views, so start processes with `--role` and \
                            `--journal storage`";
            return wrong("ballista_scheduler", place, expected);
        }
        if is_wanted && self.storage.is_of_this_machine() {
            let expected = "expected nothing while `storage` is the data directory of one \
                            process, which executors do not see; use a bucket, or \
                            file:///directory for one that all processes have";
            return wrong("ballista_scheduler", place, expected);
        }
        if self.role.0.executor && !is_wanted {
            let expected = "expected no executor unless `ballista_scheduler` says whom it asks";
            return wrong("role", self.role.0.to_string(), expected);
        }
        let files =
            [&self.ballista_tls_certificate, &self.ballista_tls_key, &self.ballista_tls_authority];
        let given = files.iter().filter(|file| !file.as_os_str().is_empty()).count();
        if !matches!(given, 0 | 3) {
            let expected = "expected a file, as the three of `ballista_tls_certificate`, \
                            `ballista_tls_key` and `ballista_tls_authority` go together";
            let names = ["ballista_tls_certificate", "ballista_tls_key", "ballista_tls_authority"];
            let missing = names.iter().zip(files).find(|(_, file)| file.as_os_str().is_empty());
            let missing = missing.map_or(names[0], |(name, _)| *name);
            return wrong(missing, "not set".to_owned(), expected);
        }
        Ok(())
    }
}
