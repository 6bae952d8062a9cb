//! How a shape is cut into slices: which part of the whole each of them is.

use std::fmt::Write as _;

use crate::error::Result;
use crate::scope::partitioner::check_answer;
use crate::shape::Shape;

/// One slice's place in the whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile {
    /// Where it starts, one index per axis.
    pub offset: Vec<u64>,
    /// Its shape.
    pub shape: Shape,
}

/// The slices that a shape is cut into, made one by one: their number may be absurd.
///
/// An axis of size n in m pieces: every piece gets ⌊n/m⌋, the first n mod m one more.
#[derive(Clone, Debug)]
pub struct Tiles {
    shape: Shape,
    axis: usize,
    count: u64,
}

impl Tiles {
    /// The slices of `shape` with so many pieces along each axis.
    ///
    /// # Errors
    /// Those of [`check_answer`].
    pub fn new(shape: Shape, counts: &[u64]) -> Result<Self> {
        check_answer(&shape, counts)?;
        // Where no axis is cut there is one slice, along the first.
        let axis = counts.iter().position(|count| *count > 1).unwrap_or(0);
        Ok(Self { shape, axis, count: counts.get(axis).copied().unwrap_or(1) })
    }

    /// The shape that is cut.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The number of slices asked for, at least 1.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Whether all slices asked for can be made: none starts outside the shape, as it would with more slices than
    /// elements along the axis, or with an empty axis.
    pub fn all_exist(&self) -> bool {
        let size = self.shape.sizes().get(self.axis).copied().unwrap_or(1);
        self.count <= size && !self.shape.sizes().contains(&0)
    }

    /// Where along each axis the `k`-th slice starts, whether or not that is inside the shape.
    pub fn offset(&self, k: u64) -> Vec<u64> {
        let mut offset = vec![0; self.shape.rank()];
        if let (Some(start), Some(size)) = (offset.get_mut(self.axis), self.shape.sizes().get(self.axis)) {
            *start = (size / self.count).saturating_mul(k).saturating_add(k.min(size % self.count));
        }
        offset
    }

    /// The `k`-th slice; `None` if it would start outside the shape.
    pub fn get(&self, k: u64) -> Option<Tile> {
        let offset = self.offset(k);
        let inside = offset.iter().zip(self.shape.sizes()).all(|(start, size)| start < size);
        if k >= self.count || !inside {
            return None;
        }
        let mut sizes = self.shape.sizes().to_vec();
        if let Some(size) = sizes.get_mut(self.axis) {
            *size = *size / self.count + u64::from(k < *size % self.count);
        }
        // A part is no larger than the whole, so its shape exists.
        Some(Tile { offset, shape: Shape::new(sizes).ok()? })
    }

    /// The slices in order, up to the first that would start outside the shape.
    pub fn iter(&self) -> impl Iterator<Item = Tile> + '_ {
        (0..self.count).map_while(|k| self.get(k))
    }
}

/// TensorFlow's text for a slice's place: the full shape, then `offset,length` for each axis.
///
/// ```
/// use varkeep::scope::{Tiles, save_slice_info};
/// let tiles = Tiles::new(varkeep::Shape::new([10, 3])?, &[3, 1])?;
/// assert_eq!(save_slice_info(tiles.shape(), &tiles.get(1).unwrap()), "10 3 4,3:0,3");
/// # Ok::<(), varkeep::Error>(())
/// ```
pub fn save_slice_info(full_shape: &Shape, tile: &Tile) -> String {
    let mut text = String::new();
    for size in full_shape.sizes() {
        write!(text, "{size} ").expect("writing to a string succeeds");
    }
    for (i, (offset, length)) in tile.offset.iter().zip(tile.shape.sizes()).enumerate() {
        let colon = if i == 0 { "" } else { ":" };
        write!(text, "{colon}{offset},{length}").expect("writing to a string succeeds");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::tensor::Tensor;
    use proptest::prelude::*;

    fn tiles(sizes: &[u64], counts: &[u64]) -> Tiles {
        Tiles::new(Shape::new(sizes).unwrap(), counts).unwrap()
    }

    #[test]
    fn the_first_slices_get_the_remainder() {
        let lengths: Vec<_> = tiles(&[10, 3], &[3, 1]).iter().map(|tile| tile.shape.sizes()[0]).collect();
        assert_eq!(lengths, [4, 3, 3]);
        let lengths: Vec<_> = tiles(&[3, 10], &[1, 4]).iter().map(|tile| tile.shape.sizes()[1]).collect();
        assert_eq!(lengths, [3, 3, 2, 2]);
    }

    #[test]
    fn answers_are_checked_in_order() {
        let rows: [(&[u64], ErrorKind); 5] = [
            (&[0], ErrorKind::PartitionerRankMismatch),
            (&[2, 2, 2], ErrorKind::PartitionerRankMismatch),
            (&[2, 0], ErrorKind::PartitionerNonpositive),
            (&[2, 2], ErrorKind::MultiAxisPartition),
            (&[], ErrorKind::PartitionerRankMismatch),
        ];
        for (counts, kind) in rows {
            assert_eq!(Tiles::new(Shape::new([4, 4]).unwrap(), counts).unwrap_err().kind(), kind, "{counts:?}");
        }
    }

    #[test]
    fn an_absurd_count_costs_nothing() {
        let many = tiles(&[3, 1], &[1 << 60, 1]);
        assert_eq!((many.count(), many.iter().count(), many.all_exist()), (1 << 60, 3, false));
        assert_eq!(many.get(3), None);
        assert_eq!(many.get(u64::MAX), None);
        assert!(tiles(&[4, 0], &[2, 1]).get(0).is_none());
        assert!(tiles(&[1 << 50], &[u64::MAX]).get(1 << 50).is_none());
        assert_eq!(tiles(&[], &[]).iter().count(), 1);
    }

    proptest! {
        #[test]
        fn tiles_tile_exactly(
            (sizes, axis, count) in prop::collection::vec(1_u64..7, 1..4)
                .prop_flat_map(|sizes| { let rank = sizes.len(); (Just(sizes), 0..rank) })
                .prop_flat_map(|(sizes, axis)| { let n = sizes[axis]; (Just(sizes), Just(axis), 1..=n) })
        ) {
            let shape = Shape::new(sizes.clone()).unwrap();
            let mut counts = vec![1; sizes.len()];
            counts[axis] = count;
            let tiles = tiles(&sizes, &counts);
            prop_assert!(tiles.all_exist());
            let whole = Tensor::from_vec(&shape, (0..shape.elements()).collect::<Vec<u64>>()).unwrap();
            let mut parts = Vec::new();
            let mut at = 0;
            for tile in tiles.iter() {
                prop_assert_eq!(tile.offset[axis], at);
                at += tile.shape.sizes()[axis];
                parts.push((tile.offset.clone(), whole.cut(&tile.offset, &tile.shape).unwrap()));
            }
            prop_assert_eq!((at, parts.len() as u64), (sizes[axis], count));
            prop_assert_eq!(Tensor::assemble(whole.dtype(), &shape, &parts).unwrap(), whole);
            let elements = parts.iter().map(|(_, part)| part.shape().sizes()[axis]);
            prop_assert!(elements.clone().max().unwrap() - elements.min().unwrap() <= 1);
        }
    }
}
