//! Slices as NumPy writes them: `0:10:2,...,-1`.

use crate::failure::{Failure, Outcome};

/// Which elements are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Slice {
    items: Vec<Item>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Item {
    Index(i64),
    Range { start: Option<i64>, stop: Option<i64>, step: i64 },
    Ellipsis,
}

/// The elements along one axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Axis {
    pub(crate) start: u64,
    pub(crate) step: i64,
    pub(crate) len: u64,
    /// Whether the result has this axis: an index takes it away.
    pub(crate) is_kept: bool,
}

impl Axis {
    fn all(size: u64) -> Self {
        Self { start: 0, step: 1, len: size, is_kept: true }
    }

    /// The index in the variable of the `i`-th element.
    pub(crate) fn at(&self, i: u64) -> u64 {
        self.start.wrapping_add_signed(self.step.wrapping_mul(i.cast_signed()))
    }
}

impl Slice {
    /// Reads `start:stop:step`, indices and `...`, divided by commas, with or without brackets around.
    pub(crate) fn parse(text: &str) -> Outcome<Self> {
        let inner = text.trim();
        let inner = inner.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(inner);
        let inner = inner.trim_end().strip_suffix(',').unwrap_or(inner);
        let bad = |item: &str| {
            Failure::usage(format!("{item:?} in the slice {text:?} is neither an index nor start:stop:step nor `...`"))
                .hint("write slices as NumPy does, for example `0:10:2,...,-1`")
        };
        let items = inner.split(',').map(|item| {
            let item = item.trim();
            let number = |text: &str| text.parse::<i64>().map_err(|_| bad(item));
            let optional = |text: &str| Some(text.trim()).filter(|text| !text.is_empty()).map(number).transpose();
            if item == "..." {
                return Ok(Item::Ellipsis);
            }
            let parts: Vec<&str> = item.split(':').collect();
            let (start, stop, step) = match *parts {
                [index] => return number(index).map(Item::Index),
                [start, stop] => (start, stop, ""),
                [start, stop, step] => (start, stop, step),
                _ => return Err(bad(item)),
            };
            let step = optional(step)?.unwrap_or(1);
            if step == 0 {
                return Err(Failure::usage(format!("the step in the slice {text:?} is zero")));
            }
            Ok(Item::Range { start: optional(start)?, stop: optional(stop)?, step })
        });
        let items = items.collect::<Outcome<Vec<_>>>()?;
        if items.iter().filter(|item| **item == Item::Ellipsis).count() > 1 {
            return Err(Failure::usage(format!("the slice {text:?} has more than one `...`")));
        }
        Ok(Self { items })
    }

    /// Everything.
    pub(crate) fn all() -> Self {
        Self { items: vec![Item::Ellipsis] }
    }

    /// Which elements these are of a variable of this shape.
    pub(crate) fn axes(&self, sizes: &[u64]) -> Outcome<Vec<Axis>> {
        let named = self.items.iter().filter(|item| **item != Item::Ellipsis).count();
        if named > sizes.len() {
            let what = format!("the slice has {named} indices, and the variable has {} axes", sizes.len());
            return Err(Failure::usage(what));
        }
        let mut axes: Vec<Axis> = Vec::new();
        for item in &self.items {
            let axis = axes.len();
            match item {
                Item::Ellipsis => axes.extend(sizes[axis..][..sizes.len() - named].iter().map(|size| Axis::all(*size))),
                Item::Index(index) => {
                    let size = sizes[axis];
                    let Some(start) = from_end(*index, size).filter(|start| *start < size) else {
                        let what = format!("index {index} is out of bounds for axis {axis} with size {size}");
                        return Err(Failure::usage(what));
                    };
                    axes.push(Axis { start, step: 1, len: 1, is_kept: false });
                }
                Item::Range { start, stop, step } => axes.push(range(*start, *stop, *step, sizes[axis])),
            }
        }
        axes.extend(sizes[axes.len()..].iter().map(|size| Axis::all(*size)));
        Ok(axes)
    }
}

