//! Reading a view.
//!
//! First what the view says of itself, then only the chunks in the range, in bounded portions, then
//! once more what it says of itself. Between the two the writer goes on, so after each portion what
//! has been overwritten since the last whole flush is read and put back. So all groups are of one
//! position. What must not have happened between is that the epochs were retired or the view began
//! anew, and that is checked.

use std::collections::HashMap;

use arrow::array::RecordBatch;
use merganser_core::blocking::run_blocking;
use merganser_core::ids::Epoch;
use merganser_metric::measure::StateKind;
use merganser_metric::views::{SpeedReadRequest, SpeedViewStates};
use redis::Pipeline;

use super::RedisStore;
use super::codec::{GroupDecoder, GroupFields};
use super::connection::{is_wrong_type, one_line};
use super::keys::{self, RedisKeys};
use super::meta::{self, ViewMeta};
use super::read_error::ChunkReadError;
use super::undo_log::UndoLogReader;
use crate::store::chunk::TimeChunk;
use crate::store::{ReadCaveats, SpeedView, StoreReadError};

/// Groups that are read at once; a chunk that has more is read in steps.
const PORTION: usize = 20_000;
/// Likewise of a metric with one sketch, which may be some kilobytes.
const PORTION_OF_SKETCHES: usize = 2_000;
/// Keys that are read at once.
const KEYS_MAX: usize = 1000;
/// How often a read begins again when the view began anew meanwhile.
const ATTEMPTS: usize = 3;

/// A chunk's place.
#[derive(Clone, Debug)]
struct ChunkLocation {
    member: String,
    key: String,
    chunk: TimeChunk,
    groups: usize,
}

/// Reads a view, see the module's text.
pub(super) async fn read(
    store: &RedisStore,
    view: &SpeedView,
    read: &SpeedReadRequest,
    groups_max: usize,
) -> Result<SpeedViewStates, StoreReadError> {
    let keys = RedisKeys::of(view.id);
    for attempt in 1..=ATTEMPTS {
        let before = read_meta(store, &keys, view, read.from).await?;
        let mut overwritten = UndoLogReader::since(&before.stored, portion_groups_max(view));
        let reader = ViewChunkReader { store, keys: &keys, view, read, groups_max };
        // A reader that is too slow again and again says between which positions the groups are.
        let is_last = attempt == ATTEMPTS;
        let result = reader.read_chunks(&before, &mut overwritten, is_last).await;
        let after = read_meta(store, &keys, view, read.from).await?;
        let space = before.stored.space;
        // A server that was put back to an earlier state has the same space, and less in it.
        let is_later = after.stored.serial >= before.stored.serial
            && after.stored.through.offset >= before.stored.through.offset;
        if after.stored.space != space || !is_later {
            continue;
        }
        match result {
            Ok(states) => {
                let through = before.stored.through.offset;
                let is_exact = !overwritten.is_truncated();
                let reach = if is_exact { through } else { after.stored.reach.offset };
                let ReadCaveats { missing, omissions } = before.stored.caveats(read);
                return Ok(SpeedViewStates { through, reach, states, missing, omissions });
            }
            Err(ChunkReadError::Forgotten) => {}
            Err(ChunkReadError::Error(error)) => return Err(error),
            Err(ChunkReadError::Suspect(reason)) => {
                return Err(StoreReadError::Damaged { space, reason });
            }
        }
    }
    Err(StoreReadError::Building)
}

async fn read_meta(
    store: &RedisStore,
    keys: &RedisKeys,
    view: &SpeedView,
    from: Epoch,
) -> Result<ViewMeta, StoreReadError> {
    let fields: Result<Vec<(String, String)>, _> =
        redis::cmd("HGETALL").arg(keys.meta()).query_async(&mut store.connection()).await;
    let fields = match fields {
        Ok(fields) => fields,
        // What is there is not ours; the writer finds that out too.
        Err(error) if is_wrong_type(&error) => return Err(StoreReadError::Absent),
        Err(error) => return Err(StoreReadError::Unreachable(one_line(&error))),
    };
    let Ok(Some(meta)) = meta::parse_meta(&fields) else { return Err(StoreReadError::Absent) };
    meta.stored.check_readable(view, from)?;
    Ok(meta)
}

/// What all steps of a read need.
struct ViewChunkReader<'a> {
    store: &'a RedisStore,
    keys: &'a RedisKeys,
    view: &'a SpeedView,
    read: &'a SpeedReadRequest,
    groups_max: usize,
}

impl ViewChunkReader<'_> {
    async fn read_chunks(
        &self,
        meta: &ViewMeta,
        overwritten: &mut UndoLogReader,
        may_be_forgotten: bool,
    ) -> Result<Vec<RecordBatch>, ChunkReadError> {
        let Self { store, keys, view, read, groups_max } = *self;
        let places = find_chunks(store, keys, view, meta, read).await?;
        overwritten.track_chunks(places.iter().map(|place| &*place.member));
        let mut batches = Vec::new();
        let mut groups = 0;
        let mut rest = &places[..];
        let most = portion_groups_max(view);
        while let Some(first) = rest.first() {
            let mut sum = 0;
            let fits = |place: &&ChunkLocation| {
                sum += place.groups;
                sum <= most
            };
            let count = rest.iter().take_while(fits).count().clamp(1, KEYS_MAX);
            let (portion, after) = rest.split_at(count);
            let mut read_now = if first.groups > most {
                vec![scan_chunk(store, first, most).await?]
            } else {
                read_whole_chunks(store, portion).await?
            };
            overwritten.read_new_entries(store, keys).await?;
            if overwritten.is_truncated() && !may_be_forgotten {
                return Err(ChunkReadError::Forgotten);
            }
            for (place, groups) in portion.iter().zip(&mut read_now) {
                overwritten.restore(&place.member, groups);
            }
            rest = after;
            let chunks = portion.iter().map(|place| place.chunk).zip(read_now).collect();
            let batch = decode(view, read, chunks).await?;
            groups += batch.num_rows();
            if groups > groups_max {
                return Err(StoreReadError::TooLarge { limit: groups_max }.into());
            }
            if batch.num_rows() > 0 {
                batches.push(batch);
            }
        }
        Ok(batches)
    }
}

