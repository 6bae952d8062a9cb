//! Fixed records that use every kind of entry and every option. The fixtures were written from them: they never change.

use super::shard_with;
use crate::dtype::DType;
use crate::format::{
    AliasRecord, Best, Body, ChunkSum, CommitRecord, Content, Entry, Extent, ManifestKind, ManifestRef, ManifestWriter,
    PatchRecord, PatchRun, Retention, ShardRef, SlicePlace, Statics, StoreFile, Summary, TagEntry, VariableRecord,
    WholeRecord, chunk_count,
};
use crate::id::{AttemptId, CommitId, ManifestId, ShardId, StoreId};
use crate::scope::regularizer::{RegularizerRecord, TermRecord};
use crate::shape::{PartialShape, Shape};

pub(super) const STORE: StoreId = StoreId::from_bytes(*b"a store's own id");
pub(super) const COMMIT: CommitId = CommitId::from_bytes(*b"the second commi");
pub(super) const FIRST_COMMIT: CommitId = CommitId::from_bytes(*b"the first commit");
pub(super) const BASE: ManifestId = ManifestId::from_bytes(*b"the base's own i");
pub(super) const DELTA: ManifestId = ManifestId::from_bytes(*b"the delta's own ");
pub(super) const SHARD: ShardRef = ShardRef { id: ShardId::from_bytes([0xa5; 16]), len_bytes: 1 << 20, partition: 0 };
pub(super) const OTHER_SHARD: ShardRef =
    ShardRef { id: ShardId::from_bytes([0x5a; 16]), len_bytes: 2 << 20, partition: 3 };

pub(super) fn store_file() -> StoreFile {
    StoreFile { id: STORE, hash_seed: 0x0123_4567_89ab_cdef, created_unix_millis: 1_700_000_000_123 }
}

pub(super) fn commit() -> CommitRecord {
    let tag = |tag: &str, commit, number| TagEntry { tag: tag.to_owned(), commit, number };
    CommitRecord {
        id: COMMIT,
        number: 2,
        parent: Some(FIRST_COMMIT),
        attempt: AttemptId::from_bytes(*b"the second tried"),
        unix_millis: 1_700_000_060_456,
        tag: Some("step-2000".to_owned()),
        manifests: vec![
            ManifestRef { id: DELTA, len_bytes: 1234, crc32: 0xdead_beef },
            ManifestRef { id: BASE, len_bytes: 56_789, crc32: 0x0102_0304 },
        ],
        tags: vec![tag("step-1000", FIRST_COMMIT, 1), tag("step-2000", COMMIT, 2), tag("最良", COMMIT, 2)],
        retention: Retention {
            keep_last: Some(5),
            keep_every: Some(1000),
            keep_best: Some(Best { metric: "loss".to_owned(), count: 3, lower_is_better: true }),
            keep_younger_than_millis: Some(86_400_000),
        },
        names: FIRST_COMMIT,
        next_ordinal: 7,
        summary: Summary { variables: 6, bytes_total: 123_456, bytes_new: 4096 },
        metadata: b"\x82\xa4loss\xcb\x7f\xf8\0\0\0\0\0\0".to_vec(),
    }
}

fn sums(count: u64, salt: u32) -> Vec<ChunkSum> {
    (0..count as u32)
        .map(|i| ChunkSum {
            crc32: salt.wrapping_mul(0x9e37_79b9).wrapping_add(i),
            hash: u128::from(salt) << 100 | u128::from(i),
        })
        .collect()
}

fn extent(shard: ShardRef, offset: u64, first_chunk: u64, chunks: u64) -> Extent {
    Extent { shard: shard.id, offset, first_chunk, chunks }
}

fn statics(ordinal: u64, dtype: DType, declared: PartialShape) -> Statics {
    Statics {
        ordinal,
        dtype,
        declared,
        trainable: true,
        collections: vec!["variables".to_owned(), "trainable_variables".to_owned()],
        regularizer: None,
        caching_device: None,
        validate_shape: true,
        use_resource: false,
        first_commit: FIRST_COMMIT,
        slice: None,
        chunk_bytes: 256 << 10,
    }
}

fn variable(
    name: &str,
    statics: Statics,
    shape: &[u64],
    len_bytes: u64,
    chunk_bytes: u64,
    extents: Vec<Extent>,
) -> Entry {
    let chunks = sums(chunk_count(len_bytes, chunk_bytes), statics.ordinal as u32 + 1);
    let content = Content { len_bytes, chunk_bytes, chunks, extents };
    let record = VariableRecord { statics, shape: Shape::new(shape).unwrap(), content };
    Entry { name: name.to_owned(), body: Body::Variable(record), extra: Vec::new() }
}

