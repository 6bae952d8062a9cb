//! Random records, whole and consistent.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;

use crate::dtype::DType;
use crate::format::{
    AliasRecord, Best, Body, ChunkSum, CommitRecord, Content, Entry, Extent, ManifestKind, ManifestRef, PatchRecord,
    PatchRun, Retention, ShardRef, SlicePlace, Statics, StoreFile, Summary, TagEntry, VariableRecord, WholeRecord,
    chunk_count,
};
use crate::id::{AttemptId, CommitId, ManifestId, ShardId, StoreId};
use crate::scope::regularizer::{RegularizerRecord, TermRecord};
use crate::shape::{PartialShape, Shape};

pub(super) fn text() -> impl Strategy<Value = String> {
    "[a-z/_. é語]{0,9}"
}

fn tag() -> impl Strategy<Value = String> {
    "[a-z0-9/é-]{1,9}"
}

fn commit_id() -> impl Strategy<Value = CommitId> {
    any::<[u8; 16]>().prop_map(CommitId::from_bytes)
}

pub(super) fn store_file() -> impl Strategy<Value = StoreFile> {
    (any::<[u8; 16]>(), any::<u64>(), any::<u64>()).prop_map(|(id, hash_seed, created_unix_millis)| StoreFile {
        id: StoreId::from_bytes(id),
        hash_seed,
        created_unix_millis,
    })
}

fn retention() -> impl Strategy<Value = Retention> {
    let best = (text(), any::<u64>(), any::<bool>()).prop_map(|(metric, count, lower_is_better)| Best {
        metric,
        count,
        lower_is_better,
    });
    (any::<Option<u64>>(), any::<Option<u64>>(), option::of(best), any::<Option<u64>>()).prop_map(
        |(keep_last, keep_every, keep_best, keep_younger_than_millis)| Retention {
            keep_last,
            keep_every,
            keep_best,
            keep_younger_than_millis,
        },
    )
}

pub(super) fn commit() -> impl Strategy<Value = CommitRecord> {
    let said_once = (
        commit_id(),
        0..=i64::MAX as u64,
        option::of(any::<[u8; 16]>()),
        any::<[u8; 16]>(),
        any::<u64>(),
        option::of(tag()),
    );
    let manifests = btree_map(any::<[u8; 16]>(), (any::<u64>(), any::<u32>()), 0..4);
    let tags = btree_map(tag(), (commit_id(), any::<u64>()), 0..4);
    let rest = (retention(), commit_id(), 0..=i64::MAX as u64, any::<[u64; 3]>(), vec(any::<u8>(), 0..40));
    (said_once, manifests, tags, rest)
        .prop_map(|((id, number, parent, attempt, unix_millis, tag), manifests, tags, rest)| {
            let (retention, names, next_ordinal, [variables, bytes_total, bytes_new], metadata) = rest;
            CommitRecord {
                id,
                number,
                parent: parent.map(CommitId::from_bytes),
                attempt: AttemptId::from_bytes(attempt),
                unix_millis,
                tag,
                manifests: manifests
                    .into_iter()
                    .map(|(id, (len_bytes, crc32))| ManifestRef { id: ManifestId::from_bytes(id), len_bytes, crc32 })
                    .collect(),
                tags: tags.into_iter().map(|(tag, (commit, number))| TagEntry { tag, commit, number }).collect(),
                retention,
                names,
                next_ordinal,
                summary: Summary { variables, bytes_total, bytes_new },
                metadata,
            }
        })
        .prop_filter("no commit is its own parent", |commit| commit.parent != Some(commit.id))
}

fn regularizer() -> impl Strategy<Value = RegularizerRecord> {
    let number = prop_oneof![any::<f64>().prop_filter("a NaN equals nothing", |x| !x.is_nan()), Just(f64::INFINITY)];
    let term = prop_oneof![
        number.clone().prop_map(TermRecord::L1),
        number.prop_map(TermRecord::L2),
        option::of(text()).prop_map(|name| TermRecord::Custom { name }),
    ];
    vec(term, 0..4).prop_map(|terms| RegularizerRecord { terms })
}

