//! Looking things up in a manifest, and what its writer refuses.

use super::samples::{self, BASE, OTHER_SHARD, SHARD, STORE, base_entries};
use crate::error::{ErrorKind, Result};
use crate::format::{
    Access, AliasRecord, Body, Content, Entry, ManifestKind, ManifestLayout, ManifestWriter, VariableRecord,
};

fn aliases(count: usize) -> Vec<Entry> {
    let entry = |i: usize| Entry {
        name: format!("scope_{}/v_{i:06}", i / 1000),
        body: Body::Alias(AliasRecord { ordinal: i as u64, target: "t".to_owned() }),
        extra: Vec::new(),
    };
    let mut entries: Vec<_> = (0..count).map(entry).collect();
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    entries
}

#[test]
fn parsing_reads_no_entry_and_a_look_up_only_its_blocks() {
    let entries = aliases(20_000);
    let (mut bytes, _) = samples::manifest_of(BASE, ManifestKind::Base, &entries);
    let layout = ManifestLayout::parse(&bytes, STORE, Access::Read).unwrap();
    assert_eq!(layout.blocks.checked_count(), 1);
    let all = (bytes.len() as u32).div_ceil(16 << 10);
    let index = layout.find(&bytes, "scope_12/v_012345").unwrap().unwrap();
    assert_eq!(layout.entry_at(&bytes, index).unwrap(), entries[index as usize]);
    // Fifteen steps of the search, each into the table of offsets and the names.
    assert!(layout.blocks.checked_count() <= 2 + 2 * 15 && all > 60);

    // A damaged block of entries: every name is still found, and most entries are still read.
    let at = bytes.len() - bytes.len() / 4;
    bytes[at] ^= 1;
    let layout = ManifestLayout::parse(&bytes, STORE, Access::Read).unwrap();
    assert!(entries.iter().all(|entry| layout.find(&bytes, &entry.name).unwrap().is_some()));
    let unreadable = layout.entries(&bytes).filter(Result::is_err).count();
    assert!((1..2000).contains(&unreadable), "{unreadable}");
    assert!(layout.check_all(&bytes).is_err());
}

#[test]
fn names_of_a_scope_lie_together() -> Result<()> {
    let entries = aliases(3000);
    let (bytes, _) = samples::manifest_of(BASE, ManifestKind::Base, &entries);
    let layout = ManifestLayout::parse(&bytes, STORE, Access::Read)?;
    assert_eq!(layout.first_at_or_after(&bytes, "")?, 0);
    assert_eq!(layout.first_at_or_after(&bytes, "scope_1/")?, 1000);
    assert_eq!(layout.first_at_or_after(&bytes, "scope_1/v_001500x")?, 1501);
    assert_eq!(layout.first_at_or_after(&bytes, "t")?, layout.len());
    assert!(layout.name_at(&bytes, layout.len()).is_err() && layout.entry_at(&bytes, u64::MAX).is_err());
    Ok(())
}

#[test]
fn an_empty_manifest_is_one() -> Result<()> {
    let (bytes, reference) = samples::manifest_of(BASE, ManifestKind::Delta, &[]);
    let layout = ManifestLayout::parse(&bytes, STORE, Access::Read)?;
    layout.check_all(&bytes)?;
    layout.check_is(&reference)?;
    assert_eq!((layout.find(&bytes, "")?, layout.shards().len()), (None, 0));
    Ok(())
}

#[test]
fn only_shards_that_entries_refer_to_are_in_the_table() {
    let (bytes, _) = samples::manifest_of(BASE, ManifestKind::Delta, &samples::delta_entries());
    let layout = ManifestLayout::parse(&bytes, STORE, Access::Read).unwrap();
    assert_eq!(layout.shards(), [SHARD]);
}

/// The scattered variable among the samples, changed.
fn changed(change: impl FnOnce(&mut VariableRecord)) -> Entry {
    let mut entry = base_entries().into_iter().find(|entry| entry.name == "encoder/w").unwrap();
    let Body::Variable(variable) = &mut entry.body else { panic!("the sample is a variable") };
    change(variable);
    entry
}

#[test]
fn the_writer_refuses_what_a_reader_would() {
    let content = |change: fn(&mut Content)| changed(|variable| change(&mut variable.content));
    let refused = [
        ("tile", content(|c| c.extents.swap(0, 1))),
        ("past the shard", content(|c| c.extents[0].offset = SHARD.len_bytes - 8192)),
        ("before the payload", content(|c| c.extents[0].offset = 0)),
        ("unaligned", content(|c| c.extents[0].offset += 8)),
        ("an extent too few", content(|c| c.extents.truncate(2))),
        ("an extent of nothing", content(|c| c.extents[1].chunks = 0)),
        ("a sum too few", content(|c| c.chunks.truncate(3))),
        ("other bytes", content(|c| c.len_bytes -= 2)),
        ("odd chunks", content(|c| c.chunk_bytes = 4097)),
        ("no chunks", content(|c| c.chunk_bytes = 0)),
        ("an unknown shard", content(|c| c.extents[0].shard = crate::id::ShardId::from_bytes([1; 16]))),
        ("next chunks", changed(|v| v.statics.chunk_bytes = 8 << 20)),
        ("a long collection", changed(|v| v.statics.collections.push("c".repeat(5000)))),
        ("its own target", Entry { name: "t".to_owned(), ..aliases(1).remove(0) }),
        ("a removal in a base", Entry { body: Body::Removed, ..aliases(1).remove(0) }),
        ("unordered additions", Entry { extra: vec![(2, vec![]), (1, vec![])], ..aliases(1).remove(0) }),
    ];
    for (what, entry) in refused {
        let mut writer = ManifestWriter::new(STORE, BASE, ManifestKind::Base);
        writer.declare_shard(SHARD);
        writer.declare_shard(OTHER_SHARD);
        assert_eq!(writer.push(&entry).expect_err(what).kind(), ErrorKind::InvalidArgument, "{what}");
        // Nothing of it is left in the file.
        writer.push(&changed(|_| ())).unwrap();
        let (bytes, _) = writer.finish().unwrap();
        ManifestLayout::parse(&bytes, STORE, Access::Read).unwrap().check_all(&bytes).unwrap();
    }
}

#[test]
fn entries_come_in_order_and_share_no_bytes() {
    let mut writer = ManifestWriter::new(STORE, BASE, ManifestKind::Base);
    writer.declare_shard(SHARD);
    writer.declare_shard(OTHER_SHARD);
    let first = changed(|_| ());
    writer.push(&first).unwrap();
    assert_eq!(writer.push(&first).unwrap_err().kind(), ErrorKind::InvalidArgument);
    writer.push(&Entry { name: "encoder/x".to_owned(), ..first }).unwrap();
    let error = writer.finish().unwrap_err();
    assert!(error.to_string().contains("overlap"), "{error}");
}
