//! The commit file: which manifests hold what was committed, and every tag with its commit.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::format::codec::{self, List};
use crate::format::container::{Builder, Container};
use crate::format::header::{Access, FileKind, Header};
use crate::format::table::Tag;
use crate::id::{AttemptId, CommitId, ManifestId, StoreId};
use crate::limits::{METADATA_BYTES_MAX, NAME_BYTES_MAX};
use crate::name::check_tag;

/// The section with what is said once.
pub(super) const COMMIT: Tag = Tag(*b"COMMIT  ");
/// The section with the list of manifests.
pub(super) const MANIFESTS: Tag = Tag(*b"MANIFEST");
/// The section with the table of tags.
pub(super) const TAGS: Tag = Tag(*b"TAGS    ");
/// The section with the retention policy.
pub(super) const RETENTION: Tag = Tag(*b"RETAIN  ");
/// The section with the user's metadata, as it was given.
pub(super) const METADATA: Tag = Tag(*b"METADATA");

/// Numbers and ordinals stay below this, so that counting on from what a file says never overflows.
const COUNT_MAX: u64 = i64::MAX.unsigned_abs();

pub(super) const KNOWN: [Tag; 5] = [COMMIT, MANIFESTS, TAGS, RETENTION, METADATA];

/// One commit: a complete state of the store, its place in history, and the table of tags as it stood then.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CommitRecord {
    pub(crate) id: CommitId,
    /// The number in the file's name. History may branch, so this orders files, not ancestors.
    pub(crate) number: u64,
    pub(crate) parent: Option<CommitId>,
    /// Which attempt at publishing wrote it: tells whether a failed one reached the disk after all.
    pub(crate) attempt: AttemptId,
    pub(crate) unix_millis: u64,
    pub(crate) tag: Option<String>,
    /// Newest first: the last one is a base, the others are deltas over it.
    pub(crate) manifests: Vec<ManifestRef>,
    pub(crate) tags: Vec<TagEntry>,
    pub(crate) retention: Retention,
    /// The last commit that changed names or static records.
    pub(crate) names: CommitId,
    /// The creation ordinal of the next variable.
    pub(crate) next_ordinal: u64,
    pub(crate) summary: Summary,
    /// The user's, opaque here.
    pub(crate) metadata: Vec<u8>,
}

/// Names a manifest, and says enough to notice another one in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ManifestRef {
    pub(crate) id: ManifestId,
    pub(crate) len_bytes: u64,
    /// Of the manifest's table and footer, which hold the checksums of the rest.
    pub(crate) crc32: u32,
}

/// One tag of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TagEntry {
    pub(crate) tag: String,
    pub(crate) commit: CommitId,
    pub(crate) number: u64,
}

/// Which tagged commits are kept; with nothing set, all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "the names of the options on the command line")]
pub(crate) struct Retention {
    pub(crate) keep_last: Option<u64>,
    pub(crate) keep_every: Option<u64>,
    pub(crate) keep_best: Option<Best>,
    pub(crate) keep_younger_than_millis: Option<u64>,
}

/// Keeps the commits that a metric in their metadata says are best.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Best {
    pub(crate) metric: String,
    pub(crate) count: u64,
    pub(crate) lower_is_better: bool,
}

/// What a listing shows of a commit without opening its manifests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Summary {
    pub(crate) variables: u64,
    pub(crate) bytes_total: u64,
    pub(crate) bytes_new: u64,
}

#[derive(Serialize, Deserialize)]
struct WireCommit<'a> {
    number: u64,
    parent: Option<CommitId>,
    attempt: AttemptId,
    unix_millis: u64,
    #[serde(borrow)]
    tag: Option<&'a str>,
    names: CommitId,
    next_ordinal: u64,
    summary: Summary,
}

#[derive(Serialize, Deserialize)]
struct WireTag<'a> {
    tag: &'a str,
    commit: CommitId,
    number: u64,
}

#[derive(Serialize, Deserialize)]
struct WireRetention<'a> {
    last: Option<u64>,
    every: Option<u64>,
    #[serde(borrow)]
    best: Option<WireBest<'a>>,
    younger_than_millis: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct WireBest<'a> {
    metric: &'a str,
    count: u64,
    lower_is_better: bool,
}

