//! Stores made by hand, with right checksums and wrong contents: what no writer of ours makes.

use std::fs;
use std::path::PathBuf;

use twox_hash::XxHash3_128;

use crate::checkpoint::{self, Checkpoint};
use crate::commit::History;
use crate::dtype::DType;
use crate::error::{ErrorKind, Result};
use crate::format::{
    Access, AliasRecord, Body, ChunkSum, CommitRecord, Content, Entry, Extent, ManifestKind, ManifestRef,
    ManifestWriter, PatchRecord, PatchRun, Retention, ShardRef, ShardTrailer, SlicePlace, Statics, StoreFile, Summary,
    TagEntry, VariableRecord, WholeRecord, file_names,
};
use crate::id::{AttemptId, CommitId, ManifestId, ShardId, StoreId};
use crate::io::Dir;
use crate::io::faults::{Faults, broken};
use crate::io::tap::{Op, Verdict};
use crate::shape::{PartialShape, Shape};
use crate::strings;
use crate::tensor::Tensor;
use crate::verify::findings::Findings;
use crate::verify::survey::Survey;
use crate::verify::{Damage, VerifyReport, check, verify};

const STORE: StoreId = StoreId::from_bytes([1; 16]);
const SEED: u64 = 99;
const CHUNK_BYTES: u64 = 4096;

/// A store under construction.
struct Crafted {
    folder: tempfile::TempDir,
    shards: Vec<ShardRef>,
    manifests: u8,
}

fn commit_id(number: u64) -> CommitId {
    CommitId::from_bytes([number as u8; 16])
}

fn sum(bytes: &[u8]) -> ChunkSum {
    ChunkSum { crc32: crc32fast::hash(bytes), hash: XxHash3_128::oneshot_with_seed(SEED, bytes) }
}

fn entry(name: &str, body: Body) -> Entry {
    Entry { name: name.to_owned(), body, extra: Vec::new() }
}

fn alias(name: &str, target: &str) -> Entry {
    entry(name, Body::Alias(AliasRecord { ordinal: 9, target: target.to_owned() }))
}

fn whole(name: &str, shape: &[u64], counts: &[u64], slices: &[&str]) -> Entry {
    entry(
        name,
        Body::Whole(WholeRecord {
            ordinal: 8,
            dtype: DType::U8,
            shape: Shape::new(shape).unwrap(),
            counts: counts.to_vec(),
            slices: slices.iter().map(|slice| (*slice).to_owned()).collect(),
            first_commit: commit_id(1),
        }),
    )
}

