//! The container of all files, put together by hand: header, sections, table, footer. Everything may be changed before it is
//! sealed with the right checksums.

/// The store that all crafted files belong to, unless something else is said.
pub(super) const STORE: [u8; 16] = [1; 16];

/// A section with a checksum of its own, or one that the block sums check.
pub(super) const OWN_SUM: u32 = 1;
pub(super) const IN_BLOCKS: u32 = 3;

pub(super) fn crc32(bytes: &[u8]) -> u32 {
    crc32fast::hash(bytes)
}

/// A record under construction: fields one behind the other.
#[derive(Clone, Default)]
pub(crate) struct Record(pub(crate) Vec<u8>);

impl Record {
    pub(crate) fn u8(mut self, x: u8) -> Self {
        self.0.push(x);
        self
    }

    pub(crate) fn u32(mut self, x: u32) -> Self {
        self.0.extend(x.to_le_bytes());
        self
    }

    pub(crate) fn u64(mut self, x: u64) -> Self {
        self.0.extend(x.to_le_bytes());
        self
    }

    pub(crate) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }

    /// A text, or bytes: their count, and they.
    pub(crate) fn text(self, text: impl AsRef<[u8]>) -> Self {
        self.u64(text.as_ref().len() as u64).bytes(text.as_ref())
    }

    pub(crate) fn list<T>(self, items: &[T], put: impl Fn(Self, &T) -> Self) -> Self {
        items.iter().fold(self.u64(items.len() as u64), put)
    }

    pub(crate) fn numbers(self, numbers: &[u64]) -> Self {
        self.list(numbers, |record, x| record.u64(*x))
    }
}

/// A row of a section table.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    pub(crate) tag: [u8; 8],
    pub(crate) offset: u64,
    pub(crate) len: u64,
    pub(crate) crc: u32,
    pub(crate) flags: u32,
}

/// A file under construction. Everything in it may be changed before it is sealed.
pub(crate) struct File {
    pub(crate) kind: u32,
    pub(crate) version: u32,
    pub(crate) features: [u32; 3],
    pub(crate) store: [u8; 16],
    pub(crate) id: [u8; 16],
    /// All between header and table; it begins with the header's place.
    pub(crate) body: Vec<u8>,
    pub(crate) rows: Vec<Row>,
}

impl File {
    pub(super) fn new(kind: u32, id: [u8; 16]) -> Self {
        Self { kind, version: 1, features: [0; 3], store: STORE, id, body: vec![0; 64], rows: Vec::new() }
    }

    fn pad(&mut self, alignment: usize) {
        self.body.resize(self.body.len().next_multiple_of(alignment), 0);
    }

    pub(super) fn section(&mut self, tag: [u8; 8], bytes: &[u8], flags: u32) {
        self.pad(if flags == IN_BLOCKS { 64 } else { 8 });
        let crc = if flags == IN_BLOCKS { 0 } else { crc32(bytes) };
        self.rows.push(Row { tag, offset: self.body.len() as u64, len: bytes.len() as u64, crc, flags });
        self.body.extend(bytes);
    }

    pub(super) fn header(&self) -> Vec<u8> {
        let [compat, ro_compat, incompat] = self.features;
        let header = Record::default().bytes(b"\x89VKP\r\n\x1a\n").u32(self.kind).u32(self.version);
        let header = header.u32(compat).u32(ro_compat).u32(incompat).bytes(&self.store).bytes(&self.id).0;
        Record(header.clone()).u32(crc32(&header)).0
    }

    /// Closes a large file with the sums of its blocks.
    pub(super) fn sum_blocks(&mut self, block: usize) {
        self.pad(8);
        let header = self.header();
        self.body[..64].copy_from_slice(&header);
        let sums: Vec<u8> = self.body.chunks(block).flat_map(|block| crc32(block).to_le_bytes()).collect();
        self.section(*b"BLOCKSUM", &sums, OWN_SUM);
    }

    /// The finished file, and the checksum of its table and footer.
    pub(crate) fn sealed(mut self) -> (Vec<u8>, u32) {
        self.pad(8);
        let header = self.header();
        self.body[..64].copy_from_slice(&header);
        let row =
            |record: Record, row: &Row| record.bytes(&row.tag).u64(row.offset).u64(row.len).u32(row.crc).u32(row.flags);
        let table = self.rows.iter().fold(Record::default(), row).0;
        let (start, len) = (self.body.len() as u64, table.len() as u64);
        let footer = Record::default().u64(start).u64(len).u64(start + len + 64).bytes(&self.id).u32(self.kind);
        let footer = footer.bytes(&header[60..]).u32(crc32(&table)).bytes(b"\nVKPend\n").0;
        let end = [&table[..], &footer, &crc32(&footer).to_le_bytes()].concat();
        let crc = crc32(&end);
        self.body.extend(end);
        (self.body, crc)
    }
}
