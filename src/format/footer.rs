//! The last 64 bytes of every file: where its table is, how long it is, and that it is whole.

use std::ops::Range;

use crate::error::{Error, Result};
use crate::format::bytes::{bytes_in, crc32, is_sound, len_of, put, to_u64, u32_in, u64_in};
use crate::format::header::{HEADER_BYTES, Header};
use crate::format::table::{ROW_BYTES, SECTIONS_MAX};

/// How every file ends, but for the checksum behind it.
pub(super) const END_MAGIC: [u8; 8] = *b"\nVKPend\n";

record_layout! {
    /// The fields of the footer.
    at: 64 {
        TABLE_OFFSET: 0..8,
        TABLE_BYTES: 8..16,
        FILE_BYTES: 16..24,
        OWN_ID: 24..40,
        KIND: 40..44,
        HEADER_CRC: 44..48,
        TABLE_CRC: 48..52,
        END_MAGIC: 52..60,
        CRC: 60..64,
    }
}

/// The bytes of a footer.
pub(super) const FOOTER_BYTES: usize = at::BYTES;

/// The last 64 bytes of a file, understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "the footer is all about the table")]
pub(super) struct Footer {
    pub(super) table_offset: u64,
    pub(super) table_bytes: u64,
    pub(super) table_crc: u32,
}

impl Footer {
    /// The footer behind a table that begins at `table_offset`.
    pub(super) fn behind(table: &[u8], table_offset: u64) -> Self {
        Self { table_offset, table_bytes: len_of(table), table_crc: crc32(table) }
    }

    /// The 64 bytes, in the file that has this header.
    pub(super) fn to_bytes(self, header: Header) -> [u8; FOOTER_BYTES] {
        let file_bytes = self.table_offset.saturating_add(self.table_bytes).saturating_add(to_u64(FOOTER_BYTES));
        let mut bytes = [0; FOOTER_BYTES];
        put(&mut bytes, at::TABLE_OFFSET, &self.table_offset.to_le_bytes());
        put(&mut bytes, at::TABLE_BYTES, &self.table_bytes.to_le_bytes());
        put(&mut bytes, at::FILE_BYTES, &file_bytes.to_le_bytes());
        put(&mut bytes, at::OWN_ID, &header.own_id);
        put(&mut bytes, at::KIND, &header.kind.number().to_le_bytes());
        put(&mut bytes, at::HEADER_CRC, &header.crc().to_le_bytes());
        put(&mut bytes, at::TABLE_CRC, &self.table_crc.to_le_bytes());
        put(&mut bytes, at::END_MAGIC, &END_MAGIC);
        let crc = crc32(bytes.get(..at::CRC.start).unwrap_or_default());
        put(&mut bytes, at::CRC, &crc.to_le_bytes());
        bytes
    }

    /// Where the footer of a file of this length lies.
    ///
    /// # Errors
    /// `corrupt` if the file is too short to have one.
    pub(super) fn range(file_bytes: u64) -> Result<Range<u64>> {
        file_bytes
            .checked_sub(to_u64(FOOTER_BYTES))
            .filter(|start| *start >= to_u64(HEADER_BYTES))
            .map(|start| start..file_bytes)
            .ok_or_else(|| {
                let least = HEADER_BYTES.saturating_add(FOOTER_BYTES);
                Error::corrupt(format!("the file is cut short: it has {file_bytes} bytes, and {least} are the least"))
                    .at_offset(file_bytes)
            })
    }

    /// Reads the last bytes of a file of this length that begins with this header.
    ///
    /// # Errors
    /// `corrupt` if they are no footer, or the footer of another file.
    pub(super) fn parse(bytes: &[u8], file_bytes: u64, header: Header) -> Result<Self> {
        let range = Self::range(file_bytes)?;
        let corrupt = |what: String, field: Range<usize>| {
            Err(Error::corrupt(what).at_offset(range.start.saturating_add(to_u64(field.start))))
        };
        if bytes.len() != FOOTER_BYTES || bytes_in(bytes, at::END_MAGIC) != END_MAGIC {
            let what = "the file does not end with a footer: it is cut short, or something was appended to it";
            return corrupt(what.to_owned(), 0..0);
        }
        if !is_sound(bytes.get(..at::CRC.start).unwrap_or_default(), u32_in(bytes, at::CRC)) {
            return corrupt("the footer fails its checksum".to_owned(), 0..0);
        }
        let stated = u64_in(bytes, at::FILE_BYTES);
        if stated != file_bytes {
            return corrupt(format!("the file has {file_bytes} bytes, and its footer says {stated}"), at::FILE_BYTES);
        }
        if u32_in(bytes, at::HEADER_CRC) != header.crc()
            || u32_in(bytes, at::KIND) != header.kind.number()
            || bytes_in(bytes, at::OWN_ID) != header.own_id
        {
            return corrupt("the footer is that of another file than the header".to_owned(), at::OWN_ID);
        }
        let footer = Self {
            table_offset: u64_in(bytes, at::TABLE_OFFSET),
            table_bytes: u64_in(bytes, at::TABLE_BYTES),
            table_crc: u32_in(bytes, at::TABLE_CRC),
        };
        let most = to_u64(SECTIONS_MAX.saturating_mul(ROW_BYTES));
        let end = footer.table_offset.checked_add(footer.table_bytes);
        if footer.table_offset < to_u64(HEADER_BYTES) || footer.table_bytes > most || end != Some(range.start) {
            return corrupt("the section table does not lie right before the footer".to_owned(), at::TABLE_OFFSET);
        }
        Ok(footer)
    }

    /// Where the section table lies.
    pub(super) fn table_range(self) -> Range<u64> {
        self.table_offset..self.table_offset.saturating_add(self.table_bytes)
    }
}
