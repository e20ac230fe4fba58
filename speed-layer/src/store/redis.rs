//! The store in Redis 7 or Valkey: one server, or a cluster.
//!
//! | key | type | what |
//! |---|---|---|
//! | `mg:{journal}` | hash | the last fence, and which metrics there are |
//! | `mg:{m7.0.journal}:meta` | hash | what [`StoredView`] says, and the chunks of each epoch |
//! | `mg:{m7.0.journal}:index` | sorted set | names of all chunks, ordered |
//! | `mg:{m7.0.journal}:1-3:12:2013-01-01T05` | hash | groups of space 1-3, epoch 12, that hour |
//! | `mg:{m7.0.journal}:1-3:overwritten:41` | list | what the flush after 41 whole ones overwrote |
//!
//! Whatever changes more than one key is a script, which checks everything before it writes
//! anything. Keys are found by the index, never by a scan.

mod codec;
mod connection;
mod keys;
mod meta;
mod read;
mod read_error;
mod report;
#[cfg(test)]
pub(crate) mod server;
mod sweep;
#[cfg(test)]
mod tests;
mod undo_log;

use std::collections::BTreeMap;

use async_trait::async_trait;
use merganser_core::blocking::run_blocking;
use merganser_core::failpoint::is_bug_planted;
use merganser_core::ids::{Epoch, Fence, JournalId, MetricId};
use merganser_metric::views::{SpeedReadRequest, SpeedViewStates};
use redis::{FromRedisValue, RedisResult, Script, ScriptInvocation, Value};

use super::address::RedisAddress;
use super::{
    SpeedStore, SpeedView, StoreConnectError, StoreError, StoreReadError, StoredView, SweepStatus,
    ViewChange, ViewId, ViewSpace,
};
pub use report::RedisServerReport;

use connection::{RedisConnection, info_field, to_store_error};
use keys::RedisKeys;

/// A store in Redis.
pub struct RedisStore {
    connection: RedisConnection,
    scripts: RedisScripts,
}

struct RedisScripts {
    claim: Script,
    begin: Script,
    apply: Script,
    retire: Script,
    drop: Script,
    sweep: Script,
}

/// Groups of one chunk, ready to be sent.
struct ChunkWrite {
    epoch: Epoch,
    member: String,
    groups: Vec<(String, String)>,
}

impl RedisStore {
    /// Connects to a server that is fit to keep speed views.
    ///
    /// # Errors
    /// When none answers, or it is not fit.
    pub async fn connect(address: &RedisAddress) -> Result<Self, StoreConnectError> {
        let scripts = RedisScripts {
            claim: Script::new(include_str!("redis/claim.lua")),
            begin: Script::new(include_str!("redis/begin.lua")),
            apply: Script::new(include_str!("redis/apply.lua")),
            retire: Script::new(include_str!("redis/retire.lua")),
            drop: Script::new(include_str!("redis/drop.lua")),
            sweep: Script::new(include_str!("redis/sweep.lua")),
        };
        Ok(Self { connection: RedisConnection::open(address).await?, scripts })
    }

    /// Connections are shared: a clone is a handle.
    fn connection(&self) -> RedisConnection {
        self.connection.clone()
    }

    /// Stores a change and what it leaves behind in meta, in one step.
    async fn run_apply_script(
        &self,
        view: &SpeedView,
        change: &ViewChange,
        fields: &[(String, String)],
        portions: Vec<ChunkWrite>,
    ) -> Result<(), StoreError> {
        let keys = RedisKeys::of(view.id);
        let mut script = self.scripts.apply.key(keys.meta());
        script.key(keys.index()).key(keys.undo_log(change.space, change.flushes));
        for portion in &portions {
            script.key(keys.chunk(&portion.member));
        }
        script.arg(view.id.journal().to_string()).arg(format!("{:016x}", view.definition));
        script.arg(fence_to_check(change.fence)).arg(change.space.to_string());
        script.arg(change.serial).arg(change.from.0).arg(change.flushes);
        script.arg(
            undo_log::partial_flush_retention_ms(change)
                .map_or_else(String::new, |ms| ms.to_string()),
        );
        script.arg(2 * fields.len());
        for (name, value) in fields {
            script.arg(name).arg(value);
        }
        for ChunkWrite { epoch, member, groups } in portions {
            script.arg(epoch.0).arg(member).arg(groups.len());
            for (field, value) in groups {
                script.arg(field).arg(value);
            }
        }
        self.run(&script).await
    }

