//! Step D of the specification, and section 9: variables in slices.

use varkeep::scope::Reuse;

use super::get::Made;
use super::{Got, Naive, NaiveWhole, Request, Word, compatible, initial, is_well_formed, known, slice_of};
use crate::program::{Cut, Init, Kind};
use crate::value::{self, elements};

impl Cut {
    /// The partitioner's answer; 9.5.
    fn answer(self, full: &[u64], kind: Kind) -> Result<Vec<u64>, Word> {
        let axis_of = |axis: i64| {
            let rank = full.len() as i64;
            let from_start = if axis < 0 { axis + rank } else { axis };
            if (0..rank).contains(&from_start) { Ok(from_start as usize) } else { Err("partitioner_axis_out_of_range") }
        };
        let along = |axis: usize, count: u64| {
            let mut counts = vec![1; full.len()];
            counts[axis] = count;
            counts
        };
        let element_bytes = match kind {
            Kind::Bool => 1,
            Kind::F16 => 2,
            Kind::F32 | Kind::I32 => 4,
            Kind::F64 | Kind::I64 | Kind::Complex => 8,
            Kind::Text => 16,
        };
        match self {
            Self::Fixed { .. } => {
                let (shards, axis) = self.fixed();
                let axis = axis_of(axis)?;
                Ok(along(axis, shards.min(full[axis])))
            }
            Self::Counts(counts) => Ok(counts.get().to_vec()),
            Self::ByBytes { .. } => {
                let (bytes, axis) = self.by_bytes();
                let axis = axis_of(axis)?;
                if elements(full) == 0 {
                    return Err("partitioner_zero_size");
                }
                let per_unit = elements(full) as u64 / full[axis] * element_bytes;
                Ok(along(axis, full[axis].div_ceil((bytes / per_unit).max(1))))
            }
            Self::MinMax { .. } => {
                let (most, axis, bytes) = self.min_max();
                let axis = axis_of(axis)?;
                let slices = (elements(full) as u64 * element_bytes).div_ceil(bytes);
                Ok(along(axis, full[axis].min(most).min(slices).max(1)))
            }
        }
    }

    /// The answer, checked; 9.2.
    pub(super) fn counts(self, full: &[u64], kind: Kind) -> Result<Vec<u64>, Word> {
        let counts = self.answer(full, kind)?;
        if counts.len() != full.len() {
            return Err("partitioner_rank_mismatch");
        }
        if counts.contains(&0) {
            return Err("partitioner_nonpositive");
        }
        if counts.iter().filter(|count| **count > 1).count() > 1 {
            return Err("multi_axis_partition");
        }
        Ok(counts)
    }

    pub fn fixed(self) -> (u64, i64) {
        let Self::Fixed { shards, axis } = self else { unreachable!("asked of {self:?}") };
        (u64::from(shards % 5), i64::from(axis % 3))
    }

    pub fn by_bytes(self) -> (u64, i64) {
        let Self::ByBytes { bytes, axis } = self else { unreachable!("asked of {self:?}") };
        (u64::from(bytes.max(1)), i64::from(axis % 3))
    }

    pub fn min_max(self) -> (u64, i64, u64) {
        let Self::MinMax { partitions, axis, bytes } = self else { unreachable!("asked of {self:?}") };
        (u64::from(partitions % 5), i64::from(axis % 3), u64::from(bytes.max(1)))
    }
}

impl Request {
    /// D.2: the shape asked for, merged with a tensor's.
    pub(super) fn merged_shape(&self) -> Result<Option<Vec<Option<u64>>>, Word> {
        let Some(tensor @ Init::Tensor(..)) = self.initializer else { return Ok(self.shape.clone()) };
        let of_value = tensor.static_shape();
        if !compatible(self.shape.as_deref(), of_value.as_deref()) {
            return Err("initializer_shape_mismatch");
        }
        Ok(match (&self.shape, of_value) {
            (Some(a), Some(b)) => Some(a.iter().zip(b).map(|(a, b)| a.or(b)).collect()),
            (a, b) => a.clone().or(b),
        })
    }

    /// D.3: the shape must be known, and no scalar.
    pub(super) fn full_shape(shape: Option<&[Option<u64>]>) -> Result<Vec<u64>, Word> {
        let full: Option<Vec<u64>> = shape.and_then(|axes| axes.iter().copied().collect());
        let full = full.ok_or("partitioned_shape_not_fully_defined")?;
        if full.is_empty() { Err("partitioned_scalar") } else { Ok(full) }
    }
}

