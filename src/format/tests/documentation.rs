//! `docs/FORMAT.md` is true: its tables are compared with the constants, and with files as they are written.

use std::ops::Range;

use super::samples;
use crate::dtype::DType;
use crate::format::container::Container;
use crate::format::header::{Features, VERSION};
use crate::format::table::Table;
use crate::format::{
    Access, EXTENT_ALIGNMENT, EXTENTS_OFFSET, FileKind, blocks, codec, content, footer, header, manifest,
    regularizer_record, shard, table,
};
use crate::limits;

const FORMAT: &str = include_str!("../../../docs/FORMAT.md");

type Fields = &'static [(&'static str, Range<usize>)];

/// The cells of the first table below a heading, without the heading of the table and without back quotes.
fn cells(heading: &str) -> Vec<Vec<String>> {
    let mut lines =
        FORMAT.lines().skip_while(|line| line.trim_start_matches('#').trim() != heading || !line.starts_with('#'));
    assert!(lines.next().is_some(), "there is a heading {heading:?}");
    lines
        .skip_while(|line| !line.starts_with('|'))
        .take_while(|line| line.starts_with('|'))
        .skip(2)
        .map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().replace('`', "")).collect())
        .collect()
}

fn first_cells(heading: &str, count: usize) -> Vec<Vec<String>> {
    cells(heading).into_iter().map(|row| row.into_iter().take(count).collect()).collect()
}

#[test]
fn fields_lie_where_it_says() {
    let layouts: [(&str, usize, Fields); 7] = [
        ("Header", header::at::BYTES, header::at::FIELDS),
        ("Section table", table::at::BYTES, table::at::FIELDS),
        ("Footer", footer::at::BYTES, footer::at::FIELDS),
        ("Shard row", manifest::shard_at::BYTES, manifest::shard_at::FIELDS),
        ("Offset row", manifest::offset_at::BYTES, manifest::offset_at::FIELDS),
        ("Chunk sum", content::at::BYTES, content::at::FIELDS),
        ("Header block", shard::at::BYTES, shard::at::FIELDS),
    ];
    for (heading, bytes, fields) in layouts {
        let expected: Vec<_> = fields
            .iter()
            .map(|(name, at)| vec![name.to_lowercase(), at.start.to_string(), at.len().to_string()])
            .collect();
        assert_eq!(first_cells(heading, 3), expected, "{heading}");
        assert_eq!(fields.iter().map(|(_, at)| at.len()).sum::<usize>(), bytes, "{heading}");
    }
    for (heading, field, magic) in [("Header", 0, header::MAGIC), ("Footer", 7, footer::END_MAGIC)] {
        let hex: Vec<_> = magic.iter().map(|byte| format!("{byte:02X}")).collect();
        assert!(cells(heading)[field][3].starts_with(&hex.join(" ")), "{heading}");
    }
}

#[test]
fn sections_are_those_of_the_files() {
    let of_container = |bytes: &[u8], kind, known: &[table::Tag]| -> Table {
        Container::parse(bytes, kind, Some(samples::STORE), Access::Write, known).unwrap().table().clone()
    };
    let store = samples::store_file().encode().unwrap();
    let commit = samples::commit().encode(samples::STORE).unwrap();
    for (heading, table) in [
        ("The store file", of_container(&store, FileKind::Store, &crate::format::store_file::KNOWN)),
        ("The commit file", of_container(&commit, FileKind::Commit, &crate::format::commit::KNOWN)),
        ("The manifest", of_container(&samples::delta(), FileKind::Manifest, &manifest::KNOWN)),
        ("The shard", of_container(&samples::shard(), FileKind::Shard, &shard::KNOWN)),
    ] {
        let rows: Vec<_> = table.rows().iter().map(|row| vec![row.tag.to_string(), row.flags.to_string()]).collect();
        assert_eq!(first_cells(heading, 2), rows, "{heading}");
    }
}

#[test]
fn numbers_are_the_constants() {
    let kinds: Vec<_> =
        FileKind::ALL.iter().map(|kind| vec![kind.number().to_string(), kind.word().to_owned()]).collect();
    assert_eq!(cells("Kinds of file"), kinds);

    let dtypes: Vec<_> = DType::ALL
        .iter()
        .map(|dtype| vec![dtype.number().to_string(), dtype.name().to_owned(), dtype.bits().unwrap_or(0).to_string()])
        .collect();
    assert_eq!(cells("Values"), dtypes);

    assert_eq!(Features::KNOWN, Features { compat: 0, ro_compat: 0, incompat: 0 }, "list new bits on the page");
    let sets = ["compat", "ro_compat", "incompat"].map(|set| vec![set.to_owned(), "none".to_owned()]);
    assert_eq!(cells("Feature bits"), sets);

    let numbers = [
        u64::from(VERSION),
        table::SECTIONS_MAX as u64,
        table::GAP_BYTES_MAX,
        codec::RECORD_BYTES_MAX as u64,
        blocks::MANIFEST_BLOCK_BYTES as u64,
        blocks::SHARD_BLOCK_BYTES as u64,
        blocks::SUM_BYTES as u64,
        EXTENTS_OFFSET,
        EXTENT_ALIGNMENT,
        limits::CHUNK_BYTES_MIN,
        limits::CHUNK_BYTES_MAX,
        limits::NAME_BYTES_MAX as u64,
        limits::TAG_BYTES_MAX as u64,
        limits::RANK_MAX as u64,
        regularizer_record::REGULARIZER_TERMS_MAX as u64,
    ];
    let written: Vec<u64> = cells("Numbers").iter().map(|row| row[1].parse().unwrap()).collect();
    assert_eq!(written, numbers);
}
