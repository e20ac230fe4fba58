//! The connection to Redis: one server or a cluster, with times and retries bounded, and with what
//! the server must be checked at the start.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redis::aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig};
use redis::cluster::ClusterClientBuilder;
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{MultipleNodeRoutingInfo, RoutingInfo};
use redis::{
    Client, Cmd, ErrorKind, FromRedisValue, Pipeline, RedisError, RedisFuture, RedisResult,
    ServerErrorKind, Value,
};

use crate::store::address::RedisAddress;
use crate::store::{StoreConnectError, StoreError};

/// How long an answer may take. The client's own 500 ms are short for a script of some megabytes.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Attempts to connect again before a command fails; its sender tries again.
const RETRIES: usize = 1;
const RETRY_MIN: Duration = Duration::from_millis(50);
const RETRY_MAX: Duration = Duration::from_millis(500);
/// The first version whose scripts have flags.
const VERSION_MIN: u64 = 7;

/// Either kind of connection. Clones share it.
#[derive(Clone)]
pub(super) enum RedisConnection {
    Single(Arc<ServerConnection>),
    Cluster(ClusterConnection),
}

/// A connection to one server, which is replaced when it falls silent.
///
/// The manager connects again when the system says that a connection is broken. One whose packets
/// are lost says nothing for a quarter of an hour, and every request on it runs into its time.
pub(super) struct ServerConnection {
    client: Client,
    config: ConnectionManagerConfig,
    current: Mutex<ConnectionManager>,
    /// Held while the current one is replaced; how often it was.
    replaced: tokio::sync::Mutex<u64>,
}

impl ServerConnection {
    async fn connect(client: Client, config: ConnectionManagerConfig) -> RedisResult<Self> {
        let first = ConnectionManager::new_with_config(client.clone(), config.clone()).await?;
        let (current, replaced) = (Mutex::new(first), tokio::sync::Mutex::default());
        Ok(Self { client, config, current, replaced })
    }

    fn current(&self) -> ConnectionManager {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sends something, and takes another connection if this one did not answer in time.
    async fn send<T>(
        &self,
        request: impl AsyncFnOnce(ConnectionManager) -> RedisResult<T>,
    ) -> RedisResult<T> {
        let before = *self.replaced.lock().await;
        let answer = request(self.current()).await;
        if answer.as_ref().is_err_and(RedisError::is_timeout) {
            self.replace(before).await;
        }
        answer
    }

    /// Takes another connection, unless another task did so since. Where none can be made, the next
    /// request without an answer tries again.
    async fn replace(&self, before: u64) {
        let mut replaced = self.replaced.lock().await;
        if *replaced != before {
            return;
        }
        let (client, config) = (self.client.clone(), self.config.clone());
        if let Ok(new) = ConnectionManager::new_with_config(client, config).await {
            *self.current.lock().unwrap_or_else(PoisonError::into_inner) = new;
            *replaced += 1;
        }
    }
}

impl ConnectionLike for RedisConnection {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::Single(line) => Box::pin(
                line.send(async move |mut connection| connection.req_packed_command(cmd).await),
            ),
            Self::Cluster(connection) => connection.req_packed_command(cmd),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::Single(line) => Box::pin(line.send(async move |mut connection| {
                connection.req_packed_commands(pipeline, offset, count).await
            })),
            Self::Cluster(connection) => connection.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::Single(line) => line.current().get_db(),
            Self::Cluster(connection) => connection.get_db(),
        }
    }
}

impl RedisConnection {
    /// Connects, and checks that the server loses nothing and runs the scripts.
    pub(super) async fn open(address: &RedisAddress) -> Result<Self, StoreConnectError> {
        let unreachable = |error: RedisError| StoreConnectError::Unreachable {
            address: address.to_string(),
            reason: one_line(&error),
        };
        let connection = Self::connect(address).await.map_err(unreachable)?;
        let infos = connection.info().await.map_err(unreachable)?;
        for info in &infos {
            check_fitness(address, info).map_err(|reason| StoreConnectError::Unfit {
                address: address.to_string(),
                reason,
            })?;
        }
        Ok(connection)
    }