impl Crafted {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for part in ["commits", "manifests", "shards"] {
            fs::create_dir_all(folder.path().join(part)).unwrap();
        }
        let format = StoreFile { id: STORE, hash_seed: SEED, created_unix_millis: 0 };
        fs::write(folder.path().join("FORMAT"), format.encode().unwrap()).unwrap();
        Self { folder, shards: Vec::new(), manifests: 0 }
    }

    fn path_of(&self, part: &str, name: &str) -> PathBuf {
        self.folder.path().join(part).join(name)
    }

    /// Writes a shard of this payload, which lies at its byte 4096.
    fn shard(&mut self, payload: &[u8]) -> ShardRef {
        let id = ShardId::from_bytes([self.shards.len() as u8 + 1; 16]);
        let (mut bytes, mut trailer) = ShardTrailer::begin(STORE, id, 0);
        bytes.extend(payload);
        trailer.update(payload);
        bytes.extend(trailer.finish());
        fs::write(self.path_of("shards", &file_names::of_shard(id)), &bytes).unwrap();
        let reference = ShardRef { id, len_bytes: bytes.len() as u64, partition: 0 };
        self.shards.push(reference);
        reference
    }

    /// A variable with a shard of its own.
    fn variable(&mut self, name: &str, dtype: DType, shape: &[u64], bytes: &[u8]) -> Entry {
        let shard = self.shard(bytes).id;
        let chunks: Vec<_> = bytes.chunks(CHUNK_BYTES as usize).map(sum).collect();
        let extent = Extent { shard, offset: 4096, first_chunk: 0, chunks: chunks.len() as u64 };
        let extents = if chunks.is_empty() { Vec::new() } else { vec![extent] };
        let content = Content { len_bytes: bytes.len() as u64, chunk_bytes: CHUNK_BYTES, chunks, extents };
        let statics = Statics {
            ordinal: 0,
            dtype,
            declared: PartialShape::unknown(),
            trainable: true,
            collections: Vec::new(),
            regularizer: None,
            caching_device: None,
            validate_shape: true,
            use_resource: false,
            first_commit: commit_id(1),
            slice: None,
            chunk_bytes: CHUNK_BYTES,
        };
        entry(name, Body::Variable(VariableRecord { statics, shape: Shape::new(shape).unwrap(), content }))
    }

    fn manifest(&mut self, kind: ManifestKind, mut entries: Vec<Entry>) -> ManifestRef {
        self.manifests += 1;
        let id = ManifestId::from_bytes([self.manifests; 16]);
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        let mut writer = ManifestWriter::new(STORE, id, kind);
        self.shards.iter().for_each(|shard| writer.declare_shard(*shard));
        entries.iter().for_each(|entry| writer.push(entry).unwrap());
        let (bytes, reference) = writer.finish().unwrap();
        fs::write(self.path_of("manifests", &file_names::of_manifest(id)), bytes).unwrap();
        reference
    }

    fn commit(&mut self, number: u64, manifests: Vec<ManifestRef>, tags: &[(&str, u64)]) {
        let tag = |&(tag, number): &(&str, u64)| TagEntry { tag: tag.to_owned(), commit: commit_id(number), number };
        let record = CommitRecord {
            id: commit_id(number),
            number,
            // Two commits are each other's parents: nothing may follow that for ever.
            parent: Some(commit_id(number ^ 1)),
            attempt: AttemptId::from_bytes([0; 16]),
            unix_millis: 0,
            tag: None,
            manifests,
            tags: tags.iter().map(tag).collect(),
            retention: Retention::default(),
            names: commit_id(number),
            next_ordinal: 10,
            summary: Summary::default(),
            metadata: Vec::new(),
        };
        let bytes = record.encode(STORE).unwrap();
        fs::write(self.path_of("commits", &file_names::of_commit(number)), bytes).unwrap();
    }

    /// A store of one commit that holds these entries.
    fn holding(mut self, entries: Vec<Entry>) -> Self {
        let base = self.manifest(ManifestKind::Base, entries);
        self.commit(1, vec![base], &[]);
        self
    }

    fn verify(&self) -> VerifyReport {
        verify(self.folder.path(), None, &mut |_| {}).unwrap()
    }

    /// The one damage there is.
    fn damage(&self) -> Damage {
        let mut report = self.verify();
        assert_eq!(report.damage.len(), 1, "{report:?}");
        report.damage.remove(0)
    }

    fn read(&self, name: &str) -> Result<Tensor> {
        Checkpoint::open(self.folder.path(), None)?.get(name)?.tensor()
    }

    /// Reading the name and verifying say the same.
    fn assert_damaged(&self, name: &str, words: &str) {
        assert_eq!(self.read(name).unwrap_err().kind(), ErrorKind::Corrupt, "{name}");
        let report = self.verify();
        assert!(report.damage.iter().any(|damage| damage.what.contains(words)), "{words}: {report:?}");
        assert!(report.checkpoints[0].damaged.iter().any(|damaged| damaged == name), "{report:?}");
        assert!(report.checkpoints[0].readable);
    }
}

#[test]
fn deltas_patches_and_removals_are_followed() {
    let mut store = Crafted::new();
    let a = store.variable("a", DType::U8, &[10_000], &[1; 10_000]);
    let b = store.variable("b", DType::U8, &[3], &[1; 3]);
    let base = store.manifest(ManifestKind::Base, vec![a, b]);
    let patch = store.shard(&[2; 4096]).id;
    let extents = vec![Extent { shard: patch, offset: 4096, first_chunk: 1, chunks: 1 }];
    let runs = vec![PatchRun { first_chunk: 1, chunks: vec![sum(&[2; 4096])], extents }];
    let patch = entry("a", Body::Patch(PatchRecord { len_bytes: 10_000, chunk_bytes: CHUNK_BYTES, runs }));
    let delta = store.manifest(ManifestKind::Delta, vec![patch, entry("b", Body::Removed)]);
    store.commit(1, vec![base], &[]);
    store.commit(2, vec![delta, base], &[("one", 1)]);
    let report = store.verify();
    assert!(report.is_sound() && report.unused.is_empty(), "{report:?}");
    assert_eq!((report.chunks, report.checkpoints[0].variables, report.checkpoints[1].variables), (5, 1, 2));

    // The chunk that is patched over hurts only the older checkpoint, the patch only the newer one.
    for (shard, chunk, hurt) in [(0, 1, 1), (2, 0, 2), (0, 2, 3)] {
        let path = store.path_of("shards", &file_names::of_shard(store.shards[shard].id));
        let mut bytes = fs::read(&path).unwrap();
        bytes[4096 + 4096 * chunk + 7] ^= 1;
        fs::write(&path, &bytes).unwrap();
        let damage = store.damage();
        let checkpoints: &[u64] = if hurt == 3 { &[1, 2] } else { &[hurt] };
        assert_eq!((&damage.variables[..], &damage.checkpoints[..]), (&["a".to_owned()][..], checkpoints));
        bytes[4096 + 4096 * chunk + 7] ^= 1;
        fs::write(&path, &bytes).unwrap();
    }
}

