//! Why a read of chunks stops.

use merganser_core::blocking::WorkerFailure;
use redis::RedisError;

use super::connection::{is_wrong_type, one_line};
use crate::store::StoreReadError;

/// Why a read stops.
pub(super) enum ChunkReadError {
    Error(StoreReadError),
    /// Something is not there that should be: either the view moved on, or it is damaged.
    Suspect(String),
    /// What has been overwritten is kept no more.
    Forgotten,
}

impl From<StoreReadError> for ChunkReadError {
    fn from(error: StoreReadError) -> Self {
        Self::Error(error)
    }
}

impl From<WorkerFailure> for ChunkReadError {
    fn from(failure: WorkerFailure) -> Self {
        StoreReadError::from(failure).into()
    }
}

impl From<RedisError> for ChunkReadError {
    fn from(error: RedisError) -> Self {
        match is_wrong_type(&error) {
            true => Self::Suspect(one_line(&error)),
            false => Self::Error(StoreReadError::Unreachable(one_line(&error))),
        }
    }
}
