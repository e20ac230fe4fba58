//! Redis: to come.
use super::address::RedisAddress;
use super::*;

/// Redis.
#[derive(Debug)]
pub struct RedisStore;
impl RedisStore {
    /// Connects.
    pub async fn connect(
        address: &RedisAddress,
    ) -> Result<super::memory::MemoryStore, ConnectError> {
        Err(ConnectError::Unfit { address: address.to_string(), reason: "soon".into() })
    }
}
