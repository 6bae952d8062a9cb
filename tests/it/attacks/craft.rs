//! Stores made by hand, byte for byte as `docs/FORMAT.md` has them: right checksums around contents that no writer of ours
//! would make. Nothing of the library's own encoders is used, since these refuse such contents.

use std::fs;
use std::path::{Path, PathBuf};

use twox_hash::XxHash3_128;

pub(crate) use crate::attacks::container::{File, Record, Row};
use crate::attacks::container::{IN_BLOCKS, OWN_SUM, STORE, crc32};
use crate::support::folder;

const SEED: u64 = 99;

/// The size of chunks, unless something else is said.
pub(crate) const CHUNK: u64 = 4096;

/// Where payload begins in a shard.
pub(crate) const PAYLOAD: u64 = 4096;

const FORMAT_FILE: u32 = 1;
const COMMIT_FILE: u32 = 2;
const MANIFEST_FILE: u32 = 3;
const SHARD_FILE: u32 = 4;

/// Where chunks lie.
#[derive(Clone, Copy)]
pub(crate) struct Extent {
    /// The row of the shard in the manifest's table.
    pub(crate) shard: u32,
    pub(crate) offset: u64,
    pub(crate) chunks: u64,
}

fn put_extent(record: Record, extent: &Extent) -> Record {
    record.u32(extent.shard).u64(extent.offset).u64(extent.chunks)
}

/// A variable's entry: its fields are as they would be unless a test says otherwise.
#[derive(Clone)]
pub(crate) struct Variable {
    pub(crate) dtype: u8,
    pub(crate) shape: Vec<u64>,
    /// Whose slice it is, which, and where.
    pub(crate) slice: Option<(String, u32, Vec<u64>)>,
    pub(crate) len: u64,
    pub(crate) chunk: u64,
    pub(crate) first_sum: u64,
    pub(crate) extents: Vec<Extent>,
    pub(crate) collections: Vec<String>,
}

/// The number of `uint8`.
pub(crate) const U8: u8 = 2;

impl Variable {
    /// Bytes that lie in one piece at the start of the first shard, and have the first chunk sums.
    pub(crate) fn of_bytes(len: u64) -> Self {
        let extent = Extent { shard: 0, offset: PAYLOAD, chunks: len.div_ceil(CHUNK) };
        Self {
            dtype: U8,
            shape: vec![len],
            slice: None,
            len,
            chunk: CHUNK,
            first_sum: 0,
            extents: if len == 0 { Vec::new() } else { vec![extent] },
            collections: vec!["variables".to_owned()],
        }
    }

    pub(crate) fn entry(&self) -> Record {
        // Ordinal, dtype, no declared shape, trainable.
        let record = Record::default().u32(0).u64(0).u8(self.dtype).u8(0).u8(1);
        let record = record.list(&self.collections, |record, text| record.text(text));
        // Neither regularizer nor caching device; validate_shape, no resource; first commit.
        let record = record.u8(0).u8(0).u8(1).u8(0).bytes(&commit_id(1));
        let record = match &self.slice {
            None => record.u8(0),
            Some((whole, number, offset)) => record.u8(1).text(whole).u32(*number).numbers(offset),
        };
        let record = record.u64(CHUNK).numbers(&self.shape);
        let record = record.u64(self.len).u64(self.chunk).u64(self.first_sum).list(&self.extents, put_extent);
        record.u64(0)
    }
}

/// A partitioned variable's entry.
pub(crate) fn whole(shape: &[u64], counts: &[u64], slices: &[String]) -> Record {
    let record = Record::default()
        .u32(1)
        .u64(0)
        .u8(U8)
        .numbers(shape)
        .numbers(counts)
        .list(slices, |record, slice| record.text(slice));
    record.bytes(&commit_id(1)).u64(0)
}

/// The entry of another name.
pub(crate) fn alias(target: impl AsRef<[u8]>) -> Record {
    Record::default().u32(2).u64(0).text(target).u64(0)
}

/// An entry that replaces chunks: each run has its first chunk, its chunks, its first sum and its extents.
pub(crate) fn patch(len: u64, chunk: u64, runs: &[(u64, u64, u64, Vec<Extent>)]) -> Record {
    let run = |record: Record, (first, chunks, sum, extents): &(u64, u64, u64, Vec<Extent>)| {
        record.u64(*first).u64(*chunks).u64(*sum).list(extents, put_extent)
    };
    Record::default().u32(4).u64(len).u64(chunk).list(runs, run).u64(0)
}

/// A shard that was written.
#[derive(Clone, Copy)]
pub(crate) struct Shard {
    pub(crate) id: [u8; 16],
    pub(crate) len: u64,
}