#[test]
fn names_that_lead_nowhere_are_damage_and_errors() {
    let mut store = Crafted::new();
    let v = store.variable("v", DType::U8, &[2], &[1; 2]);
    let mut stray = store.variable("w/part_1", DType::U8, &[2], &[1; 2]);
    let Body::Variable(record) = &mut stray.body else { unreachable!() };
    record.statics.slice = Some(SlicePlace { whole: "w".to_owned(), ordinal: 1, offset: vec![2] });
    let wide = store.variable("wide", DType::F32, &[2], &[0; 8]);
    let store = store.holding(vec![
        alias("to nothing", "x"),
        alias("to an alias", "to v"),
        alias("to v", "v"),
        whole("missing", &[2], &[1], &["x"]),
        whole("misshapen", &[3], &[1], &["v"]),
        whole("mistyped", &[2], &[1], &["wide"]),
        whole("empty", &[0, 3], &[1, 1], &["v"]),
        whole("twice cut", &[2, 2], &[2, 2], &["v", "x", "y", "z"]),
        whole("w", &[2], &[1], &["v"]),
        v,
        stray,
        wide,
    ]);
    store.assert_damaged("to nothing", "which is no variable");
    store.assert_damaged("to an alias", "which is no variable");
    store.assert_damaged("missing", "missing or of another shape or dtype");
    store.assert_damaged("misshapen", "missing or of another shape or dtype");
    store.assert_damaged("mistyped", "missing or of another shape or dtype");
    store.assert_damaged("empty", "do not tile");
    store.assert_damaged("twice cut", "do not tile");
    let report = store.verify();
    assert!(report.damage.iter().any(|damage| damage.what.contains("not among those of \"w\"")), "{report:?}");
    assert!(report.damage.iter().all(|damage| damage.checkpoints == [1] && damage.variables.len() == 1));
    assert_eq!(report.checkpoints[0].damaged.len(), 8);
    for sound in ["to v", "v", "w", "wide", "w/part_1"] {
        store.read(sound).unwrap();
    }
}

#[test]
fn payload_with_right_checksums_and_wrong_contents_is_found() {
    let mut store = Crafted::new();
    let flags = store.variable("flags", DType::Bool, &[3], &[0, 1, 2]);
    let mut text = strings::encode(&["ab", "c"]);
    text[8] = 7;
    let text = store.variable("text", DType::String, &[2], &text);
    let store = store.holding(vec![flags, text]);
    store.assert_damaged("flags", "neither 0 nor 1");
    store.assert_damaged("text", "offset 3 of byte string 2 is out of order");
    assert_eq!(store.verify().damage[1].variables, ["text"]);

    let mut store = Crafted::new();
    let mut other = store.variable("v", DType::U8, &[2], &[1; 2]);
    let Body::Variable(record) = &mut other.body else { unreachable!() };
    record.content.chunks[0].hash ^= 1;
    let store = store.holding(vec![other]);
    assert!(store.damage().what.contains("another hash"));

    // Long tables cross chunks; this one is sound.
    let mut store = Crafted::new();
    let many = strings::encode(&vec!["x"; 2000]);
    let many = store.variable("many", DType::String, &[2000], &many);
    assert!(store.holding(vec![many]).verify().is_sound());
}

#[test]
fn commits_that_contradict_each_other_are_found() {
    // A tag names a commit that is gone; then one that has another id.
    let mut store = Crafted::new();
    let v = store.variable("v", DType::U8, &[1], &[1]);
    let base = store.manifest(ManifestKind::Base, vec![v]);
    store.commit(2, vec![base], &[("gone", 1)]);
    let damage = store.damage();
    assert!(damage.what.contains("\"gone\"") && damage.checkpoints == [1], "{damage:?}");
    let report = store.verify();
    let health: Vec<_> = report.checkpoints.iter().map(|h| (h.number, h.readable, h.tag.as_deref())).collect();
    assert_eq!(health, [(2, true, None), (1, false, Some("gone"))]);
    assert_eq!(Checkpoint::open(store.folder.path(), "gone").unwrap_err().kind(), ErrorKind::Corrupt);
    store.commit(1, vec![base], &[]);
    assert!(store.verify().is_sound());
    let other = TagEntry { tag: "gone".to_owned(), commit: commit_id(7), number: 1 };
    let mut record = checkpoint::history_at(store.folder.path()).unwrap().read(2).unwrap().unwrap();
    record.tags = vec![other];
    fs::write(store.path_of("commits", &file_names::of_commit(2)), record.encode(STORE).unwrap()).unwrap();
    assert!(store.damage().what.contains("tag \"gone\" names"));

    // Manifests that are no stack, and one that is not the one named.
    for (case, words) in ["two bases", "no base", "another", "none"].iter().zip(["one base", "one base", "not the", ""])
    {
        let mut store = Crafted::new();
        let v = store.variable("v", DType::U8, &[1], &[1]);
        let base = store.manifest(ManifestKind::Base, vec![v.clone()]);
        let manifests = match *case {
            "two bases" => vec![base, store.manifest(ManifestKind::Base, vec![v])],
            "no base" => vec![store.manifest(ManifestKind::Delta, vec![v])],
            "another" => vec![ManifestRef { crc32: !base.crc32, ..base }],
            _ => Vec::new(),
        };
        store.commit(1, manifests, &[]);
        let report = store.verify();
        if words.is_empty() {
            assert!(report.is_sound(), "{report:?}");
            continue;
        }
        assert!(report.damage.iter().any(|damage| damage.what.contains(words)), "{case}: {report:?}");
        assert!(!report.checkpoints[0].readable);
        assert_eq!(store.read("v").unwrap_err().kind(), ErrorKind::Corrupt, "{case}");
    }
}