    /// Runs a script that says what it did.
    async fn run(&self, script: &ScriptInvocation<'_>) -> Result<(), StoreError> {
        let answer: RedisResult<Value> = script.invoke_async(&mut self.connection()).await;
        let answer = answer.map_err(|error| to_store_error(&error))?;
        let strange = || StoreError::Uncertain("a script's answer cannot be read".to_owned());
        let Value::Array(mut answer) = answer else { return Err(strange()) };
        if answer.is_empty() {
            return Err(strange());
        }
        let word = String::from_redis_value(answer.remove(0)).map_err(|_| strange())?;
        let rest = answer.into_iter().next();
        match (&*word, rest) {
            ("done", _) => Ok(()),
            ("fenced", Some(fence)) => {
                let fence = u64::from_redis_value(fence).map_err(|_| strange())?;
                Err(StoreError::Fenced { fence: Fence(fence) })
            }
            ("refused", Some(fields)) => {
                let fields = Vec::<(String, String)>::from_redis_value(fields);
                let fields = fields.map_err(|_| strange())?;
                let meta = meta::parse_meta(&fields).map_err(StoreError::Damaged)?;
                Err(StoreError::Refused { stored: meta.map(|meta| Box::new(meta.stored)) })
            }
            ("damaged", Some(what)) => {
                Err(StoreError::Damaged(String::from_redis_value(what).unwrap_or_default()))
            }
            _ => Err(strange()),
        }
    }
}

/// The fence that a script is to check.
fn fence_to_check(fence: Fence) -> u64 {
    if is_bug_planted("fence_not_checked") { 1 << 52 } else { fence.0 }
}

/// A change's groups by chunk, as text.
fn encode_chunks(view: &SpeedView, change: &ViewChange) -> Result<Vec<ChunkWrite>, StoreError> {
    let invalid = |what: &str| StoreError::Invalid(what.to_owned());
    let mut chunks = BTreeMap::new();
    for part in &change.states {
        let entries = codec::encode(view, &part.states);
        for entry in entries.ok_or_else(|| invalid("its states are not the metric's"))? {
            let groups: &mut Vec<_> = chunks.entry((part.epoch, entry.chunk)).or_default();
            groups.push((entry.field, entry.value));
        }
    }
    let portion = |((epoch, chunk), groups)| {
        let member = keys::chunk_member(change.space, epoch, view.grain, chunk);
        let member = member.ok_or_else(|| invalid("a bucket is not from 1900 to 2200"))?;
        Ok(ChunkWrite { epoch, member, groups })
    };
    chunks.into_iter().map(portion).collect()
}