/// A manifest under construction.
#[derive(Clone, Default)]
pub(crate) struct Manifest {
    pub(crate) is_delta: bool,
    /// How many entries it says it has, if not as many as it has.
    pub(crate) count: Option<u64>,
    pub(crate) shards: Vec<Shard>,
    /// Each with its name, in the order given.
    pub(crate) entries: Vec<(Vec<u8>, Record)>,
    /// The bytes of the chunks that sums are written for.
    pub(crate) chunks: Vec<Vec<u8>>,
    /// Rows of the table of offsets in the place of the right ones.
    pub(crate) offsets: Option<Vec<(u64, u64)>>,
}

impl Manifest {
    /// A base over one shard with this payload, cut into chunks.
    pub(crate) fn over(shard: Shard, payload: &[u8]) -> Self {
        let chunks = payload.chunks(CHUNK as usize).map(<[u8]>::to_vec).collect();
        Self { shards: vec![shard], chunks, ..Self::default() }
    }

    pub(crate) fn entry(mut self, name: impl AsRef<[u8]>, entry: Record) -> Self {
        self.entries.push((name.as_ref().to_vec(), entry));
        self
    }

    pub(crate) fn file(&self, id: [u8; 16]) -> File {
        let mut file = File::new(MANIFEST_FILE, id);
        let count = self.count.unwrap_or(self.entries.len() as u64);
        file.section(*b"MANIFEST", &Record::default().u32(u32::from(self.is_delta)).u64(count).0, IN_BLOCKS);
        let shard = |record: Record, shard: &Shard| record.bytes(&shard.id).u64(shard.len).u32(0);
        file.section(*b"SHARDS  ", &self.shards.iter().fold(Record::default(), shard).0, IN_BLOCKS);
        let (mut names, mut entries, mut rows) = (Vec::new(), Vec::new(), vec![(0, 0)]);
        for (name, entry) in &self.entries {
            names.extend(name);
            entries.extend(&entry.0);
            rows.push((names.len() as u64, entries.len() as u64));
        }
        let rows = self.offsets.as_ref().unwrap_or(&rows);
        let rows = rows.iter().fold(Record::default(), |record, (name, entry)| record.u64(*name).u64(*entry));
        file.section(*b"OFFSETS ", &rows.0, IN_BLOCKS);
        file.section(*b"NAMES   ", &names, IN_BLOCKS);
        file.section(*b"ENTRIES ", &entries, IN_BLOCKS);
        let sum = |record: Record, chunk: &Vec<u8>| {
            let hash = XxHash3_128::oneshot_with_seed(SEED, chunk);
            record.u32(crc32(chunk)).bytes(&hash.to_le_bytes())
        };
        file.section(*b"CHUNKSUM", &self.chunks.iter().fold(Record::default(), sum).0, IN_BLOCKS);
        file.sum_blocks(16 << 10);
        file
    }
}

/// What a commit says of a manifest.
#[derive(Clone, Copy)]
pub(crate) struct Reference {
    pub(crate) id: [u8; 16],
    pub(crate) len: u64,
    pub(crate) crc: u32,
}

/// A commit under construction.
#[derive(Clone)]
pub(crate) struct Commit {
    pub(crate) number: u64,
    pub(crate) id: [u8; 16],
    pub(crate) parent: Option<[u8; 16]>,
    pub(crate) time: u64,
    pub(crate) next_ordinal: u64,
    /// Variables, bytes in all, bytes new.
    pub(crate) summary: [u64; 3],
    pub(crate) manifests: Vec<Reference>,
    pub(crate) tags: Vec<(String, [u8; 16], u64)>,
    pub(crate) metadata: Vec<u8>,
    /// The record of the retention policy.
    pub(crate) retention: Record,
}

/// The id of the commit of a number.
pub(crate) fn commit_id(number: u64) -> [u8; 16] {
    [number as u8; 16]
}

impl Commit {
    pub(crate) fn new(number: u64, manifests: &[Reference]) -> Self {
        Self {
            number,
            id: commit_id(number),
            parent: None,
            time: 0,
            next_ordinal: 1000,
            summary: [0; 3],
            manifests: manifests.to_vec(),
            tags: Vec::new(),
            metadata: Vec::new(),
            retention: Record::default().u8(0).u8(0).u8(0).u8(0),
        }
    }

    pub(crate) fn tag(mut self, tag: &str, number: u64) -> Self {
        self.tags.push((tag.to_owned(), commit_id(number), number));
        self
    }

