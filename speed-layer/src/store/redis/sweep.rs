//! Deleting what no reader can see: chunks of earlier spaces and of retired epochs, in portions.

use redis::{Cmd, FromRedisValue};

use super::RedisStore;
use super::connection::to_store_error;
use super::keys::{self, RedisKeys};
use super::meta::{self, BY_EPOCH, ViewMeta};
use crate::store::{StoreError, SweepStatus, ViewId};

/// Chunks that are deleted at once.
const PORTION: usize = 500;

/// What is to go.
#[derive(Default)]
struct GarbageChunks {
    chunks: Vec<String>,
    /// Fields of meta about chunks that are gone.
    fields: Vec<String>,
}

pub(super) async fn sweep(store: &RedisStore, id: ViewId) -> Result<SweepStatus, StoreError> {
    let keys = RedisKeys::of(id);
    let fields = run_query(store, redis::cmd("HGETALL").arg(keys.meta())).await;
    let meta = match fields.map(|fields: Vec<(String, String)>| meta::parse_meta(&fields)) {
        Ok(Ok(meta)) => meta,
        // The writer is about to begin anew.
        Ok(Err(_)) | Err(StoreError::Damaged(_)) => return Ok(SweepStatus::Done),
        Err(error) => return Err(error),
    };
    let rubbish = match &meta {
        None => {
            GarbageChunks { chunks: list_chunks(store, &keys, "-", "+").await?, fields: Vec::new() }
        }
        Some(meta) => find_garbage(store, &keys, meta).await?,
    };
    if rubbish.chunks.is_empty() && rubbish.fields.is_empty() {
        if meta.is_none() {
            let mut forget = redis::cmd("HDEL");
            forget.arg(keys::journal_key(id.journal())).arg(format!("metric:{}", id.metric));
            let _: u64 = run_query(store, &forget).await?;
        }
        return Ok(SweepStatus::Done);
    }
    let space = meta.map(|meta| meta.stored.space.to_string()).unwrap_or_default();
    let mut script = store.scripts.sweep.key(keys.meta());
    script.key(keys.index());
    rubbish.chunks.iter().for_each(|member| {
        script.key(keys.chunk(member));
    });
    script.arg(space).arg(rubbish.chunks.len()).arg(&rubbish.chunks).arg(&rubbish.fields);
    let word: Result<Vec<String>, _> = script.invoke_async(&mut store.connection()).await;
    word.map_err(|error| to_store_error(&error))?;
    Ok(SweepStatus::More)
}

async fn find_garbage(
    store: &RedisStore,
    keys: &RedisKeys,
    meta: &ViewMeta,
) -> Result<GarbageChunks, StoreError> {
    let space = meta.stored.space;
    for (from, to) in [("-".to_owned(), format!("({space}:")), (format!("[{space};"), "+".into())] {
        let chunks = list_chunks(store, keys, &from, &to).await?;
        if !chunks.is_empty() {
            return Ok(GarbageChunks { chunks, fields: Vec::new() });
        }
    }
    let Some((epoch, _)) = meta.chunks.range(..meta.stored.first).next() else {
        return Ok(GarbageChunks::default());
    };
    let (from, to) = keys::members_of_epoch(space, *epoch);
    let chunks = list_chunks(store, keys, &from, &to).await?;
    let is_last = chunks.len() < PORTION;
    let fields = BY_EPOCH.iter().filter(|_| is_last).map(|name| format!("{name}:{epoch}"));
    Ok(GarbageChunks { fields: fields.collect(), chunks })
}

async fn list_chunks(
    store: &RedisStore,
    keys: &RedisKeys,
    from: &str,
    to: &str,
) -> Result<Vec<String>, StoreError> {
    let mut range = redis::cmd("ZRANGE");
    range.arg(keys.index()).arg(from).arg(to).arg("BYLEX").arg("LIMIT").arg(0).arg(PORTION);
    run_query(store, &range).await
}

async fn run_query<T: FromRedisValue>(store: &RedisStore, cmd: &Cmd) -> Result<T, StoreError> {
    cmd.query_async(&mut store.connection()).await.map_err(|error| to_store_error(&error))
}