#[async_trait]
impl SpeedStore for RedisStore {
    fn kind(&self) -> &'static str {
        match self.connection {
            RedisConnection::Single(_) => "redis",
            RedisConnection::Cluster(_) => "redis-cluster",
        }
    }

    async fn claim(&self, journal: JournalId, above: Fence) -> Result<Fence, StoreError> {
        let mut script = self.scripts.claim.key(keys::journal_key(journal));
        let fence: RedisResult<u64> =
            script.arg(above.0).invoke_async(&mut self.connection()).await;
        fence.map(Fence).map_err(|error| to_store_error(&error))
    }

    async fn metrics(&self, journal: JournalId) -> Result<Vec<MetricId>, StoreError> {
        let mut names = redis::cmd("HKEYS");
        let names = names.arg(keys::journal_key(journal));
        let names: RedisResult<Vec<String>> = names.query_async(&mut self.connection()).await;
        Ok(names
            .map_err(|error| to_store_error(&error))?
            .iter()
            .filter_map(|name| metric_of_tag(name))
            .collect())
    }

    async fn open(&self, view: &SpeedView) -> Result<Option<StoredView>, StoreError> {
        let mut all = redis::cmd("HGETALL");
        let all = all.arg(RedisKeys::of(view.id).meta());
        let fields: RedisResult<Vec<(String, String)>> =
            all.query_async(&mut self.connection()).await;
        let meta = meta::parse_meta(&fields.map_err(|error| to_store_error(&error))?);
        Ok(meta.map_err(StoreError::Damaged)?.map(|meta| meta.stored))
    }

    async fn begin(
        &self,
        view: &SpeedView,
        space: ViewSpace,
        first: Epoch,
    ) -> Result<(), StoreError> {
        let keys = RedisKeys::of(view.id);
        // Noted first: what is noted and not there does no harm, what is there and not noted would
        // stay for ever.
        let mut note = redis::cmd("HSET");
        let name = format!("metric:{}", view.id.metric);
        let note = note.arg(keys::journal_key(view.id.journal())).arg(name).arg(1);
        let noted: RedisResult<()> = note.exec_async(&mut self.connection()).await;
        noted.map_err(|error| to_store_error(&error))?;
        let mut script = self.scripts.begin.key(keys.meta());
        script.key(keys.index()).arg(view.id.journal().to_string());
        script.arg(fence_to_check(space.fence)).arg(space.number);
        for (name, value) in meta::begin_fields(view, space, first) {
            script.arg(name).arg(value);
        }
        self.run(&script).await
    }

    async fn apply(&self, view: &SpeedView, change: &ViewChange) -> Result<(), StoreError> {
        change.check(view)?;
        let (shape, whole) = (view.clone(), change.clone());
        let portions = run_blocking(move || encode_chunks(&shape, &whole)).await?;
        let fields = meta::change_fields(change);
        if is_bug_planted("position_apart") {
            self.run_apply_script(view, change, &fields, Vec::new()).await?;
            let (serial, from) = (change.serial + 1, change.to.offset);
            let states = ViewChange { serial, from, ..change.clone() };
            return self.run_apply_script(view, &states, &fields, portions).await;
        }
        self.run_apply_script(view, change, &fields, portions).await
    }

    async fn retire(&self, view: &SpeedView, fence: Fence, first: Epoch) -> Result<(), StoreError> {
        let mut script = self.scripts.retire.key(RedisKeys::of(view.id).meta());
        script.arg(view.id.journal().to_string()).arg(fence_to_check(fence)).arg(first.0);
        self.run(&script).await
    }

    async fn drop_view(&self, id: ViewId, fence: Fence) -> Result<(), StoreError> {
        let mut script = self.scripts.drop.key(RedisKeys::of(id).meta());
        script.arg(id.journal().to_string()).arg(fence.0);
        self.run(&script).await
    }

    async fn sweep(&self, id: ViewId) -> Result<SweepStatus, StoreError> {
        sweep::sweep(self, id).await
    }

    async fn read(
        &self,
        view: &SpeedView,
        read: &SpeedReadRequest,
        groups_max: usize,
    ) -> Result<SpeedViewStates, StoreReadError> {
        read::read(self, view, read, groups_max).await
    }

    async fn losses(&self) -> Result<u64, StoreError> {
        let infos = self.connection.info().await.map_err(|error| to_store_error(&error))?;
        Ok(infos.iter().filter_map(|info| evicted_keys(info)).sum())
    }
}

fn evicted_keys(info: &str) -> Option<u64> {
    info_field(info, "evicted_keys")?.parse::<u64>().ok()
}

fn metric_of_tag(name: &str) -> Option<MetricId> {
    Some(MetricId(name.strip_prefix("metric:")?.parse().ok()?))
}
