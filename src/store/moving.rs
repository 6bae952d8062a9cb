//! Space: what of the head lies in shards that are mostly dead, or in too many small ones, moves along with later saves.
//!
//! Shards go with the last commit that names them. A shard of which the head needs a little stays for that little, so
//! when the head's shards hold more than twice what it needs, or are too many, a survey beside all commits finds what to
//! move, and each save takes a part of it along: an eighth of what it has to look at itself, and 2 MiB. Checksums are
//! checked and carried over, so damage is never given a sound one.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use crate::checkpoint::View;
use crate::error::Result;
use crate::format::{self, Body, Entry, ShardRef};
use crate::id::ShardId;
use crate::shard::{Payload, ReadMode, Stored, Verification};

/// The head refers to about so many shards at most: all are open while it is.
const SHARDS_MAX: usize = 256;

/// So many are left when there were too many.
const SHARDS_KEPT: usize = 128;

/// A shard that holds more than this for the head is not moved to have fewer shards.
const STRAGGLER_BYTES_MAX: u64 = 16 << 20;

/// The head's shards may hold so much more than twice what it needs.
const SLACK_BYTES: u64 = 64 << 20;

/// A save moves so much, and an eighth of what it looks at itself.
const MOVED_BYTES: u64 = 2 << 20;

/// About what a shard holds beside values.
const FRAME_BYTES: u64 = 8 << 10;

/// How many shards a state refers to, and what they hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) shards: usize,
    pub(crate) bytes: u64,
    /// How many of the shards the base itself refers to.
    pub(crate) of_base: usize,
}

impl Extent {
    pub(crate) fn of(view: &View) -> Self {
        let of_base = view.stack().files().last().map_or(0, |base| base.shards().len());
        let sum =
            |sum: Self, shard: ShardRef| Self { shards: sum.shards + 1, bytes: sum.bytes + shard.len_bytes, ..sum };
        view.shards().fold(Self { of_base, ..Self::default() }, sum)
    }

    /// Which survey is worth while of a state that needs so many bytes, when the last one was at `surveyed`.
    pub(crate) fn due(self, needed: u64, surveyed: Self) -> Option<Survey> {
        let is_large = self.bytes > 2 * needed + SLACK_BYTES;
        let is_many = self.shards > SHARDS_MAX;
        // Moving takes its time: only what has come since is news.
        if is_large && self.bytes > surveyed.bytes + needed / 4 + SLACK_BYTES / 4 {
            Some(Survey::All)
        } else if is_many && self.shards > surveyed.shards + SHARDS_MAX / 8 {
            Some(if self.of_base > SHARDS_KEPT { Survey::All } else { Survey::Deltas })
        } else {
            None
        }
    }
}

/// What a survey looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Survey {
    /// All entries, after all manifests have been merged: what newer ones cover still holds shards otherwise.
    All,
    /// What changed since the base, for shards that only this refers to: small ones come from small commits, and the cost
    /// of those does not follow the number of names.
    Deltas,
}

/// What is to be moved.
#[derive(Debug)]
pub(crate) struct Moves {
    /// The shards to be left.
    leave: HashSet<ShardId>,
    /// What lies in them.
    names: VecDeque<String>,
}

/// A value of which parts are to be moved.
pub(crate) struct Move {
    pub(crate) entry: Entry,
    pub(crate) stored: Arc<Stored>,
    pub(crate) payload: Payload,
}

impl Moves {
    /// Finds what of a state is to be moved.
    pub(crate) fn survey(view: &View, survey: Survey) -> Result<Self> {
        let files = view.stack().files();
        let newest = match survey {
            Survey::All => files.len(),
            Survey::Deltas => files.len().saturating_sub(1),
        };
        let beyond: HashSet<ShardId> =
            files[newest..].iter().flat_map(|file| file.shards()).map(|shard| shard.id).collect();
        let mut needed: HashMap<ShardId, u64> = HashMap::new();
        for entry in view.stack().merged(newest) {
            for (shard, bytes) in places(&entry?) {
                *needed.entry(shard).or_default() += bytes;
            }
        }
        let shards = view.shards().filter(|shard| !beyond.contains(&shard.id));
        let leave = to_leave(shards.map(|shard| (shard, needed.get(&shard.id).copied().unwrap_or_default())));
        let mut names = VecDeque::new();
        if !leave.is_empty() {
            for entry in view.stack().merged(newest) {
                let entry = entry?;
                if places(&entry).any(|(shard, _)| leave.contains(&shard)) {
                    names.push_back(entry.name);
                }
            }
        }
        Ok(Self { leave, names })
    }