/// An index that may count from the end.
fn from_end(index: i64, size: u64) -> Option<u64> {
    if index < 0 { size.checked_add_signed(index) } else { u64::try_from(index).ok() }
}

/// Python's rule: bounds beyond the ends are the ends.
fn range(start: Option<i64>, stop: Option<i64>, step: i64, size: u64) -> Axis {
    let (size, step_wide) = (i128::from(size), i128::from(step));
    let (least, most) = if step > 0 { (0, size) } else { (-1, size - 1) };
    let bound = |bound: Option<i64>, otherwise: i128| {
        bound.map_or(otherwise, |at| {
            let at = i128::from(at);
            (if at < 0 { at + size } else { at }).clamp(least, most)
        })
    };
    let (first, last) = if step > 0 { (least, most) } else { (most, least) };
    let (start, stop) = (bound(start, first), bound(stop, last));
    let span = if step > 0 { stop - start } else { start - stop };
    let magnitude = step_wide.abs();
    let len = if span <= 0 { 0 } else { (span + magnitude - 1) / magnitude };
    Axis { start: u64::try_from(start).unwrap_or(0), step, len: u64::try_from(len).unwrap_or(0), is_kept: true }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The indices that Python's slicing gives.
    fn indices(text: &str, size: u64) -> Vec<u64> {
        let axes = Slice::parse(text).unwrap().axes(&[size]).unwrap();
        (0..axes[0].len).map(|i| axes[0].at(i)).collect()
    }

    #[test]
    fn ranges_follow_python() {
        for (text, size, expected) in [
            (":", 3, &[0, 1, 2][..]),
            ("1:", 3, &[1, 2]),
            (":-1", 3, &[0, 1]),
            ("-2:", 3, &[1, 2]),
            ("::2", 5, &[0, 2, 4]),
            ("::-1", 3, &[2, 1, 0]),
            ("3:0:-2", 5, &[3, 1]),
            ("-1:-4:-1", 5, &[4, 3, 2]),
            ("5:2", 9, &[]),
            ("-100:100", 2, &[0, 1]),
            ("100:-100:-1", 2, &[1, 0]),
            ("0:10:2", 4, &[0, 2]),
            (":", 0, &[]),
            ("::-1", 0, &[]),
            ("::9223372036854775807", 3, &[0]),
            ("::-9223372036854775808", 3, &[2]),
        ] {
            assert_eq!(indices(text, size), expected, "{text} of {size}");
        }
    }

    #[test]
    fn indices_take_axes_away_and_dots_fill_up() {
        let axes = |text: &str| {
            let axes = Slice::parse(text).unwrap().axes(&[4, 5, 6]).unwrap();
            axes.into_iter().map(|axis| (axis.start, axis.len, axis.is_kept)).collect::<Vec<_>>()
        };
        assert_eq!(axes("1"), [(1, 1, false), (0, 5, true), (0, 6, true)]);
        assert_eq!(axes("...,-1"), [(0, 4, true), (0, 5, true), (5, 1, false)]);
        assert_eq!(axes("[0:2, ..., 3]"), [(0, 2, true), (0, 5, true), (3, 1, false)]);
        assert_eq!(axes("1,2,...,3"), [(1, 1, false), (2, 1, false), (3, 1, false)]);
        assert_eq!(axes("1,"), axes("1"));
    }

    #[test]
    fn what_numpy_refuses_is_refused() {
        for bad in ["", "a", "1:2:3:4", "1.5", "...,...", "::0", "1,,2", "99999999999999999999"] {
            assert_eq!(Slice::parse(bad).unwrap_err().kind, "usage", "{bad}");
        }
        for bad in ["4", "-5", "0,0,0"] {
            assert_eq!(Slice::parse(bad).unwrap().axes(&[4, 5]).unwrap_err().kind, "usage", "{bad}");
        }
    }
}
