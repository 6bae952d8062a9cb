//! The section table: which tagged sections a file has, and where.

use std::fmt;
use std::ops::Range;

use crate::error::{Error, Result};
use crate::format::bytes::{bytes_in, is_sound, put, range_of, to_u64, u32_in, u64_in};
use crate::format::footer::Footer;
use crate::format::header::{HEADER_BYTES, unsupported};

record_layout! {
    /// The fields of a row of the table.
    at: 32 {
        TAG: 0..8,
        OFFSET: 8..16,
        BYTES_LEN: 16..24,
        CRC: 24..28,
        FLAGS: 28..32,
    }
}

/// The bytes of a row.
pub(super) const ROW_BYTES: usize = at::BYTES;

/// Sections of a file, at most.
pub(super) const SECTIONS_MAX: usize = 64;

/// What every section starts on a multiple of, at least.
pub(super) const ALIGNMENT: u64 = 8;

/// The most that lies between two sections, in bytes: what the coarsest alignment asks for.
pub(super) const GAP_BYTES_MAX: u64 = 4095;

/// A reader that does not know the section's tag must refuse the file; without the flag it skips the section.
pub(super) const REQUIRED: u32 = 1;

/// The section is checked by the file's block sums; its own checksum is 0.
pub(super) const IN_BLOCKS: u32 = 2;

/// The name of a section: eight ASCII characters, the last ones spaces.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Tag(pub(super) [u8; 8]);

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii().to_string().trim_end())
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One section: its name and place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) tag: Tag,
    pub(super) offset: u64,
    pub(super) len_bytes: u64,
    pub(super) crc: u32,
    pub(super) flags: u32,
}

impl Row {
    /// The 32 bytes.
    pub(super) fn to_bytes(self) -> [u8; ROW_BYTES] {
        let mut bytes = [0; ROW_BYTES];
        put(&mut bytes, at::TAG, &self.tag.0);
        put(&mut bytes, at::OFFSET, &self.offset.to_le_bytes());
        put(&mut bytes, at::BYTES_LEN, &self.len_bytes.to_le_bytes());
        put(&mut bytes, at::CRC, &self.crc.to_le_bytes());
        put(&mut bytes, at::FLAGS, &self.flags.to_le_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Self {
        Self {
            tag: Tag(bytes_in(bytes, at::TAG)),
            offset: u64_in(bytes, at::OFFSET),
            len_bytes: u64_in(bytes, at::BYTES_LEN),
            crc: u32_in(bytes, at::CRC),
            flags: u32_in(bytes, at::FLAGS),
        }
    }

    /// Whether the file's block sums check this section.
    pub(super) fn is_in_blocks(&self) -> bool {
        self.flags & IN_BLOCKS != 0
    }

    /// Where the section lies; the table was checked, so it does not leave the file.
    pub(super) fn range(&self) -> Range<u64> {
        self.offset..self.offset.saturating_add(self.len_bytes)
    }
}

/// The sections of a file, in the order in which they lie in it.
#[derive(Clone, Debug)]
pub(super) struct Table {
    rows: Vec<Row>,
    end: u64,
}

impl Table {
    /// Reads the table of a file with this footer, for a reader that knows these tags.
    ///
    /// # Errors
    /// `corrupt`, or `unsupported_format` if a section has to be understood and is not known.
    pub(super) fn parse(bytes: &[u8], footer: Footer, known: &[Tag]) -> Result<Self> {
        let start = footer.table_offset;
        let corrupt = |what: String, offset: u64| Err(Error::corrupt(what).at_offset(offset));
        if to_u64(bytes.len()) != footer.table_bytes || !is_sound(bytes, footer.table_crc) {
            return corrupt("the section table fails its checksum".to_owned(), start);
        }
        let records = bytes.chunks_exact(ROW_BYTES);
        if !records.remainder().is_empty() {
            return corrupt("the section table ends inside a row".to_owned(), start);
        }
        let mut rows: Vec<Row> = Vec::with_capacity(records.len());
        let mut end = to_u64(HEADER_BYTES);
        for row in records.map(Row::from_bytes) {
            let Row { tag, offset, .. } = row;
            let at = start.saturating_add(to_u64(rows.len().saturating_mul(ROW_BYTES)));
            let gap = offset.checked_sub(end).filter(|gap| *gap <= GAP_BYTES_MAX && offset.is_multiple_of(ALIGNMENT));
            let range = range_of(offset, row.len_bytes).filter(|range| range.end <= start);
            let (Some(_), Some(range)) = (gap, range) else {
                return corrupt(format!("section {tag} does not follow the one before it"), at);
            };
            if rows.iter().any(|row| row.tag == tag) {
                return corrupt(format!("section {tag} is there twice"), at);
            }
            if row.flags & REQUIRED != 0 && !known.contains(&tag) || row.flags & !(REQUIRED | IN_BLOCKS) != 0 {
                return Err(unsupported(format!("section {tag} is not known here and cannot be skipped")).at_offset(at));
            }
            end = range.end;
            rows.push(row);
        }
        if start.checked_sub(end).is_none_or(|gap| gap > GAP_BYTES_MAX) {
            return corrupt("the section table does not follow the last section".to_owned(), start);
        }
        Ok(Self { rows, end: start })
    }

    /// The sections.
    pub(super) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The section of this tag.
    ///
    /// # Errors
    /// `corrupt` if there is none.
    pub(super) fn find(&self, tag: Tag) -> Result<Row> {
        self.rows
            .iter()
            .find(|row| row.tag == tag)
            .copied()
            .ok_or_else(|| Error::corrupt(format!("the file has no section {tag}")).at_offset(self.end))
    }

    /// What lies between header, sections and table: zeros, in a file as it was written.
    pub(super) fn gaps(&self) -> impl Iterator<Item = Range<u64>> {
        let ends = std::iter::once(to_u64(HEADER_BYTES)).chain(self.rows.iter().map(|row| row.range().end));
        let starts = self.rows.iter().map(|row| row.offset).chain(std::iter::once(self.end));
        ends.zip(starts).map(|(end, start)| end..start)
    }
}
