//! A whole file of sections, in memory: put together, and taken apart.

use crate::error::{Error, Result};
use crate::format::blocks::{BLOCK_SUMS, BlockSums};
use crate::format::bytes::{crc32, is_sound, len_of, pad, part, to_u64};
use crate::format::footer::Footer;
use crate::format::header::{Access, FileKind, Header};
use crate::format::table::{IN_BLOCKS, REQUIRED, Row, Table, Tag};
use crate::id::StoreId;

/// What sections start on a multiple of.
const ALIGNMENT: usize = 8;

/// What the sections of a large file start on a multiple of: no row of a table in them straddles two blocks.
const WIDE_ALIGNMENT: usize = 64;

/// A file under construction.
pub(super) struct Builder {
    header: Header,
    bytes: Vec<u8>,
    rows: Vec<Row>,
}

impl Builder {
    /// A file of nothing but its header, with room for this many bytes.
    pub(super) fn new(header: Header, capacity: usize) -> Self {
        let mut bytes = Vec::with_capacity(capacity);
        bytes.extend(header.to_bytes());
        Self { header, bytes, rows: Vec::new() }
    }

    /// Appends a section with a checksum of its own.
    pub(super) fn section(&mut self, tag: Tag, section: &[u8]) {
        pad(&mut self.bytes, ALIGNMENT);
        self.append(tag, section, crc32(section), REQUIRED);
    }

    /// Appends a section of a large file, which its block sums check.
    pub(super) fn wide_section(&mut self, tag: Tag, section: &[u8]) {
        pad(&mut self.bytes, WIDE_ALIGNMENT);
        self.append(tag, section, 0, REQUIRED | IN_BLOCKS);
    }

    /// Appends the checksums of all blocks so far.
    pub(super) fn block_sums(&mut self, block_bytes: usize) {
        pad(&mut self.bytes, ALIGNMENT);
        let mut sums = BlockSums::new(block_bytes);
        sums.update(&self.bytes);
        self.section(BLOCK_SUMS, &sums.finish());
    }

    fn append(&mut self, tag: Tag, section: &[u8], crc: u32, flags: u32) {
        self.rows.push(Row { tag, offset: len_of(&self.bytes), len_bytes: len_of(section), crc, flags });
        self.bytes.extend(section);
    }

    /// The finished file.
    pub(super) fn finish(mut self) -> Vec<u8> {
        pad(&mut self.bytes, ALIGNMENT);
        let end = close(self.header, &self.rows, len_of(&self.bytes));
        self.bytes.extend(end);
        self.bytes
    }
}

/// The table and the footer of a file whose sections end at `table_offset`.
pub(super) fn close(header: Header, rows: &[Row], table_offset: u64) -> Vec<u8> {
    let mut bytes: Vec<u8> = rows.iter().flat_map(|row| row.to_bytes()).collect();
    let footer = Footer::behind(&bytes, table_offset);
    bytes.extend(footer.to_bytes(header));
    bytes
}

/// A file taken apart: its frame is sound, its sections are not yet looked at.
pub(super) struct Container<'a> {
    bytes: &'a [u8],
    header: Header,
    footer: Footer,
    table: Table,
}

impl<'a> Container<'a> {
    /// Checks the frame of a file: header, footer and table.
    ///
    /// # Errors
    /// `corrupt`, `unsupported_format`, `not_a_store`.
    pub(super) fn parse(
        bytes: &'a [u8],
        kind: FileKind,
        store: Option<StoreId>,
        access: Access,
        known: &[Tag],
    ) -> Result<Self> {
        let header = Header::parse(bytes, kind, store, access)?;
        let file_bytes = len_of(bytes);
        let last = part(bytes, Footer::range(file_bytes)?).unwrap_or_default();
        let footer = Footer::parse(last, file_bytes, header)?;
        let table = part(bytes, footer.table_range()).unwrap_or_default();
        let table = Table::parse(table, footer, known)?;
        Ok(Self { bytes, header, footer, table })
    }

    /// Checks a small file, frame and sections: after that its bytes are as they were written.
    ///
    /// # Errors
    /// As [`Container::parse`].
    pub(super) fn parse_whole(
        bytes: &'a [u8],
        kind: FileKind,
        store: Option<StoreId>,
        access: Access,
        known: &[Tag],
    ) -> Result<Self> {
        let container = Self::parse(bytes, kind, store, access, known)?;
        check_gaps(bytes, &container.table)?;
        for row in container.table.rows() {
            container.checked(row)?;
        }
        Ok(container)
    }

    pub(super) fn header(&self) -> Header {
        self.header
    }

    pub(super) fn table(&self) -> &Table {
        &self.table
    }

    /// The checksum of table and footer: it stands for the whole file, whose checksums they hold.
    pub(super) fn end_crc(&self) -> u32 {
        let end = self.footer.table_offset..len_of(self.bytes);
        crc32(part(self.bytes, end).unwrap_or_default())
    }

    /// The bytes of the section of this tag, checked against the section's own checksum, and where they begin.
    ///
    /// # Errors
    /// `corrupt`.
    pub(super) fn section(&self, tag: Tag) -> Result<(&'a [u8], u64)> {
        let row = self.table.find(tag)?;
        Ok((self.checked(&row)?, row.offset))
    }

    fn checked(&self, row: &Row) -> Result<&'a [u8]> {
        check_section(part(self.bytes, row.range()).unwrap_or_default(), row)
    }
}

/// Checks the bytes of a section against its own checksum.
///
/// # Errors
/// `corrupt`.
pub(super) fn check_section<'a>(bytes: &'a [u8], row: &Row) -> Result<&'a [u8]> {
    if row.is_in_blocks() || len_of(bytes) != row.len_bytes || !is_sound(bytes, row.crc) {
        return Err(Error::corrupt(format!("section {} fails its checksum", row.tag)).at_offset(row.offset));
    }
    Ok(bytes)
}

/// Checks that nothing hides between the sections of a file.
///
/// # Errors
/// `corrupt`.
pub(super) fn check_gaps(file: &[u8], table: &Table) -> Result<()> {
    table.gaps().try_for_each(|gap| check_zeros(part(file, gap.clone()).unwrap_or_default(), gap.start))
}

/// Checks that bytes between two sections, which begin at `offset`, are zeros.
///
/// # Errors
/// `corrupt`.
pub(super) fn check_zeros(bytes: &[u8], offset: u64) -> Result<()> {
    match bytes.iter().position(|byte| *byte != 0) {
        Some(at) => {
            let what = "the space between two sections is not zero";
            Err(Error::corrupt(what).at_offset(offset.saturating_add(to_u64(at))))
        }
        None => Ok(()),
    }
}
