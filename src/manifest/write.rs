//! Writing manifests.

use crate::error::Result;
use crate::format::{Entry, ManifestKind, ManifestRef, ManifestWriter, ShardRef, file_names};
use crate::id::{ManifestId, StoreId};
use crate::io::{self, Dir, NewFile};

/// Writes a manifest of these entries, which come by name and refer to these shards. It is whole then, and not durable.
pub(crate) fn write_manifest(
    dir: &Dir,
    store: StoreId,
    kind: ManifestKind,
    shards: impl Iterator<Item = ShardRef>,
    entries: impl Iterator<Item = Result<Entry>>,
) -> Result<(NewFile, ManifestRef)> {
    let id = ManifestId::from_bytes(io::random_128()?);
    let mut writer = ManifestWriter::new(store, id, kind);
    for shard in shards {
        writer.declare_shard(shard);
    }
    for entry in entries {
        writer.push(&entry?)?;
    }
    let (bytes, reference) = writer.finish()?;
    let mut file = dir.create_file(&file_names::of_manifest(id))?;
    match file.write_all(&bytes) {
        Ok(()) => Ok((file, reference)),
        Err(error) => {
            file.discard();
            Err(error)
        }
    }
}