impl CommitRecord {
    /// The bytes of the file.
    ///
    /// # Errors
    /// `invalid_argument` if a limit is passed or the record contradicts itself.
    pub(crate) fn encode(&self, store: StoreId) -> Result<Vec<u8>> {
        self.check().map_err(|what| Error::new(ErrorKind::InvalidArgument, what))?;
        let wire = WireCommit {
            number: self.number,
            parent: self.parent,
            attempt: self.attempt,
            unix_millis: self.unix_millis,
            tag: self.tag.as_deref(),
            names: self.names,
            next_ordinal: self.next_ordinal,
            summary: self.summary,
        };
        let tags: List<_> = self
            .tags
            .iter()
            .map(|entry| WireTag { tag: &entry.tag, commit: entry.commit, number: entry.number })
            .collect();
        let Retention { keep_last, keep_every, keep_best, keep_younger_than_millis } = &self.retention;
        let retention = WireRetention {
            last: *keep_last,
            every: *keep_every,
            best: keep_best.as_ref().map(|best| WireBest {
                metric: &best.metric,
                count: best.count,
                lower_is_better: best.lower_is_better,
            }),
            younger_than_millis: *keep_younger_than_millis,
        };
        let mut file = Builder::new(Header::new(FileKind::Commit, store, self.id.to_bytes()), 1024);
        file.section(COMMIT, &codec::encode("the commit", &wire)?);
        file.section(MANIFESTS, &codec::encode("the list of manifests", &self.manifests)?);
        file.section(TAGS, &codec::encode("the table of tags", &tags)?);
        file.section(RETENTION, &codec::encode("the retention policy", &retention)?);
        file.section(METADATA, &self.metadata);
        Ok(file.finish())
    }

    /// Reads a commit file of this store.
    ///
    /// # Errors
    /// `corrupt`, or `unsupported_format` if a newer version is needed.
    pub(crate) fn parse(bytes: &[u8], store: StoreId, access: Access) -> Result<Self> {
        let file = Container::parse_whole(bytes, FileKind::Commit, Some(store), access, &KNOWN)?;
        let (section, commit_offset) = file.section(COMMIT)?;
        let wire: WireCommit<'_> = codec::decode("the commit", section, commit_offset)?;
        let (section, offset) = file.section(MANIFESTS)?;
        let List(manifests) = codec::decode("the list of manifests", section, offset)?;
        let (section, offset) = file.section(TAGS)?;
        let List(tags) = codec::decode::<List<WireTag<'_>>>("the table of tags", section, offset)?;
        let (section, offset) = file.section(RETENTION)?;
        let retention: WireRetention<'_> = codec::decode("the retention policy", section, offset)?;
        let (metadata, _) = file.section(METADATA)?;
        let record = Self {
            id: CommitId::from_bytes(file.header().own_id),
            number: wire.number,
            parent: wire.parent,
            attempt: wire.attempt,
            unix_millis: wire.unix_millis,
            tag: wire.tag.map(str::to_owned),
            manifests,
            tags: tags
                .into_iter()
                .map(|WireTag { tag, commit, number }| TagEntry { tag: tag.to_owned(), commit, number })
                .collect(),
            retention: Retention {
                keep_last: retention.last,
                keep_every: retention.every,
                keep_best: retention.best.map(|WireBest { metric, count, lower_is_better }| Best {
                    metric: metric.to_owned(),
                    count,
                    lower_is_better,
                }),
                keep_younger_than_millis: retention.younger_than_millis,
            },
            names: wire.names,
            next_ordinal: wire.next_ordinal,
            summary: wire.summary,
            metadata: metadata.to_vec(),
        };
        record.check().map_err(|what| Error::corrupt(what).at_offset(commit_offset))?;
        Ok(record)
    }

    /// What a record must fulfil, written or read.
    fn check(&self) -> Result<(), String> {
        if self.parent == Some(self.id) {
            return Err(format!("commit {} is its own parent", self.id));
        }
        for (what, count) in [("number", self.number), ("next creation ordinal", self.next_ordinal)] {
            if count > COUNT_MAX {
                return Err(format!("a {what} of {count} is not possible"));
            }
        }
        let mut seen = HashSet::new();
        for TagEntry { tag, .. } in &self.tags {
            check_tag(tag).map_err(|error| error.what().to_owned())?;
            if !seen.insert(tag) {
                return Err(format!("tag {tag:?} is in the table twice"));
            }
        }
        if let Some(tag) = &self.tag {
            check_tag(tag).map_err(|error| error.what().to_owned())?;
        }
        let mut seen = HashSet::new();
        if let Some(manifest) = self.manifests.iter().find(|manifest| !seen.insert(manifest.id)) {
            return Err(format!("manifest {} is in the list twice", manifest.id));
        }
        if self.retention.keep_best.as_ref().is_some_and(|best| best.metric.len() > NAME_BYTES_MAX) {
            return Err(format!("the name of a metric has more than {NAME_BYTES_MAX} bytes"));
        }
        if self.metadata.len() > METADATA_BYTES_MAX {
            let len = self.metadata.len();
            return Err(format!("the metadata has {len} bytes, and up to {METADATA_BYTES_MAX} are possible"));
        }
        Ok(())
    }
}
