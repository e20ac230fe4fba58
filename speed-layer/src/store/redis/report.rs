//! What servers say of themselves, for `merganser doctor`. Whether they are fit at all, connecting
//! to them tells.

use super::RedisStore;
use super::connection::{info_field, to_store_error};
use crate::store::StoreError;

/// What a server says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisServerReport {
    /// Its kind and version, as `Redis 7.2.4` or `Valkey 8.0.1`.
    pub name: String,
    /// Whether it keeps an append-only file, and so its content when it is started anew.
    pub has_append_only_file: bool,
    /// Memory in use.
    pub used_bytes: u64,
    /// Memory that it may use; `None` if nothing is set.
    pub memory_max_bytes: Option<u64>,
}

impl RedisStore {
    /// What each server that is written to says of itself.
    ///
    /// # Errors
    /// When one does not answer.
    pub async fn report(&self) -> Result<Vec<RedisServerReport>, StoreError> {
        let infos = self.connection.info().await.map_err(|error| to_store_error(&error))?;
        Ok(infos.iter().map(|info| parse_info(info)).collect())
    }
}

/// The fields of `INFO`. Valkey gives the version of Redis that it is like, and its own.
fn parse_info(info: &str) -> RedisServerReport {
    let number = |name: &str| info_field(info, name).and_then(|text| text.parse::<u64>().ok());
    let name = match (info_field(info, "valkey_version"), info_field(info, "redis_version")) {
        (Some(own), _) => format!("Valkey {own}"),
        (None, Some(version)) => format!("Redis {version}"),
        (None, None) => "a server of unknown version".to_owned(),
    };
    RedisServerReport {
        name,
        has_append_only_file: number("aof_enabled") == Some(1),
        used_bytes: number("used_memory").unwrap_or_default(),
        memory_max_bytes: number("maxmemory").filter(|bytes| *bytes > 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_recognized_by_its_fields() {
        let info = "# Server\r\nredis_version:7.2.4\r\nserver_name:valkey\r\n\
                    valkey_version:8.0.1\r\n# Memory\r\nused_memory:1048576\r\n\
                    used_memory_human:1.00M\r\nmaxmemory:0\r\naof_enabled:1\r\n";
        let valkey = RedisServerReport {
            name: "Valkey 8.0.1".to_owned(),
            has_append_only_file: true,
            used_bytes: 1 << 20,
            memory_max_bytes: None,
        };
        assert_eq!(parse_info(info), valkey);
        let redis = parse_info("redis_version:7.0.15\r\nmaxmemory:100\r\naof_enabled:0\r\n");
        assert_eq!(&*redis.name, "Redis 7.0.15");
        assert_eq!((redis.has_append_only_file, redis.memory_max_bytes), (false, Some(100)));
    }
}