    pub(crate) fn file(&self) -> File {
        let mut file = File::new(COMMIT_FILE, self.id);
        let record = Record::default().u64(self.number);
        let record = match &self.parent {
            None => record.u8(0),
            Some(parent) => record.u8(1).bytes(parent),
        };
        let record = record.bytes(&[0; 16]).u64(self.time).u8(0).bytes(&commit_id(1)).u64(self.next_ordinal);
        let record = self.summary.iter().fold(record, |record, count| record.u64(*count));
        file.section(*b"COMMIT  ", &record.0, OWN_SUM);
        let reference = |record: Record, one: &Reference| record.bytes(&one.id).u64(one.len).u32(one.crc);
        file.section(*b"MANIFEST", &Record::default().list(&self.manifests, reference).0, OWN_SUM);
        let tag = |record: Record, (tag, id, number): &(String, [u8; 16], u64)| record.text(tag).bytes(id).u64(*number);
        file.section(*b"TAGS    ", &Record::default().list(&self.tags, tag).0, OWN_SUM);
        file.section(*b"RETAIN  ", &self.retention.0, OWN_SUM);
        file.section(*b"METADATA", &self.metadata, OWN_SUM);
        file
    }
}

/// A store under construction.
pub(crate) struct Crafted {
    _folder: tempfile::TempDir,
    pub(crate) path: PathBuf,
    made: u8,
}

impl Crafted {
    pub(crate) fn new() -> Self {
        let folder = folder();
        let path = folder.path().join("crafted.varkeep");
        for part in ["commits", "manifests", "shards"] {
            fs::create_dir_all(path.join(part)).unwrap();
        }
        let crafted = Self { _folder: folder, path, made: 0 };
        crafted.put(Path::new("FORMAT"), format_file());
        crafted
    }

    pub(crate) fn put(&self, inside: impl AsRef<Path>, file: File) -> u32 {
        let (bytes, crc) = file.sealed();
        fs::write(self.path.join(inside), bytes).unwrap();
        crc
    }

    fn next_id(&mut self) -> [u8; 16] {
        self.made += 1;
        [self.made; 16]
    }

    pub(crate) fn shard_path(&self, shard: Shard) -> PathBuf {
        self.path.join(format!("shards/{}.shard", hex(shard.id)))
    }

    /// Writes a shard with this payload.
    pub(crate) fn shard(&mut self, payload: &[u8]) -> Shard {
        let id = self.next_id();
        let (bytes, _) = shard_file(id, payload).sealed();
        let shard = Shard { id, len: bytes.len() as u64 };
        fs::write(self.shard_path(shard), bytes).unwrap();
        shard
    }

    /// Writes a manifest.
    pub(crate) fn manifest(&mut self, manifest: &Manifest) -> Reference {
        let id = self.next_id();
        self.put_manifest(manifest.file(id))
    }

    /// Writes a manifest that was changed after it was made.
    pub(crate) fn put_manifest(&mut self, file: File) -> Reference {
        let id = file.id;
        let (bytes, crc) = file.sealed();
        fs::write(self.path.join(format!("manifests/{}.manifest", hex(id))), &bytes).unwrap();
        Reference { id, len: bytes.len() as u64, crc }
    }

    pub(crate) fn commit(&self, commit: &Commit) {
        self.put(format!("commits/{:020}.commit", commit.number), commit.file());
    }

    /// Makes the manifest the only one of commit 1, which is the newest and tagged "one".
    pub(crate) fn holding(mut self, manifest: &Manifest) -> Self {
        let reference = self.manifest(manifest);
        self.commit(&Commit::new(1, &[reference]).tag("one", 1));
        self
    }
}

/// The file that names the store.
pub(crate) fn format_file() -> File {
    let mut file = File::new(FORMAT_FILE, STORE);
    file.section(*b"STORE   ", &Record::default().u64(SEED).u64(0).0, OWN_SUM);
    file
}

/// A shard's file.
pub(crate) fn shard_file(id: [u8; 16], payload: &[u8]) -> File {
    let mut file = File::new(SHARD_FILE, id);
    let head = Record(file.header()).u32(0).0;
    file.body = Record(head.clone()).u32(crc32(&head)).0;
    file.body.resize(PAYLOAD as usize, 0);
    file.body.extend(payload);
    let row = |tag: [u8; 8], offset, len| Row { tag, offset, len, crc: 0, flags: IN_BLOCKS };
    file.rows = vec![row(*b"SHARD   ", 64, 8), row(*b"EXTENTS ", PAYLOAD, payload.len() as u64)];
    file.sum_blocks(256 << 10);
    file
}

fn hex(id: [u8; 16]) -> String {
    format!("{:032x}", u128::from_be_bytes(id))
}