fn dtype() -> impl Strategy<Value = DType> {
    prop::sample::select(DType::ALL)
}

fn statics() -> impl Strategy<Value = Statics> {
    let declared = option::of(vec(any::<Option<u64>>(), 0..4))
        .prop_map(|axes| axes.map_or_else(PartialShape::unknown, PartialShape::with_axes));
    let slice = (text(), any::<u32>(), Just(Vec::new())).prop_map(|(whole, ordinal, offset)| SlicePlace {
        whole,
        ordinal,
        offset,
    });
    let flags = any::<[bool; 3]>();
    let texts = (vec(text(), 0..3), option::of(text()), option::of(regularizer()));
    (any::<u64>(), dtype(), declared, flags, texts, commit_id(), option::of(slice), 12..=22_u32).prop_map(
        |(ordinal, dtype, declared, flags, (collections, caching_device, regularizer), first_commit, slice, log2)| {
            let [trainable, validate_shape, use_resource] = flags;
            Statics {
                ordinal,
                dtype,
                declared,
                trainable,
                collections,
                regularizer,
                caching_device,
                validate_shape,
                use_resource,
                first_commit,
                slice,
                chunk_bytes: 1 << log2,
            }
        },
    )
}

/// A body whose extents are not placed yet.
#[derive(Clone, Debug)]
enum Plan {
    Variable { statics: Statics, shape: Shape, chunk_bytes: u64, text_bytes: u64, cuts: u64 },
    Whole(WholeRecord),
    Alias(AliasRecord),
    Removed,
    Patch { len_bytes: u64, chunk_bytes: u64, replaced: Vec<bool>, cuts: u64 },
}

fn plan(kind: ManifestKind) -> BoxedStrategy<Plan> {
    let chunk_bytes = (12..=14_u32).prop_map(|log2| 1_u64 << log2);
    let shape = vec(0..40_u64, 0..3).prop_map(|sizes| Shape::new(sizes).unwrap());
    let variable = (statics(), shape, chunk_bytes.clone(), 0..20_000_u64, any::<u64>()).prop_map(
        |(mut statics, shape, chunk_bytes, text_bytes, cuts)| {
            if let Some(slice) = &mut statics.slice {
                slice.offset = shape.sizes().iter().map(|size| size * 3).collect();
            }
            Plan::Variable { statics, shape, chunk_bytes, text_bytes, cuts }
        },
    );
    let whole = (any::<u64>(), dtype(), vec((1..4_u64, 0..9_u64), 1..3), commit_id()).prop_map(
        |(ordinal, dtype, axes, first_commit)| {
            let counts: Vec<u64> = axes.iter().map(|(count, _)| *count).collect();
            let slices = (0..counts.iter().product()).map(|i| format!("part_{i}")).collect();
            let shape = Shape::new(axes.iter().map(|(count, more)| count + more).collect::<Vec<_>>()).unwrap();
            Plan::Whole(WholeRecord { ordinal, dtype, shape, counts, slices, first_commit })
        },
    );
    let alias =
        (any::<u64>(), text()).prop_map(|(ordinal, target)| Plan::Alias(AliasRecord { ordinal, target: target + "!" }));
    let patch = (1..30_000_u64, chunk_bytes, vec(any::<bool>(), 8), any::<u64>())
        .prop_map(|(len_bytes, chunk_bytes, replaced, cuts)| Plan::Patch { len_bytes, chunk_bytes, replaced, cuts });
    match kind {
        ManifestKind::Base => prop_oneof![4 => variable, 1 => whole, 1 => alias].boxed(),
        ManifestKind::Delta => {
            prop_oneof![4 => variable, 1 => whole, 1 => alias, 2 => patch, 1 => Just(Plan::Removed)].boxed()
        }
    }
}

/// Hands out places in shards, never one twice.
struct Placer {
    shards: Vec<ShardRef>,
    turn: usize,
}

