//! Bytes of a region of a value, whatever pieces the value lies in.
//!
//! A range of a row-major region is a few boxes: leading indices fixed, a range along one axis, everything along the axes
//! behind. Of a box of the whole value, what a piece has lies together in the piece; of a box of a smaller region it may
//! be many runs, and then runs that are near to each other are read together.

use crate::error::{Error, ErrorKind, Result};
use crate::interop::source::{Source, SourceVariable, check_range};
use crate::shape::Shape;
use crate::tensor::for_each_run;

/// Runs that begin closer to each other than this are read together, what lies between included.
const NEAR_BYTES: usize = 64 << 10;

/// How much is read together then.
const WINDOW_BYTES: usize = 256 << 10;

/// Fills the buffer with bytes of a region (offset and shape) of a variable, in row-major order of the region, from byte
/// `start` of the region on.
///
/// # Errors
/// As [`Source::read_at`]; `dtype_unsupported`, where elements cannot be cut out of their pieces.
pub(crate) fn read(
    source: &dyn Source,
    variable: usize,
    region: &(Vec<u64>, Shape),
    start: u64,
    buffer: &mut [u8],
) -> Result<()> {
    let held = &source.variables()[variable];
    let (offset, shape) = region;
    if let Some(piece) = held.pieces.iter().position(|piece| piece.offset == *offset && piece.shape == *shape) {
        return source.read_at(variable, piece, start, buffer);
    }
    let Some(size) = held.dtype.element_bytes().map(|size| size as u64) else {
        let what = format!("elements of {} cannot be read by range across pieces", held.dtype);
        return Err(Error::new(ErrorKind::DtypeUnsupported, what).of_variable(&held.name));
    };
    check_range(start, buffer.len(), shape.elements() * size)?;
    if buffer.is_empty() {
        return Ok(());
    }
    let end = start + buffer.len() as u64;
    let (first, last) = (start / size, end.div_ceil(size));
    if start.is_multiple_of(size) && end.is_multiple_of(size) {
        return read_elements(source, variable, region, first, last, buffer);
    }
    // The buffer begins or ends within an element.
    let mut room = vec![0; ((last - first) * size) as usize];
    read_elements(source, variable, region, first, last, &mut room)?;
    let skip = (start - first * size) as usize;
    buffer.copy_from_slice(&room[skip..skip + buffer.len()]);
    Ok(())
}

fn read_elements(
    source: &dyn Source,
    variable: usize,
    (offset, shape): &(Vec<u64>, Shape),
    first: u64,
    last: u64,
    buffer: &mut [u8],
) -> Result<()> {
    let held = &source.variables()[variable];
    let mut rest = buffer;
    for part in boxes(shape.sizes(), first, last) {
        let elements: u64 = part.sizes.iter().product();
        let size = held.dtype.element_bytes().unwrap_or(1);
        let (now, later) = rest.split_at_mut(elements as usize * size);
        let at: Vec<u64> = part.at.iter().zip(offset).map(|(at, offset)| at + offset).collect();
        read_box(source, variable, held, &at, &part.sizes, now)?;
        rest = later;
    }
    Ok(())
}

/// A box of a value whose elements follow each other in row-major order.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Box {
    pub(crate) at: Vec<u64>,
    pub(crate) sizes: Vec<u64>,
}

/// The boxes that the elements from `first` up to `last` are, in order.
pub(crate) fn boxes(shape: &[u64], first: u64, last: u64) -> Vec<Box> {
    let mut boxes = Vec::new();
    let mut at = first;
    while at < last {
        // The outermost axis along which a run starts here and goes on for at least one full step.
        let mut axis = shape.len();
        let mut step = 1;
        while axis > 0 {
            let wider = step * shape[axis - 1];
            // From the start of a step on, as long as one fits.
            if !at.is_multiple_of(wider) || at + wider > last {
                break;
            }
            step = wider;
            axis -= 1;
        }
        // Steps of `step` elements along the axis before: as many as fit and its end allows.
        let Some(along) = axis.checked_sub(1) else {
            boxes.push(Box { at: vec![0; shape.len()], sizes: shape.to_vec() });
            return boxes;
        };
        let index = at / step % shape[along];
        let count = ((last - at) / step).min(shape[along] - index);
        let (mut start, mut sizes) = (vec![0; shape.len()], shape.to_vec());
        let mut rest = at / step;
        for i in (0..=along).rev() {
            start[i] = rest % shape[i];
            sizes[i] = 1;
            rest /= shape[i];
        }
        sizes[along] = count;
        boxes.push(Box { at: start, sizes });
        at += count * step;
    }
    boxes
}

