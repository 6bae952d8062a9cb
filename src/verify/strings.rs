//! The tables of offsets of byte strings, read piece by piece.

use crate::error::{Error, Result};
use crate::format::{Content, file_names};
use crate::shard::{Shards, Stored, Verification};
use crate::verify::findings::Findings;
use crate::verify::references::{References, StringsUse, bytes_of};
use crate::verify::shards::Damaged;
use crate::verify::survey::Survey;

/// The bytes of one offset.
const OFFSET_BYTES: u64 = 8;

/// Checks every value of byte strings whose chunks are sound.
pub(super) fn check(survey: &Survey, references: &References, damaged: &mut Damaged, findings: &mut Findings) {
    let folders = &survey.history.folders;
    let shards = Shards::new(folders.shards.clone(), survey.history.store.id);
    for strings in &references.strings {
        let Content { extents, .. } = &strings.content;
        let is_hurt = extents
            .iter()
            .any(|extent| damaged.under(extent.shard, bytes_of(&strings.content, extent)).next().is_some());
        let Some(first) = extents.first().filter(|_| !is_hurt) else { continue };
        // A shard that cannot be opened is gone since it was checked.
        let Ok(stored) = open(&shards, references, &strings.content) else { continue };
        if let Err(error) = check_table(&stored, strings) {
            let path = folders.shards.join(&file_names::of_shard(first.shard));
            let damage = findings.add_error(&error.at_offset(first.offset), &path);
            damaged.add(first.shard, bytes_of(&strings.content, first), damage);
        }
    }
    damaged.sort();
}

fn open(shards: &Shards, references: &References, content: &Content) -> Result<Stored> {
    let file = |extent: &crate::format::Extent| {
        let known = references.shards.get(&extent.shard).and_then(|shard| shard.references.first());
        let (reference, _) = known.ok_or_else(|| Error::corrupt("the shard is not listed"))?;
        shards.open(reference)
    };
    let files = content.extents.iter().map(file).collect::<Result<Vec<_>>>()?;
    Ok(Stored::new(content.clone(), files))
}

/// Checks what [`crate::Strings`] asks of its bytes, with one chunk in memory at a time.
fn check_table(stored: &Stored, strings: &StringsUse) -> Result<()> {
    let StringsUse { count, content, .. } = strings;
    // The entry was checked: the table fits.
    let table_bytes = (count + 1) * OFFSET_BYTES;
    let mut before = 0;
    let mut i = 0;
    for chunk in 0..table_bytes.div_ceil(content.chunk_bytes) {
        let range = stored.range_of(chunk);
        let mut bytes = vec![0; (range.end - range.start) as usize];
        stored.read_chunk(chunk, &mut bytes, Verification::Never)?;
        let in_table = (table_bytes - range.start).min(bytes.len() as u64) as usize;
        for offset in bytes[..in_table].chunks_exact(OFFSET_BYTES as usize) {
            let offset = u64::from_le_bytes(offset.try_into().expect("pieces are eight bytes long"));
            if offset < before || (i == 0 && offset != 0) || (i == *count && offset != content.len_bytes - table_bytes)
            {
                return Err(Error::corrupt(format!("offset {offset} of byte string {i} is out of order")));
            }
            (before, i) = (offset, i + 1);
        }
    }
    Ok(())
}
