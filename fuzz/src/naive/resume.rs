//! Resuming, which is ours: the first get of what an earlier session left finds it, if it is what the get would make
//! otherwise but for the cut; a second get is refused.

use super::{Got, Naive, NaiveVariable, NaiveWhole, Request, Word, compatible, known, slice_of};
use crate::program::{Cut, Init, Kind};
use crate::value;

impl Request {
    /// The shape that would be declared in one piece.
    fn shape_to_make(&self) -> Option<Vec<Option<u64>>> {
        match self.initializer {
            Some(value) if value.is_value() => value.static_shape(),
            _ => self.shape.clone(),
        }
    }

    /// The dtype that would be made; only a function without parameters knows better.
    fn kind_to_make(&self) -> Option<Kind> {
        match self.initializer {
            Some(Init::Nullary(..)) => None,
            Some(value) if value.is_value() => value.value_kind(),
            _ => Some(self.kind),
        }
    }

    fn check_whole(&self, asked: Option<&[Option<u64>]>, kind: Kind, whole: &NaiveWhole) -> Result<(), Word> {
        if !compatible(asked, Some(&known(&whole.shape))) {
            return Err("partitioned_shape_mismatch");
        }
        if kind == whole.kind { Ok(()) } else { Err("partitioned_dtype_mismatch") }
    }
}

impl Naive {
    /// Whether an earlier session left a whole of this name that this one has not got, nor any slice of it.
    pub(super) fn is_unclaimed_whole(&self, name: &str) -> bool {
        self.names.wholes.get(name).is_some_and(|whole| {
            !whole.claimed && whole.slices.iter().all(|slice| !self.names.variables[slice].claimed)
        })
    }

    pub(super) fn is_unclaimed(&self, name: &str) -> bool {
        self.is_unclaimed_whole(name) || self.names.variables.get(name).is_some_and(|variable| !variable.claimed)
    }

    pub(super) fn check_resumed(&self, request: &Request, found: &NaiveVariable) -> Result<(), Word> {
        if !compatible(request.shape_to_make().as_deref(), found.declared.as_deref()) {
            return Err("shape_mismatch");
        }
        if request.kind_to_make().is_some_and(|kind| kind != found.kind) {
            return Err("dtype_mismatch");
        }
        Ok(())
    }

    pub(super) fn resume_whole_in_one_piece(&mut self, request: &Request) -> Result<Got, Word> {
        if request.initializer.is_some_and(Init::is_value) && request.shape.is_some() {
            return Err("constant_initializer_with_shape");
        }
        let whole = self.names.wholes[&request.name].clone();
        let kind = request.kind_to_make().unwrap_or(whole.kind);
        request.check_whole(request.shape_to_make().as_deref(), kind, &whole)?;
        self.reslice(&request.name, None);
        let id = self.claim(&request.name);
        Ok(Got { id, is_new: false })
    }

    pub(super) fn resume_in_slices(&mut self, request: &Request, cut: Cut) -> Result<Got, Word> {
        let name = request.name.as_str();
        let shape = request.merged_shape()?;
        let kind = match request.initializer {
            Some(Init::Tensor(kind, ..)) => kind,
            _ => request.kind,
        };
        let (full, found) = match (self.names.variables.get(name), self.names.wholes.get(name)) {
            (Some(single), _) => {
                if !compatible(shape.as_deref(), Some(&known(&single.held))) {
                    return Err("shape_mismatch");
                }
                if kind != single.kind {
                    return Err("dtype_mismatch");
                }
                (single.held.clone(), None)
            }
            (None, Some(whole)) => {
                request.check_whole(shape.as_deref(), kind, whole)?;
                (whole.shape.clone(), Some(whole.counts.clone()))
            }
            (None, None) => unreachable!("it was found unclaimed"),
        };
        let full = Request::full_shape(Some(&known(&full)))?;
        let counts = cut.counts(&full, request.kind)?;
        if found.as_ref() != Some(&counts) {
            let tiles = value::tiles(&full, &counts);
            if tiles.contains(&None) {
                return Err("too_many_partitions");
            }
            let had = found.map_or(0, |counts| counts.iter().product::<u64>() as usize);
            for k in had..tiles.len() {
                if self.names.variables.contains_key(&slice_of(name, k)) {
                    return Err("variable_exists");
                }
                if self.names.wholes.contains_key(&slice_of(name, k)) {
                    return Err("partitioned_variable_exists");
                }
            }
            self.reslice(name, Some(counts));
        }
        let id = self.claim(&request.name);
        Ok(Got { id, is_new: false })
    }

    /// The same values otherwise cut, with the attributes of the first slice.
    fn reslice(&mut self, name: &str, counts: Option<Vec<u64>>) {
        let (template, shape, cells) = match self.names.wholes.remove(name) {
            Some(whole) => {
                let cells = self.names.assembled(&whole);
                let mut slices: Vec<NaiveVariable> =
                    whole.slices.iter().filter_map(|slice| self.names.variables.remove(slice)).collect();
                (slices.remove(0), whole.shape, cells)
            }
            None => {
                let single = self.names.variables.remove(name).expect("it was found");
                (single.clone(), single.held, single.cells)
            }
        };
        let kind = template.kind;
        let make = |naive: &mut Self, name: String, held: Vec<u64>, cells| {
            let (id, order) = (naive.next_id(), naive.next_order());
            let declared = Some(known(&held));
            let variable = NaiveVariable { id, order, held, declared, cells, ..template.clone() };
            naive.names.variables.insert(name, variable);
        };
        let Some(counts) = counts else { return make(self, name.to_owned(), shape, cells) };
        let mut slices = Vec::new();
        for (k, tile) in value::tiles(&shape, &counts).into_iter().enumerate() {
            let (offset, sizes) = tile.expect("all slices lie inside");
            let part = cells.as_ref().map(|cells| value::cut(cells, &shape, &offset, &sizes));
            slices.push(slice_of(name, k));
            make(self, slice_of(name, k), sizes, part);
        }
        let id = self.next_id();
        self.names.wholes.insert(name.to_owned(), NaiveWhole { id, kind, shape, counts, slices, claimed: false });
    }
}