fn read_box(
    source: &dyn Source,
    variable: usize,
    held: &SourceVariable,
    at: &[u64],
    sizes: &[u64],
    buffer: &mut [u8],
) -> Result<()> {
    let size = held.dtype.element_bytes().unwrap_or(1);
    let mut room = Vec::new();
    let mut filled = 0;
    for (i, piece) in held.pieces.iter().enumerate() {
        let Some((from, common)) = intersection(at, sizes, &piece.offset, piece.shape.sizes()) else { continue };
        let elements = common.iter().product::<u64>() as usize;
        let inside: Vec<u64> = from.iter().zip(&piece.offset).map(|(a, b)| a - b).collect();
        let target: Vec<u64> = from.iter().zip(at).map(|(a, b)| a - b).collect();
        room.resize(elements * size, 0);
        let mut runs = Vec::new();
        for_each_run(piece.shape.sizes(), &inside, &common, |from, to, count| {
            runs.push((from * size, to * size, count * size));
        });
        read_runs(&runs, &mut room, |start, bytes| source.read_at(variable, i, start as u64, bytes))?;
        for_each_run(sizes, &target, &common, |to, from, count| {
            buffer[to * size..(to + count) * size].copy_from_slice(&room[from * size..(from + count) * size]);
        });
        filled += elements;
    }
    if filled * size == buffer.len() {
        return Ok(());
    }
    let what = format!("the pieces of {:?} do not cover it", held.name);
    Err(Error::new(ErrorKind::Corrupt, what).of_variable(&held.name))
}

/// Reads runs (from, to, length) into a buffer, near ones together.
fn read_runs(
    runs: &[(usize, usize, usize)],
    buffer: &mut [u8],
    mut read: impl FnMut(usize, &mut [u8]) -> Result<()>,
) -> Result<()> {
    if let [(from, to, len)] = *runs {
        return read(from, &mut buffer[to..to + len]);
    }
    let end = runs.last().map_or(0, |(from, _, len)| from + len);
    let (mut window, mut window_at) = (Vec::new(), 0);
    for (i, (from, to, len)) in runs.iter().copied().enumerate() {
        if from < window_at || from + len > window_at + window.len() {
            let step = runs.get(i + 1).map_or(len, |(next, _, _)| next - from);
            if step >= NEAR_BYTES {
                read(from, &mut buffer[to..to + len])?;
                continue;
            }
            window.resize(WINDOW_BYTES.max(len).min(end - from), 0);
            read(from, &mut window)?;
            window_at = from;
        }
        buffer[to..to + len].copy_from_slice(&window[from - window_at..][..len]);
    }
    Ok(())
}

/// What two boxes (offset and sizes) have in common.
fn intersection(at: &[u64], sizes: &[u64], other_at: &[u64], other: &[u64]) -> Option<(Vec<u64>, Vec<u64>)> {
    let (mut from, mut common) = (Vec::with_capacity(at.len()), Vec::with_capacity(at.len()));
    for axis in 0..at.len() {
        let start = at[axis].max(other_at[axis]);
        let end = (at[axis] + sizes[axis]).min(other_at[axis] + other[axis]);
        if start >= end {
            return None;
        }
        from.push(start);
        common.push(end - start);
    }
    Some((from, common))
}

/// Whether pieces tile a shape: each element is in exactly one of them.
///
/// # Errors
/// What is wrong, in words.
pub(crate) fn check_tiling(shape: &Shape, pieces: &[(&[u64], &Shape)]) -> Result<(), String> {
    let mut covered = 0_u64;
    for (offset, piece) in pieces {
        let inside = offset.len() == shape.rank()
            && piece.rank() == shape.rank()
            && (0..shape.rank()).all(|axis| {
                offset[axis].checked_add(piece.sizes()[axis]).is_some_and(|end| end <= shape.sizes()[axis])
            });
        if !inside {
            return Err(format!("the slice of shape {piece} at {offset:?} leaves the shape {shape}"));
        }
        covered = covered.saturating_add(piece.elements());
    }
    // As many elements as there are, and none twice.
    if covered != shape.elements() {
        return Err(format!("the slices hold {covered} elements, and shape {shape} has {}", shape.elements()));
    }
    // Sorted along the first axis, only slices that overlap there can meet.
    let mut order: Vec<_> = pieces.iter().filter(|(_, piece)| piece.elements() > 0).collect();
    order.sort_by_key(|(offset, _)| offset.first().copied());
    for (i, (offset, piece)) in order.iter().enumerate() {
        let end = offset.first().map_or(0, |at| at + piece.sizes()[0]);
        for (other_offset, other) in &order[i + 1..] {
            if other_offset.first().is_some_and(|at| *at >= end) {
                break;
            }
            if shape.rank() == 0 || intersection(offset, piece.sizes(), other_offset, other.sizes()).is_some() {
                return Err(format!("the slices at {offset:?} and {other_offset:?} overlap"));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Boxes cover the range in order, and each lies together.
        #[test]
        fn boxes_are_the_range(shape in prop::collection::vec(1_u64..5, 0..4), a in 0_u64..300, b in 0_u64..300) {
            let all: u64 = shape.iter().product();
            let (first, last) = (a.min(b) % (all + 1), a.max(b) % (all + 1));
            let (first, last) = (first.min(last), first.max(last));
            let mut next = first;
            for part in boxes(&shape, first, last) {
                let start = part.at.iter().zip(&shape).fold(0, |index, (at, size)| index * size + at);
                prop_assert_eq!(start, next);
                let mut runs = Vec::new();
                for_each_run(&shape, &part.at, &part.sizes, |from, _, count| runs.push((from as u64, count as u64)));
                for (from, count) in runs {
                    prop_assert_eq!(from, next);
                    next += count;
                }
            }
            prop_assert_eq!(next, last);
            prop_assert!(boxes(&shape, first, last).len() <= 2 * shape.len() + 1);
        }
    }
}
