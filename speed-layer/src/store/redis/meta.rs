//! What a view's meta hash says.

use std::collections::BTreeMap;
use std::str::FromStr;

use merganser_core::ids::{Epoch, Fence, JournalId, Offset};

use crate::store::{
    EpochCounters, FORMAT, JournalPosition, SpaceStage, SpeedView, StoredView, ViewChange,
    ViewSpace,
};

/// A meta hash, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ViewMeta {
    pub(super) stored: StoredView,
    /// By epoch with any field, how many chunks the index has.
    pub(super) chunks: BTreeMap<Epoch, u64>,
}

/// Names of fields about one epoch, before its number.
pub(super) const BY_EPOCH: [&str; 4] = [CHUNKS, MISMATCHES, DROPPED, OMISSIONS];

const CHUNKS: &str = "chunks";
const MISMATCHES: &str = "mismatches";
const DROPPED: &str = "dropped";
const OMISSIONS: &str = "omissions";

fn stage_name(stage: SpaceStage) -> &'static str {
    match stage {
        SpaceStage::Building => "building",
        SpaceStage::Complete => "complete",
    }
}

/// Fields and values of a view that begins anew.
pub(super) fn begin_fields(
    view: &SpeedView,
    space: ViewSpace,
    first: Epoch,
) -> Vec<(String, String)> {
    let states = (0..view.layout.states.len()).map(|i| view.layout.state_name(i));
    let names: Vec<String> = view.layout.dimensions.iter().cloned().chain(states).collect();
    let fields = [
        ("format", FORMAT.to_string()),
        ("journal", view.id.journal().to_string()),
        ("definition", format!("{:016x}", view.definition)),
        ("grain", view.grain.name().to_owned()),
        ("columns", names.join(" ")),
        ("fence", space.fence.to_string()),
        ("space", space.to_string()),
        ("serial", "0".to_owned()),
        ("flushes", "0".to_owned()),
        ("stage", stage_name(SpaceStage::Building).to_owned()),
        ("first", first.to_string()),
        ("through", "0".to_owned()),
        ("through_checksum", "0".to_owned()),
        ("reach", "0".to_owned()),
        ("reach_checksum", "0".to_owned()),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Fields and values that a change leaves behind.
pub(super) fn change_fields(change: &ViewChange) -> Vec<(String, String)> {
    let mut fields = vec![
        ("fence".to_owned(), change.fence.to_string()),
        ("serial".to_owned(), (change.serial + 1).to_string()),
        ("flushes".to_owned(), change.flushes_after().to_string()),
        ("stage".to_owned(), stage_name(change.stage).to_owned()),
        ("through".to_owned(), change.to.offset.to_string()),
        ("through_checksum".to_owned(), change.to.checksum.to_string()),
        ("reach".to_owned(), change.reach.offset.to_string()),
        ("reach_checksum".to_owned(), change.reach.checksum.to_string()),
    ];
    for (epoch, counters) in &change.counters {
        fields.push((format!("{MISMATCHES}:{epoch}"), counters.mismatches.to_string()));
        fields.push((format!("{DROPPED}:{epoch}"), counters.dropped.to_string()));
        // Numbers, texts and maps of them, all of which JSON can hold.
        let omissions = serde_json::to_string(&counters.omissions).unwrap_or_default();
        fields.push((format!("{OMISSIONS}:{epoch}"), omissions));
    }
    fields
}

/// Reads a hash; `None` when it is empty.
///
/// # Errors
/// What is wrong with it.
pub(super) fn parse_meta(fields: &[(String, String)]) -> Result<Option<ViewMeta>, String> {
    if fields.is_empty() {
        return Ok(None);
    }
    let journal: String = field(fields, "journal")?;
    let definition: String = field(fields, "definition")?;
    let format: u64 = field(fields, "format")?;
    if format != FORMAT {
        return Err(format!("its format is {format}; this build reads {FORMAT}"));
    }
    let stage = match &*field::<String>(fields, "stage")? {
        "building" => SpaceStage::Building,
        "complete" => SpaceStage::Complete,
        other => return Err(format!("its stage is `{other}`")),
    };
    let mark = |name: &str| -> Result<JournalPosition, String> {
        let checksum = field(fields, &format!("{name}_checksum"))?;
        Ok(JournalPosition { offset: Offset(field(fields, name)?), checksum })
    };
    let first = Epoch(field(fields, "first")?);
    let (chunks, counters) = by_epoch(fields)?;
    let stored = StoredView {
        journal: JournalId::try_from(journal).map_err(|_| "its journal is no id".to_owned())?,
        definition: u64::from_str_radix(&definition, 16)
            .map_err(|_| format!("its definition is `{definition}`"))?,
        fence: Fence(field(fields, "fence")?),
        space: field::<String>(fields, "space")?.parse()?,
        serial: field(fields, "serial")?,
        flushes: field(fields, "flushes")?,
        stage,
        first,
        through: mark("through")?,
        reach: mark("reach")?,
        // Those of retired epochs stay until their chunks are swept.
        counters: counters
            .into_iter()
            .filter(|(epoch, counters)| *epoch >= first && *counters != EpochCounters::default())
            .collect(),
    };
    Ok(Some(ViewMeta { stored, chunks }))
}

fn field<T: FromStr>(fields: &[(String, String)], name: &str) -> Result<T, String> {
    let value = fields.iter().find(|(known, _)| known == name).map(|(_, value)| value);
    let value = value.ok_or_else(|| format!("it has no `{name}`"))?;
    value.parse().map_err(|_| format!("its `{name}` is `{value}`"))
}

type EpochFields = (BTreeMap<Epoch, u64>, BTreeMap<Epoch, EpochCounters>);

fn by_epoch(fields: &[(String, String)]) -> Result<EpochFields, String> {
    let (mut chunks, mut counters) = EpochFields::default();
    for (name, value) in fields {
        let Some((kind, epoch)) = name.split_once(':') else { continue };
        let number = || format!("its `{name}` is `{value}`");
        let epoch = Epoch(epoch.parse().map_err(|_| number())?);
        let count = || value.parse::<u64>().map_err(|_| number());
        let chunks: &mut u64 = chunks.entry(epoch).or_default();
        let counters: &mut EpochCounters = counters.entry(epoch).or_default();
        match kind {
            CHUNKS => *chunks = count()?,
            MISMATCHES => counters.mismatches = count()?,
            DROPPED => counters.dropped = count()?,
            OMISSIONS => counters.omissions = serde_json::from_str(value).map_err(|_| number())?,
            _ => return Err(format!("it has a field `{name}`")),
        }
    }
    Ok((chunks, counters))
}