    async fn connect(address: &RedisAddress) -> RedisResult<Self> {
        match address {
            RedisAddress::Single(url) => {
                let config = ConnectionManagerConfig::new()
                    .set_number_of_retries(RETRIES)
                    .set_min_delay(RETRY_MIN)
                    .set_max_delay(RETRY_MAX)
                    .set_response_timeout(Some(RESPONSE_TIMEOUT))
                    .set_connection_timeout(Some(CONNECT_TIMEOUT));
                let client = Client::open(url.as_str())?;
                ServerConnection::connect(client, config)
                    .await
                    .map(|line| Self::Single(Arc::new(line)))
            }
            RedisAddress::Cluster(urls) => {
                // A command that is sent again is no danger: each write has its serial.
                let client = ClusterClientBuilder::new(urls.iter().map(String::as_str))
                    .retries(3)
                    .min_retry_wait(50)
                    .max_retry_wait(500)
                    .response_timeout(RESPONSE_TIMEOUT)
                    .connection_timeout(CONNECT_TIMEOUT)
                    .build()?;
                client.get_async_connection().await.map(Self::Cluster)
            }
        }
    }

    /// `INFO` of every server that is written to.
    pub(super) async fn info(&self) -> RedisResult<Vec<String>> {
        let mut info = redis::cmd("INFO");
        match self.clone() {
            Self::Single(_) => Ok(vec![info.query_async::<String>(&mut self.clone()).await?]),
            Self::Cluster(mut connection) => {
                let routing = RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllMasters, None));
                let answers = connection.route_command(info.take(), routing).await?;
                let by_node = Vec::<(String, String)>::from_redis_value(answers)?;
                Ok(by_node.into_iter().map(|(_, info)| info).collect())
            }
        }
    }
}

/// A field of `INFO`.
pub(super) fn info_field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

fn check_fitness(address: &RedisAddress, info: &str) -> Result<(), String> {
    let version = info_field(info, "redis_version").unwrap_or("unknown");
    let major: Option<u64> = version.split('.').next().and_then(|major| major.parse().ok());
    if major.is_none_or(|major| major < VERSION_MIN) {
        return Err(format!(
            "its version is {version}; Redis {VERSION_MIN}.0 or later, or Valkey, is needed"
        ));
    }
    match info_field(info, "maxmemory_policy") {
        Some("noeviction") => {}
        policy => {
            let policy = policy.unwrap_or("unknown");
            return Err(format!(
                "its maxmemory-policy is {policy}, under which it throws counters away; set it to \
                 noeviction"
            ));
        }
    }
    if info_field(info, "role") == Some("slave") {
        return Err("it is a replica; name its primary".to_owned());
    }
    let is_cluster = info_field(info, "redis_mode") == Some("cluster");
    match address {
        RedisAddress::Single(_) if is_cluster => {
            Err("it is a node of a cluster; use redis-cluster://".to_owned())
        }
        RedisAddress::Cluster(_) if !is_cluster => {
            Err("it is not a node of a cluster; use redis://".to_owned())
        }
        RedisAddress::Single(_) | RedisAddress::Cluster(_) => Ok(()),
    }
}

/// Whether a failed write happened. An answer of the server says that it did not, since no script
/// fails after its first write; everything else leaves it open.
pub(super) fn to_store_error(error: &RedisError) -> StoreError {
    let text = one_line(error);
    match error.kind() {
        _ if is_wrong_type(error) => StoreError::Damaged(text),
        ErrorKind::Server(ServerErrorKind::MasterDown | ServerErrorKind::ClusterDown)
        | ErrorKind::Io
        | ErrorKind::ClusterConnectionNotFound => StoreError::Uncertain(text),
        ErrorKind::Server(_)
        | ErrorKind::Extension
        | ErrorKind::AuthenticationFailed
        | ErrorKind::InvalidClientConfig => StoreError::Failed(text),
        _ => StoreError::Uncertain(text),
    }
}

/// Whether a key holds a value of another type than the service writes; in a pipeline only the text
/// of the error says so.
pub(super) fn is_wrong_type(error: &RedisError) -> bool {
    error.to_string().contains("WRONGTYPE")
}

pub(super) fn one_line(error: &RedisError) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(info: &str) -> Result<(), String> {
        check_fitness(&RedisAddress::Single("redis://x".into()), info)
    }

    #[test]
    fn a_server_that_would_lose_states_is_refused() {
        let good = "redis_version:7.0.15\r\nredis_mode:standalone\r\nrole:master\r\n\
                    maxmemory_policy:noeviction\r\n";
        assert_eq!(verdict(good), Ok(()));
        for (from, to, says) in [
            ("noeviction", "allkeys-lru", "set it to noeviction"),
            ("7.0.15", "6.2.1", "6.2.1"),
            ("master", "slave", "primary"),
            ("standalone", "cluster", "redis-cluster://"),
            ("maxmemory_policy", "other", "unknown"),
        ] {
            let error = verdict(&good.replace(from, to)).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }
}
