//! What can become of the bytes of a file.

use std::path::PathBuf;

use arbitrary::Arbitrary;

/// A file grows by so much at most.
const GROWTH_MAX: usize = 8192;

/// One change. Places are taken modulo the length of the file, counted from its start or its end.
#[derive(Arbitrary, Debug)]
pub enum Edit {
    Flip {
        at: i16,
        mask: u8,
    },
    /// A number where numbers are: the extremes, a little, or any.
    Number {
        at: i16,
        value: Number,
        is_short: bool,
    },
    Bytes {
        at: i16,
        bytes: [u8; 8],
    },
    /// Bytes of the same file, or of another.
    Splice {
        at: i16,
        from: u8,
        start: i16,
        len: u8,
    },
    Zeros {
        at: i16,
        len: u16,
    },
    Cut {
        len: i16,
    },
    Lengthen {
        by: u16,
    },
    /// Another file's bytes in its place.
    Swap {
        with: u8,
    },
}

/// Numbers that matter more than others.
#[derive(Arbitrary, Debug)]
pub enum Number {
    Any(u64),
    Small(u8),
    Power(u8),
    BelowMax(u8),
    /// That many more than what was there.
    More(i8),
}

impl Edit {
    pub fn apply(&self, bytes: &mut Vec<u8>, files: &[(PathBuf, Vec<u8>)]) {
        match self {
            Self::Flip { at, mask } => {
                if let Some(byte) = place(bytes, *at).and_then(|at| bytes.get_mut(at)) {
                    *byte ^= mask;
                }
            }
            Self::Number { at, value, is_short } => {
                let width = if *is_short { 4 } else { 8 };
                let Some(at) = place(bytes, *at) else { return };
                let Some(field) = bytes.get_mut(at..at + width) else { return };
                let mut old = [0; 8];
                old[..width].copy_from_slice(field);
                let new = match value {
                    Number::Any(x) => *x,
                    Number::Small(x) => u64::from(*x),
                    Number::Power(x) => 1_u64.rotate_left(u32::from(*x)),
                    Number::BelowMax(x) => u64::MAX - u64::from(*x),
                    Number::More(x) => u64::from_le_bytes(old).wrapping_add_signed(i64::from(*x)),
                };
                field.copy_from_slice(&new.to_le_bytes()[..width]);
            }
            Self::Bytes { at, bytes: new } => {
                let Some(at) = place(bytes, *at) else { return };
                bytes.iter_mut().skip(at).zip(new).for_each(|(byte, new)| *byte = *new);
            }
            Self::Splice { at, from, start, len } => {
                let (_, from) = &files[usize::from(*from) % files.len()];
                let (Some(at), Some(start)) = (place(bytes, *at), place(from, *start)) else { return };
                let new = from.iter().skip(start).take(usize::from(*len));
                bytes.iter_mut().skip(at).zip(new).for_each(|(byte, new)| *byte = *new);
            }
            Self::Zeros { at, len } => {
                let Some(at) = place(bytes, *at) else { return };
                bytes.iter_mut().skip(at).take(usize::from(*len)).for_each(|byte| *byte = 0);
            }
            Self::Cut { len } => {
                let len = place(bytes, *len).unwrap_or_default();
                bytes.truncate(len);
            }
            Self::Lengthen { by } => bytes.resize(bytes.len() + usize::from(*by) % GROWTH_MAX, 0),
            Self::Swap { with } => bytes.clone_from(&files[usize::from(*with) % files.len()].1),
        }
    }
}

/// A place in the bytes: from the start, or from the end if it is negative.
fn place(bytes: &[u8], at: i16) -> Option<usize> {
    let from = usize::from(at.unsigned_abs()).checked_rem(bytes.len())?;
    Some(if at < 0 { bytes.len() - 1 - from } else { from })
}