    pub(crate) fn leave(&self) -> &HashSet<ShardId> {
        &self.leave
    }

    /// Takes what a save moves along that has itself to look at so many bytes; not what it changes, which is written as it
    /// is anyway.
    pub(crate) fn take(&mut self, base: &View, bytes: u64, is_changed: impl Fn(&str) -> bool) -> Vec<Move> {
        let (mut budget, mut moves) = (MOVED_BYTES + bytes / 8, Vec::new());
        while let Some(name) = self.names.pop_front() {
            if is_changed(&name) {
                continue;
            }
            // What cannot be read stays where it is and stops nobody: whoever reads it learns why.
            let Ok(Some(entry)) = base.lookup(&name) else { continue };
            let Body::Variable(record) = &entry.body else { continue };
            let Ok(stored) = base.stored(record.content.clone()) else { continue };
            let moved = record.content.extents.iter().filter(|extent| self.leave.contains(&extent.shard));
            if moved.clone().any(|extent| !is_sound(&stored, extent)) {
                continue;
            }
            let bytes: u64 = moved.map(|extent| extent.chunks * record.content.chunk_bytes).sum();
            let payload = Payload::on_disk(Arc::clone(&stored), ReadMode::Memory, Verification::FirstTouch);
            moves.push(Move { entry, stored, payload });
            if bytes >= budget {
                break;
            }
            budget -= bytes;
        }
        moves
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

/// In which shards an entry has how many bytes.
fn places(entry: &Entry) -> impl Iterator<Item = (ShardId, u64)> + '_ {
    let (chunk_bytes, whole, runs) = match &entry.body {
        Body::Variable(record) => (record.content.chunk_bytes, &record.content.extents[..], &[][..]),
        Body::Patch(patch) => (patch.chunk_bytes, &[][..], &patch.runs[..]),
        Body::Whole(_) | Body::Alias(_) | Body::Removed => (0, &[][..], &[][..]),
    };
    let extents = whole.iter().chain(runs.iter().flat_map(|run| &run.extents));
    extents.map(move |extent| (extent.shard, extent.chunks * chunk_bytes))
}

/// Whether all chunks of an extent can be read and are what was written.
fn is_sound(stored: &Stored, extent: &format::Extent) -> bool {
    let mut room = Vec::new();
    (extent.first_chunk..extent.first_chunk + extent.chunks).all(|chunk| {
        let range = stored.range_of(chunk);
        room.resize((range.end - range.start) as usize, 0);
        stored.read_chunk(chunk, &mut room, Verification::FirstTouch).is_ok()
    })
}

/// The shards to be left, of these with what the head needs of each: those that are mostly dead, and the smallest if they
/// are too many.
fn to_leave(shards: impl Iterator<Item = (ShardRef, u64)>) -> HashSet<ShardId> {
    let (dead, mut alive): (Vec<_>, Vec<_>) = shards.filter(|(_, needed)| *needed > 0).partition(|(shard, needed)| {
        // A few bytes of frame do not make a small shard a dead one.
        needed.saturating_mul(2) < shard.len_bytes.saturating_sub(FRAME_BYTES)
    });
    let mut leave: HashSet<ShardId> = dead.into_iter().map(|(shard, _)| shard.id).collect();
    if alive.len() > SHARDS_KEPT {
        alive.sort_unstable_by_key(|(_, needed)| *needed);
        let small = alive.iter().take(alive.len() - SHARDS_KEPT);
        leave.extend(small.filter(|(_, needed)| *needed <= STRAGGLER_BYTES_MAX).map(|(shard, _)| shard.id));
    }
    leave
}