impl Placer {
    /// Places a run of chunks, cut into extents where the bits of `cuts` say so.
    fn place(&mut self, len_bytes: u64, chunk_bytes: u64, run: std::ops::Range<u64>, cuts: u64) -> Vec<Extent> {
        let mut extents: Vec<Extent> = Vec::new();
        for chunk in run {
            let cut = cuts >> (chunk % 64) & 1 == 1;
            if let Some(extent) = extents.last_mut().filter(|_| !cut) {
                extent.chunks += 1;
                continue;
            }
            self.turn += 1;
            let shard = self.shards[self.turn % self.shards.len()].id;
            extents.push(Extent { shard, offset: 0, first_chunk: chunk, chunks: 1 });
        }
        for extent in &mut extents {
            let shard = self.shards.iter_mut().find(|shard| shard.id == extent.shard).unwrap();
            let end = ((extent.first_chunk + extent.chunks) * chunk_bytes).min(len_bytes);
            extent.offset = shard.len_bytes;
            shard.len_bytes += (end - extent.first_chunk * chunk_bytes).next_multiple_of(64);
        }
        extents
    }
}

fn sums(count: u64, salt: u64) -> Vec<ChunkSum> {
    (0..count).map(|i| ChunkSum { crc32: (salt ^ i) as u32, hash: u128::from(salt) << 64 | u128::from(i) }).collect()
}

fn body(plan: Plan, placer: &mut Placer) -> Body {
    match plan {
        Plan::Variable { statics, shape, chunk_bytes, text_bytes, cuts } => {
            let elements = shape.elements();
            let len_bytes = statics.dtype.bytes_of(elements).unwrap_or((elements + 1) * 8 + text_bytes);
            let chunks = chunk_count(len_bytes, chunk_bytes);
            let extents = placer.place(len_bytes, chunk_bytes, 0..chunks, cuts);
            let content = Content { len_bytes, chunk_bytes, chunks: sums(chunks, cuts), extents };
            Body::Variable(VariableRecord { statics, shape, content })
        }
        Plan::Whole(whole) => Body::Whole(whole),
        Plan::Alias(alias) => Body::Alias(alias),
        Plan::Removed => Body::Removed,
        Plan::Patch { len_bytes, chunk_bytes, replaced, cuts } => {
            let mut runs: Vec<PatchRun> = Vec::new();
            for chunk in (0..chunk_count(len_bytes, chunk_bytes)).filter(|chunk| replaced[*chunk as usize]) {
                let extents = placer.place(len_bytes, chunk_bytes, chunk..chunk + 1, cuts);
                runs.push(PatchRun { first_chunk: chunk, chunks: sums(1, cuts ^ chunk), extents });
            }
            Body::Patch(PatchRecord { len_bytes, chunk_bytes, runs })
        }
    }
}

/// What a manifest of this kind can hold: the shards, and the entries in order.
pub(super) fn manifest(kind: ManifestKind) -> impl Strategy<Value = (Vec<ShardRef>, Vec<Entry>)> {
    let extra = btree_map(0..1_u32 << 31, vec(any::<u8>(), 0..5), 0..3);
    let shards = (btree_set(any::<[u8; 16]>(), 1..4), any::<u32>());
    (btree_map(text(), (plan(kind), extra), 0..8), shards).prop_map(|(plans, (ids, partition))| {
        let shard = |id| ShardRef { id: ShardId::from_bytes(id), len_bytes: 4096, partition };
        let mut placer = Placer { shards: ids.into_iter().map(shard).collect(), turn: 0 };
        let entries = plans
            .into_iter()
            .map(|(name, (plan, extra)): (String, (Plan, BTreeMap<_, _>))| Entry {
                name,
                body: body(plan, &mut placer),
                extra: extra.into_iter().collect(),
            })
            .collect();
        // The end of a shard is no payload.
        placer.shards.iter_mut().for_each(|shard| shard.len_bytes += 192);
        (placer.shards, entries)
    })
}
