//! Checks a whole manifest, byte for byte and entry for entry.

use crate::error::{Error, Result};
use crate::format::container::check_gaps;
use crate::format::content::ChunkSum;
use crate::format::manifest::layout::Sections;
use crate::format::manifest::{ExtentMap, ManifestLayout, OffsetRow};
use crate::format::wire::Lookup;
use crate::id::ShardId;

impl ManifestLayout {
    /// Checks everything: all bytes against their checksums, the order of the names, that no two are the same, every
    /// entry, that entries and chunk sums leave nothing over, and that no two extents overlap.
    ///
    /// # Errors
    /// `corrupt`, or `unsupported_format` for an entry that needs a newer version.
    pub(crate) fn check_all(&self, bytes: &[u8]) -> Result<()> {
        self.blocks.check_all(bytes)?;
        check_gaps(bytes, &self.table)?;
        let (ends, sum_count) = self.ends();
        if self.row(bytes, 0)? != (OffsetRow { name: 0, entry: 0 }) || self.row(bytes, self.len())? != ends {
            return Err(Error::corrupt("the table of offsets does not cover names and entries"));
        }
        let mut last_name = None;
        let mut lookup = InOrder { sections: Sections { layout: self, bytes }, next_sum: 0 };
        let mut extents = ExtentMap::default();
        for index in 0..self.len() {
            let name = self.name_at(bytes, index)?;
            if last_name.is_some_and(|last: &str| last.as_bytes() >= name.as_bytes()) {
                return Err(Error::corrupt(format!("name {name:?} does not follow {last_name:?}")).of_variable(name));
            }
            last_name = Some(name);
            extents.add(&self.decode(bytes, index, &mut lookup)?);
        }
        if lookup.next_sum != sum_count {
            return Err(Error::corrupt(format!("{} of {sum_count} chunk sums belong to entries", lookup.next_sum)));
        }
        extents.check()
    }
}

/// A look-up that accepts chunk sums only in the order in which they are written: each of one entry, none of none.
struct InOrder<'a> {
    sections: Sections<'a>,
    next_sum: u64,
}

impl Lookup for InOrder<'_> {
    fn shard(&self, row: u32) -> Result<ShardId> {
        self.sections.shard(row)
    }

    fn sums(&mut self, first: u64, count: u64) -> Result<Vec<ChunkSum>> {
        if first != self.next_sum {
            return Err(Error::corrupt(format!("chunk sums from {first} on are used where {} is next", self.next_sum)));
        }
        let sums = self.sections.sums(first, count)?;
        self.next_sum = first.saturating_add(count);
        Ok(sums)
    }
}
