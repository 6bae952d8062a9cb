//! Writing manifests.

use crate::error::Result;
use crate::format::{Entry, ManifestKind, ManifestRef, ManifestWriter, ShardRef, file_names};
use crate::id::{ManifestId, StoreId};
use crate::io::{self, Dir};

/// Writes a base manifest of these entries, which come by name and refer to these shards, and brings it to the disk.
/// The folder is not synced.
pub(crate) fn write_base(
    dir: &Dir,
    store: StoreId,
    shards: impl Iterator<Item = ShardRef>,
    entries: impl Iterator<Item = Result<Entry>>,
) -> Result<ManifestRef> {
    let id = ManifestId::from_bytes(io::random_128()?);
    let mut writer = ManifestWriter::new(store, id, ManifestKind::Base);
    for shard in shards {
        writer.declare_shard(shard);
    }
    for entry in entries {
        writer.push(&entry?)?;
    }
    let (bytes, reference) = writer.finish()?;
    let mut file = dir.create_file(&file_names::of_manifest(id))?;
    let written = file.write_all(&bytes).and_then(|()| file.sync_data());
    if let Err(error) = written {
        file.discard();
        return Err(error);
    }
    Ok(reference)
}