impl Naive {
    pub(super) fn partitioned(&mut self, request: &Request, reuse: Reuse, cut: Option<Cut>) -> Result<Got, Word> {
        let name = request.name.as_str();
        if let Some(cut) = cut
            && reuse == Reuse::Resume
            && self.is_unclaimed(name)
        {
            return self.resume_in_slices(request, cut);
        }
        if self.names.variables.contains_key(name) {
            return Err("unpartitioned_variable_exists");
        }
        let shape = request.merged_shape()?;
        let asked = match cut {
            Some(cut) => {
                let full = Request::full_shape(shape.as_deref())?;
                let counts = cut.counts(&full, request.kind)?;
                Some((full, counts))
            }
            None => None,
        };
        if let Some(whole) = self.names.wholes.get(name) {
            if matches!(reuse, Reuse::Refuse | Reuse::Resume) {
                return Err("partitioned_variable_exists");
            }
            if !compatible(shape.as_deref(), Some(&known(&whole.shape))) {
                return Err("partitioned_shape_mismatch");
            }
            if request.kind != whole.kind {
                return Err("partitioned_dtype_mismatch");
            }
            if asked.is_some_and(|(_, counts)| counts != whole.counts) {
                return Err("partitions_mismatch");
            }
            let id = self.claim(name);
            return Ok(Got { id, is_new: false });
        }
        if reuse == Reuse::Require {
            return Err("partitioned_variable_not_found");
        }
        let (full, counts) = asked.expect("without a partitioner a whole was found");
        self.check_layout(name, counts.iter().product::<u64>() as usize)?;
        self.create_whole(request, reuse, full, counts)
    }

    /// D.6.
    fn check_layout(&self, name: &str, count: usize) -> Result<(), Word> {
        let exists = |k: usize| self.names.variables.contains_key(&slice_of(name, k));
        if !exists(0) {
            return Ok(());
        }
        if !exists(count - 1) {
            return Err("partition_layout_missing_shard");
        }
        if exists(count) { Err("partition_layout_extra_shard") } else { Ok(()) }
    }

    /// D.7 and D.8.
    fn create_whole(&mut self, request: &Request, reuse: Reuse, full: Vec<u64>, counts: Vec<u64>) -> Result<Got, Word> {
        let kind = match request.initializer {
            Some(Init::Tensor(kind, ..)) => kind,
            _ => request.kind,
        };
        let mut is_new = false;
        let mut slices = Vec::new();
        for (k, tile) in value::tiles(&full, &counts).into_iter().enumerate() {
            let (offset, sizes) = tile.ok_or("too_many_partitions")?;
            let slice = slice_of(&request.name, k);
            let part = match request.initializer {
                None if kind == Kind::Complex => return Err("initializer_required"),
                Some(value) if value.is_value() => {
                    let cells = match value {
                        Init::Tensor(..) => value.own().2,
                        value => initial::converted(value, kind)?,
                    };
                    if value.own().1 != full {
                        return Err("initializer_shape_mismatch");
                    }
                    Some(value::cut(&cells, &full, &offset, &sizes))
                }
                _ => None,
            };
            if let Some(found) = self.names.variables.get(&slice) {
                if reuse == Reuse::Refuse || (reuse == Reuse::Resume && found.claimed) {
                    return Err("variable_exists");
                }
                if found.held != sizes {
                    return Err("shape_mismatch");
                }
                if found.kind != kind {
                    return Err("dtype_mismatch");
                }
            } else {
                // Ours: one name stands for one thing.
                if self.names.wholes.contains_key(&slice) {
                    return Err("partitioned_variable_exists");
                }
                if !is_well_formed(&slice, false) {
                    return Err("invalid_name");
                }
                let is_value = part.is_some();
                let cells = match (part, request.initializer) {
                    (Some(cells), _) => Some(cells),
                    (None, Some(Init::Nullary(..))) => return Err("initializer_takes_no_arguments"),
                    (None, function) => initial::run(function, kind, &full, &offset, &sizes)?,
                };
                let declared = (request.validate_shape || !is_value).then(|| known(&sizes));
                self.create(&slice, request, Made { kind, held: sizes, declared, cells })?;
                is_new = true;
            }
            slices.push(slice);
        }
        let id = self.next_id();
        let whole = NaiveWhole { id, kind, shape: full, counts, slices, claimed: true };
        self.names.wholes.insert(request.name.clone(), whole);
        Ok(Got { id, is_new })
    }
}