fn portion_groups_max(view: &SpeedView) -> usize {
    let is_binary = |kind: &&StateKind| kind.is_binary();
    match view.layout.states.iter().filter(is_binary).count() {
        0 => PORTION,
        sketches => (PORTION_OF_SKETCHES / sketches).max(100),
    }
}

/// The chunks in the range, with their sizes.
async fn find_chunks(
    store: &RedisStore,
    keys: &RedisKeys,
    view: &SpeedView,
    meta: &ViewMeta,
    read: &SpeedReadRequest,
) -> Result<Vec<ChunkLocation>, ChunkReadError> {
    let space = meta.stored.space;
    let is_in_range = |epoch: &Epoch| read.to.is_none_or(|to| *epoch < to);
    let mut places = Vec::new();
    for (epoch, count) in meta.chunks.range(read.from..).filter(|(epoch, _)| is_in_range(epoch)) {
        let (all_from, all_to) = keys::members_of_epoch(space, *epoch);
        let Some((from, to)) = keys::members_within(space, *epoch, view.grain, read.range) else {
            continue;
        };
        let mut pipeline = Pipeline::with_capacity(2);
        pipeline.cmd("ZLEXCOUNT").arg(keys.index()).arg(all_from).arg(all_to);
        pipeline.cmd("ZRANGE").arg(keys.index()).arg(from).arg(to).arg("BYLEX");
        let (listed, members): (u64, Vec<String>) =
            pipeline.query_async(&mut store.connection()).await?;
        if listed < *count {
            let reason = format!("epoch {epoch} has {listed} chunks, {count} were written");
            return Err(ChunkReadError::Suspect(reason));
        }
        for member in members {
            let chunk = keys::chunk_of(&member, space, *epoch, view.grain);
            let chunk =
                chunk.ok_or_else(|| ChunkReadError::Suspect(format!("`{member}` is no chunk")))?;
            places.push(ChunkLocation { key: keys.chunk(&member), member, chunk, groups: 0 });
        }
    }
    for portion in places.chunks_mut(KEYS_MAX) {
        let mut pipeline = Pipeline::with_capacity(portion.len());
        portion.iter().for_each(|place| {
            pipeline.cmd("HLEN").arg(&place.key);
        });
        let sizes: Vec<usize> = pipeline.query_async(&mut store.connection()).await?;
        for (place, size) in portion.iter_mut().zip(sizes) {
            if size == 0 {
                return Err(ChunkReadError::Suspect(format!("the chunk {} is gone", place.key)));
            }
            place.groups = size;
        }
    }
    Ok(places)
}

async fn read_whole_chunks(
    store: &RedisStore,
    places: &[ChunkLocation],
) -> Result<Vec<GroupFields>, ChunkReadError> {
    let mut pipeline = Pipeline::with_capacity(places.len());
    places.iter().for_each(|place| {
        pipeline.cmd("HGETALL").arg(&place.key);
    });
    let answers: Vec<GroupFields> = pipeline.query_async(&mut store.connection()).await?;
    // Groups are never taken from a chunk that is read, so none is fewer than there were.
    if places.iter().zip(&answers).any(|(place, groups)| groups.len() < place.groups) {
        return Err(ChunkReadError::Suspect("a chunk has lost groups".to_owned()));
    }
    Ok(answers)
}

/// A chunk with many groups. A scan may return a group twice; each time it is whole.
async fn scan_chunk(
    store: &RedisStore,
    place: &ChunkLocation,
    step: usize,
) -> Result<GroupFields, ChunkReadError> {
    let mut groups = HashMap::with_capacity(place.groups);
    let mut cursor = "0".to_owned();
    loop {
        let mut scan = redis::cmd("HSCAN");
        scan.arg(&place.key).arg(&cursor).arg("COUNT").arg(step);
        let (next, some): (String, GroupFields) = scan.query_async(&mut store.connection()).await?;
        groups.extend(some);
        if next == "0" {
            break;
        }
        cursor = next;
    }
    if groups.len() < place.groups {
        return Err(ChunkReadError::Suspect("a chunk has lost groups".to_owned()));
    }
    Ok(groups.into_iter().collect())
}

async fn decode(
    view: &SpeedView,
    read: &SpeedReadRequest,
    chunks: Vec<(TimeChunk, GroupFields)>,
) -> Result<RecordBatch, ChunkReadError> {
    let (view, read) = (view.clone(), read.clone());
    let decode = move || {
        let mut decoder = GroupDecoder::new(&view, &read);
        for (chunk, groups) in chunks {
            for (field, value) in groups {
                decoder.read(chunk, &field, &value)?;
            }
        }
        decoder.finish()
    };
    run_blocking(move || decode().map_err(ChunkReadError::Suspect)).await
}