/// Entries of a base, in order.
pub(super) fn base_entries() -> Vec<Entry> {
    let slice = |ordinal: u32, rows: u64, from: u64, offset: u64| {
        let place = SlicePlace { whole: "emb".to_owned(), ordinal, offset: vec![from, 0] };
        let statics = Statics {
            slice: Some(place),
            chunk_bytes: 4096,
            ..statics(2 + u64::from(ordinal), DType::F32, PartialShape::with_axes([Some(rows), Some(16)]))
        };
        let extents = vec![extent(OTHER_SHARD, offset, 0, chunk_count(rows * 64, 4096))];
        variable(&format!("emb/part_{ordinal}"), statics, &[rows, 16], rows * 64, 4096, extents)
    };
    let whole = WholeRecord {
        ordinal: 4,
        dtype: DType::F32,
        shape: Shape::new([203, 16]).unwrap(),
        counts: vec![2, 1],
        slices: vec!["emb/part_0".to_owned(), "emb/part_1".to_owned()],
        first_commit: FIRST_COMMIT,
    };
    let regularizer = RegularizerRecord {
        terms: vec![
            TermRecord::L1(0.5),
            TermRecord::L2(1e-4),
            TermRecord::L2(f64::INFINITY),
            TermRecord::Custom { name: Some("orthogonal".to_owned()) },
            TermRecord::Custom { name: None },
        ],
    };
    let weights = Statics {
        trainable: false,
        collections: vec!["variables".to_owned(), "mine".to_owned()],
        regularizer: Some(regularizer),
        caching_device: Some("/cpu:0".to_owned()),
        validate_shape: false,
        use_resource: true,
        ..statics(1, DType::BF16, PartialShape::with_axes([None, Some(300)]))
    };
    let scattered = vec![extent(SHARD, 4096, 0, 2), extent(OTHER_SHARD, 4096, 2, 1), extent(SHARD, 64 << 10, 3, 1)];
    vec![
        variable("", statics(6, DType::U8, PartialShape::unknown()), &[0], 0, 256 << 10, Vec::new()),
        Entry {
            name: "decoder/w".to_owned(),
            body: Body::Alias(AliasRecord { ordinal: 5, target: "encoder/w".to_owned() }),
            extra: vec![(1, b"later".to_vec()), (7, Vec::new())],
        },
        Entry { name: "emb".to_owned(), body: Body::Whole(whole), extra: Vec::new() },
        slice(0, 102, 0, 16 << 10),
        slice(1, 101, 102, 32 << 10),
        variable("encoder/w", weights, &[24, 300], 14_400, 4096, scattered),
        variable(
            "語彙",
            statics(0, DType::String, PartialShape::with_axes([Some(3)])),
            &[3],
            45,
            256 << 10,
            vec![extent(SHARD, 32 << 10, 0, 1)],
        ),
    ]
}

/// Entries of a delta over that base, in order.
pub(super) fn delta_entries() -> Vec<Entry> {
    let patch = PatchRecord {
        len_bytes: 14_400,
        chunk_bytes: 4096,
        runs: vec![
            PatchRun { first_chunk: 0, chunks: sums(1, 90), extents: vec![extent(SHARD, 4096, 0, 1)] },
            PatchRun {
                first_chunk: 2,
                chunks: sums(2, 91),
                extents: vec![extent(SHARD, 8192, 2, 1), extent(SHARD, 16_384, 3, 1)],
            },
        ],
    };
    let entry = |name: &str, body| Entry { name: name.to_owned(), body, extra: Vec::new() };
    vec![
        entry("decoder/w", Body::Removed),
        Entry { extra: vec![(2, b"kept".to_vec())], ..entry("encoder/w", Body::Patch(patch)) },
        variable(
            "step",
            statics(7, DType::I64, PartialShape::from(Shape::scalar())),
            &[],
            8,
            256 << 10,
            vec![extent(SHARD, 128 << 10, 0, 1)],
        ),
    ]
}

/// A manifest of these entries, and what a commit says of it.
pub(super) fn manifest_of(id: ManifestId, kind: ManifestKind, entries: &[Entry]) -> (Vec<u8>, ManifestRef) {
    let mut writer = ManifestWriter::new(STORE, id, kind);
    writer.declare_shard(SHARD);
    writer.declare_shard(OTHER_SHARD);
    for entry in entries {
        writer.push(entry).unwrap();
    }
    writer.finish().unwrap()
}

pub(super) fn base() -> Vec<u8> {
    manifest_of(BASE, ManifestKind::Base, &base_entries()).0
}

pub(super) fn delta() -> Vec<u8> {
    manifest_of(DELTA, ManifestKind::Delta, &delta_entries()).0
}

/// What the sample shard holds: three extents' worth of bytes, and an odd end.
pub(super) fn payload() -> Vec<u8> {
    (0..3 * 64 + 5_u8).map(|i| i.wrapping_mul(37)).collect()
}

pub(super) fn shard() -> Vec<u8> {
    shard_with(STORE, SHARD.id, 3, &payload())
}
