//! Writing the index file as TensorFlow does, byte for byte.

use super::block::put_varint;
use super::checksum::masked;
use super::table::{FOOTER_BYTES, Handle, MAGIC};

/// A block ends with the entry that brings it to this size.
const BLOCK_BYTES: usize = 256 << 10;

/// So many entries share prefixes before a whole key comes again.
const RESTART_EVERY: usize = 16;

/// The blocks so far.
#[derive(Default)]
pub(crate) struct TableWriter {
    file: Vec<u8>,
    block: BlockWriter,
    index: BlockWriter,
    /// A finished block that is not in the index yet: its bound depends on the next key.
    pending: Option<Handle>,
}

#[derive(Default)]
struct BlockWriter {
    bytes: Vec<u8>,
    restarts: Vec<u32>,
    since_restart: usize,
    last_key: Vec<u8>,
}

impl TableWriter {
    /// Adds an entry; keys come in ascending order.
    pub(crate) fn add(&mut self, key: &[u8], value: &[u8]) {
        if let Some(handle) = self.pending.take() {
            let bound = separator(&self.block.last_key, key);
            self.index.add(&bound, &handle.encoded(), 1);
            self.block = BlockWriter::default();
        }
        self.block.add(key, value, RESTART_EVERY);
        if self.block.size() >= BLOCK_BYTES {
            self.end_block();
        }
    }

    /// The whole file.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        if self.pending.is_none() && !self.block.bytes.is_empty() {
            self.end_block();
        }
        let metaindex = self.put(BlockWriter::default().finish());
        if let Some(handle) = self.pending.take() {
            let bound = successor(&self.block.last_key);
            self.index.add(&bound, &handle.encoded(), 1);
        }
        let index = std::mem::take(&mut self.index).finish();
        let index = self.put(index);
        let mut footer = [metaindex.encoded(), index.encoded()].concat();
        footer.resize(FOOTER_BYTES as usize - 8, 0);
        self.file.extend(footer);
        self.file.extend(MAGIC.to_le_bytes());
        self.file
    }

    fn end_block(&mut self) {
        let contents = self.block.contents();
        let handle = self.put(contents);
        self.pending = Some(handle);
    }

    /// Writes a block, uncompressed, with its trailer.
    fn put(&mut self, mut contents: Vec<u8>) -> Handle {
        let handle = Handle { offset: self.file.len() as u64, size: contents.len() as u64 };
        contents.push(0);
        let checksum = masked(&contents);
        self.file.extend(contents);
        self.file.extend(checksum.to_le_bytes());
        handle
    }
}

impl BlockWriter {
    fn add(&mut self, key: &[u8], value: &[u8], restart_every: usize) {
        let mut shared = 0;
        if self.restarts.is_empty() || self.since_restart == restart_every {
            self.restarts.push(self.bytes.len() as u32);
            self.since_restart = 0;
        } else {
            shared = self.last_key.iter().zip(key).take_while(|(a, b)| a == b).count();
        }
        put_varint(&mut self.bytes, shared as u64);
        put_varint(&mut self.bytes, (key.len() - shared) as u64);
        put_varint(&mut self.bytes, value.len() as u64);
        self.bytes.extend(&key[shared..]);
        self.bytes.extend(value);
        self.last_key = key.to_vec();
        self.since_restart += 1;
    }

    fn size(&self) -> usize {
        self.bytes.len() + 4 * self.restarts.len().max(1) + 4
    }

    fn contents(&self) -> Vec<u8> {
        let mut contents = self.bytes.clone();
        let restarts = if self.restarts.is_empty() { &[0][..] } else { &self.restarts };
        for restart in restarts {
            contents.extend(restart.to_le_bytes());
        }
        contents.extend((restarts.len() as u32).to_le_bytes());
        contents
    }

    fn finish(self) -> Vec<u8> {
        self.contents()
    }
}

/// A short key from `a` on and before `b`.
fn separator(a: &[u8], b: &[u8]) -> Vec<u8> {
    let common = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    match (a.get(common), b.get(common)) {
        (Some(x), Some(y)) if *x < 0xff && x + 1 < *y => [&a[..common], &[x + 1]].concat(),
        _ => a.to_vec(),
    }
}

/// A short key from `a` on.
fn successor(a: &[u8]) -> Vec<u8> {
    match a.iter().position(|byte| *byte != 0xff) {
        Some(at) => [&a[..at], &[a[at] + 1]].concat(),
        None => a.to_vec(),
    }
}