#[test]
fn patches_that_fit_nothing_are_found() {
    let patch = |len_bytes| {
        let runs = Vec::new();
        Body::Patch(PatchRecord { len_bytes, chunk_bytes: CHUNK_BYTES, runs })
    };
    let mut store = Crafted::new();
    let v = store.variable("v", DType::U8, &[10], &[1; 10]);
    let base = store.manifest(ManifestKind::Base, vec![v, alias("z", "v")]);
    let changes = vec![entry("none", patch(4)), entry("v", patch(11)), entry("z", patch(4))];
    let delta = store.manifest(ManifestKind::Delta, changes);
    store.commit(1, vec![delta, base], &[]);
    store.assert_damaged("none", "none of them holds");
    store.assert_damaged("v", "a patch is for 11 bytes");
    store.assert_damaged("z", "none of them holds");
}

#[test]
fn a_disk_that_does_not_give_the_bytes_is_damage_and_the_rest_is_checked() {
    let mut store = Crafted::new();
    let v = store.variable("v", DType::U8, &[5000], &[1; 5000]);
    let w = store.variable("w", DType::U8, &[6], &[1; 6]);
    let unreadable = store.shards[0].len_bytes;
    let store = store.holding(vec![v, w]);
    let faults = Faults::new(move |_, op| match op {
        Op::Read { offset: 0, len } if *len == unreadable => Verdict::Fail(broken()),
        _ => Verdict::Go,
    });
    let history = History::open(Dir::open(store.folder.path(), faults).unwrap(), Access::Read).unwrap();
    let mut findings = Findings::default();
    let survey = Survey::of(history, None, None, &mut findings).unwrap();
    let report = check(&survey, true, findings, &mut |_| {}).unwrap();
    let [damage] = &report.damage[..] else { panic!("{report:?}") };
    assert!(damage.what.contains("cannot be read") && damage.what.contains("the disk is broken"), "{damage:?}");
    assert_eq!((&damage.variables[..], damage.offset_bytes), (&["v".to_owned()][..], Some(4096)));
    assert_eq!(report.checkpoints[0].damaged, ["v"]);
}

/// A commit that is deleted between two looks is passed over; one whose files alone are gone is damaged.
#[test]
fn a_commit_deleted_meanwhile_is_no_damage() {
    let crafted = || {
        let mut store = Crafted::new();
        let v = store.variable("v", DType::U8, &[1], &[1]);
        let w = store.variable("w", DType::U8, &[1], &[1]);
        let first = store.manifest(ManifestKind::Base, vec![v]);
        let second = store.manifest(ManifestKind::Base, vec![w]);
        store.commit(1, vec![first], &[]);
        store.commit(2, vec![second], &[("one", 1)]);
        store
    };
    let commit = |store: &Crafted| store.path_of("commits", &file_names::of_commit(1));
    let shard = |store: &Crafted| store.path_of("shards", &file_names::of_shard(ShardId::from_bytes([1; 16])));
    let manifest =
        |store: &Crafted| store.path_of("manifests", &file_names::of_manifest(ManifestId::from_bytes([1; 16])));
    for (whole, gone) in [(true, 1), (true, 2), (false, 1), (false, 2)] {
        let store = crafted();
        let mut findings = Findings::default();
        let survey = Survey::take(store.folder.path(), None, &mut findings).unwrap();
        if whole {
            fs::remove_file(commit(&store)).unwrap();
        }
        fs::remove_file(if gone == 1 { manifest(&store) } else { shard(&store) }).unwrap();
        let report = check(&survey, false, findings, &mut |_| {}).unwrap();
        assert_eq!(report.is_sound(), whole, "{report:?}");
        assert_eq!(report.checkpoints.len(), if whole { 1 } else { 2 });
        assert!(report.checkpoints[0].readable && report.checkpoints.get(1).is_none_or(|one| !one.readable));
    }
}
