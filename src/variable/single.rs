//! One variable in one piece, or one slice of a whole: its facts and its value.

use std::ops::Range;
use std::panic::Location;
use std::sync::{Arc, Weak};

use ndarray::{ArrayRef, ArrayViewMut, Dimension, IxDyn};

use crate::dtype::{DType, Element};
use crate::error::{Error, ErrorKind, Result};
use crate::format::{Content, Statics, VariableRecord};
use crate::id::CommitId;
use crate::io::Held;
use crate::memory::Memory;
use crate::scope::collection::GLOBAL_VARIABLES;
use crate::scope::{Constraint, Regularizer};
use crate::shape::Shape;
use crate::shard::{Payload, Progress, ReadMode, Stored, Verification};
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use crate::tensor::{self, Tensor};
use crate::variable::capture::Capture;
use crate::variable::claim::Claim;
use crate::variable::gate::Gate;
use crate::variable::reserve::Reserve;
use crate::variable::shared::Shared;

/// What the static facts of a variable name as its first commit before there is one.
pub(crate) const NO_COMMIT: CommitId = CommitId::from_bytes([0; 16]);

/// A variable that has an entry of its own in manifests.
#[derive(Debug)]
pub(crate) struct Single {
    shared: Arc<Shared>,
    state: RwLock<State>,
    gate: Gate,
    /// Whether it is on the list of changed variables.
    noted: AtomicBool,
    /// What saves in flight have yet to write of earlier values. Locked after the state.
    captures: Mutex<Vec<Weak<Capture>>>,
    /// Where in the program it was created; unknown after a reopen.
    created: Option<&'static Location<'static>>,
}

/// What can change about a variable.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) name: Arc<str>,
    /// Whether the store still holds it.
    pub(crate) attached: bool,
    pub(crate) statics: Arc<Statics>,
    /// The shape held, which the declared one may leave open.
    pub(crate) shape: Shape,
    pub(crate) payload: Arc<Payload>,
    /// What the last commit holds under the name: chunks that equal it are not written again.
    pub(crate) base: Option<Arc<Stored>>,
    /// The regularizer as a function; one that was recorded as custom is unbound until somebody supplies it.
    pub(crate) regularizer: Option<Regularizer>,
    pub(crate) constraint: Option<Constraint>,
    pub(crate) claim: Claim,
    /// Whether a partitioned variable holds it as a slice, so that its shape is fixed.
    pub(crate) in_whole: bool,
}

impl State {
    pub(crate) fn dtype(&self) -> DType {
        self.statics.dtype
    }

    /// Whether the default save covers it.
    pub(crate) fn is_durable(&self) -> bool {
        self.statics.collections.iter().any(|key| key == GLOBAL_VARIABLES)
    }

    /// Whether it takes a value of any shape: it declares none, and is no slice.
    pub(crate) fn is_open(&self) -> bool {
        self.statics.declared.axes().is_none() && !self.in_whole
    }

    /// The range of all bytes.
    #[expect(clippy::single_range_in_vec_init, reason = "a list of ranges is meant, which holds one")]
    fn all_bytes(&self) -> Vec<Range<u64>> {
        vec![0..self.payload.len_bytes()]
    }

    /// The ranges of rows (indices of the first axis); those that there are not are left out.
    fn bytes_of_rows(&self, rows: &[usize]) -> Vec<Range<u64>> {
        let count = self.shape.sizes().first().copied().unwrap_or_default();
        let row_bytes = self.payload.len_bytes().checked_div(count).unwrap_or_default();
        let rows = rows.iter().map(|row| *row as u64).filter(|row| *row < count);
        rows.map(|row| row * row_bytes..(row + 1) * row_bytes).collect()
    }

    /// Notes that a commit holds a value of this variable there.
    pub(crate) fn set_committed(&mut self, commit: CommitId, stored: &Arc<Stored>) {
        self.base = Some(Arc::clone(stored));
        if self.statics.first_commit == NO_COMMIT {
            Arc::make_mut(&mut self.statics).first_commit = commit;
        }
    }

    fn check_attached(&self) -> Result<()> {
        if self.attached { Ok(()) } else { Err(detached(&self.name)) }
    }
}

/// Tells which bytes of a value are about to be changed in place.
type InPlace<'a> = dyn Fn(&State) -> Vec<Range<u64>> + 'a;

/// Waiting for a save to come on; dropping ends it.
struct Waiting(Weak<Capture>);

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(capture) = self.0.upgrade() {
            capture.end_waiting();
        }
    }
}

/// What using a handle says whose variable has left the store.
pub(crate) fn detached(name: &str) -> Error {
    Error::new(ErrorKind::VariableDetached, format!("variable {name:?} is no longer in the store"))
        .of_variable(name)
        .advise("get it again by name")
}

impl Single {
    pub(crate) fn new(shared: Arc<Shared>, state: State, created: Option<&'static Location<'static>>) -> Arc<Self> {
        let (gate, noted, captures) = (Gate::default(), AtomicBool::new(false), Mutex::default());
        let is_uncovered = state.statics.trainable && !state.is_durable();
        let single = Arc::new(Self { shared, state: RwLock::new(state), gate, noted, captures, created });
        if is_uncovered {
            single.shared.note_uncovered(&single);
        }
        single
    }

    pub(crate) fn reserve(&self) -> &Reserve {
        self.shared.reserve()
    }

    fn captures(&self) -> MutexGuard<'_, Vec<Weak<Capture>>> {
        self.captures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Captures the value for a save; `state` is this variable's.
    pub(crate) fn capture(self: &Arc<Self>, state: &State, progress: &Arc<Progress>) -> Arc<Capture> {
        let capture = Arc::new(Capture::of(self, state, progress));
        let mut captures = self.captures();
        captures.retain(|capture| capture.strong_count() > 0);
        captures.push(Arc::downgrade(&capture));
        capture
    }

    /// The state, locked for a change of its value, once no save in flight needs what is about to be lost: `in_place`
    /// tells which bytes are changed in place, if they can be; without it the value is replaced.
    fn state_to_change(&self, in_place: Option<&InPlace<'_>>) -> Result<RwLockWriteGuard<'_, State>> {
        loop {
            let moves = self.reserve().moves();
            let mut state = self.state_mut();
            let Some(blocking) = self.prepare(&mut state, in_place)? else { return Ok(state) };
            drop(state);
            blocking.begin_waiting();
            let waiting = Waiting(Arc::downgrade(&blocking));
            // The save may end by letting go of it.
            drop(blocking);
            self.reserve().wait(moves);
            drop(waiting);
        }
    }

    /// Lets every capture keep what it needs. Gives one that cannot yet.
    fn prepare(&self, state: &mut State, in_place: Option<&InPlace<'_>>) -> Result<Option<Arc<Capture>>> {
        let live: Vec<Arc<Capture>> = self.captures().iter().filter_map(Weak::upgrade).collect();
        if live.is_empty() {
            return Ok(None);
        }
        let in_place = in_place.filter(|_| state.payload.is_changeable()).map(|ranges| ranges(state));
        for capture in live {
            let is_ready = match &in_place {
                Some(ranges) => {
                    ranges.iter().try_fold(true, |ready, range| Ok(ready && capture.preserve(&state.payload, range)?))
                }
                None => Ok(capture.hand_over(&state.payload)),
            };
            if !is_ready.map_err(|error: Error| error.of_variable(&*state.name))? {
                return Ok(Some(capture));
            }
        }
        Ok(None)
    }

    pub(crate) fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn state_mut(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn name(&self) -> Arc<str> {
        Arc::clone(&self.state().name)
    }

    /// Where it was first created, as a message says it.
    pub(crate) fn origin(&self) -> String {
        match (self.created, self.first_commit()) {
            (Some(place), _) => format!("at {place}"),
            (None, Some(commit)) => format!("by commit {commit}"),
            (None, None) => "by this process".to_owned(),
        }
    }

    /// The commit that first held it, if one did.
    pub(crate) fn first_commit(&self) -> Option<CommitId> {
        Some(self.state().statics.first_commit).filter(|commit| *commit != NO_COMMIT)
    }

    /// Notes that the value that the last commit holds lies elsewhere now, so that nothing keeps what it has left.
    pub(crate) fn rehome(&self, stored: &Arc<Stored>, mode: ReadMode, verification: Verification) {
        let mut state = self.state_mut();
        let is_same = |held: &Arc<Stored>| held.content().chunks == stored.content().chunks;
        if !state.base.as_ref().is_some_and(is_same) {
            return;
        }
        state.base = Some(Arc::clone(stored));
        if state.payload.durable().is_some_and(is_same) {
            let payload = match state.payload.memory() {
                Some(memory) => Payload::in_memory(memory),
                None => Payload::on_disk(Arc::clone(stored), mode, verification),
            };
            payload.mark_durable(Arc::clone(stored));
            state.payload = Arc::new(payload);
        }
    }

    /// Notes that the entry may differ from the last commit's, if it is one that commits hold.
    pub(crate) fn note_changed(self: &Arc<Self>) {
        self.note_changed_in(&self.state());
    }

    /// As [`Single::note_changed`], with the state locked: a change is noted before anybody sees it, so that no save which
    /// whoever has seen it begins goes without.
    fn note_changed_in(self: &Arc<Self>, state: &State) {
        if state.is_durable() && !self.noted.swap(true, Ordering::AcqRel) {
            self.shared.note_changed(self);
        }
    }

    /// Takes it off the list, before its state is looked at: what changes later is noted again.
    pub(crate) fn clear_noted(&self) {
        self.noted.store(false, Ordering::Release);
    }

    /// The record of this variable for a manifest, as it was when these facts were taken.
    pub(crate) fn record(
        &self,
        statics: &Statics,
        shape: &Shape,
        content: &Content,
        commit: CommitId,
    ) -> VariableRecord {
        let mut statics = statics.clone();
        if statics.first_commit == NO_COMMIT {
            // An earlier commit may have been published since this state was taken.
            statics.first_commit = self.first_commit().unwrap_or(commit);
        }
        VariableRecord { statics, shape: shape.clone(), content: content.clone() }
    }

    /// Its value and shape now.
    pub(crate) fn snapshot(&self) -> Result<(Arc<Payload>, Shape, DType)> {
        let state = self.state();
        state.check_attached()?;
        Ok((Arc::clone(&state.payload), state.shape.clone(), state.dtype()))
    }

    fn named<T>(&self, result: Result<T>) -> Result<T> {
        result.map_err(|error| error.of_variable(&*self.name()))
    }

    pub(crate) fn view<T: Element>(&self) -> Result<Held<T>> {
        let (payload, shape, dtype) = self.snapshot()?;
        self.named(tensor::check_dtype::<T>(dtype).and_then(|()| payload.view(0, &shape)))
    }

    /// Some rows (indices of the first axis) only: their chunks alone are checked.
    pub(crate) fn view_rows<T: Element>(&self, rows: &Range<usize>) -> Result<Held<T>> {
        let (payload, shape, dtype) = self.snapshot()?;
        self.named(tensor::check_dtype::<T>(dtype).and_then(|()| {
            let (row_bytes, part) = rows_of(&shape, dtype, rows)?;
            payload.view(rows.start as u64 * row_bytes, &part)
        }))
    }

    pub(crate) fn tensor(&self) -> Result<Tensor> {
        let (payload, shape, dtype) = self.snapshot()?;
        self.named(payload.tensor(dtype, shape))
    }

    /// Replaces the value by one of the same dtype and shape; with `any_shape`, of any shape that the declaration
    /// leaves open.
    pub(crate) fn assign(self: &Arc<Self>, value: Tensor, any_shape: bool) -> Result<()> {
        let _inside = self.named(self.gate.enter())?;
        let replaced = {
            let mut state = self.state_to_change(None)?;
            check_assign(&state, &value, any_shape)?;
            state.shape = value.shape().clone();
            self.replace(&mut state, Arc::new(Payload::in_memory(value.into_memory())))
        };
        self.recycle(replaced);
        Ok(())
    }

    /// Checks that this thread is not inside an update of the variable, which would wait for itself.
    pub(crate) fn check_outside_update(&self) -> Result<()> {
        self.named(self.gate.enter()).map(drop)
    }

    /// Checks that the store still holds the variable, and that its value has this shape.
    pub(crate) fn check_can_hold(&self, shape: &Shape) -> Result<()> {
        let state = self.state();
        state.check_attached()?;
        if state.shape == *shape { Ok(()) } else { Err(assign_shape(&state.name, shape, &state.shape)) }
    }

    /// Replaces the value by one that lies anywhere; dtype and shape have been checked.
    pub(crate) fn set_value(self: &Arc<Self>, payload: Arc<Payload>, shape: Shape) -> Result<()> {
        let _inside = self.named(self.gate.enter())?;
        let replaced = {
            let mut state = self.state_to_change(None)?;
            state.check_attached()?;
            state.shape = shape;
            self.replace(&mut state, payload)
        };
        self.recycle(replaced);
        Ok(())
    }

    /// Gives the value that was there.
    fn replace(self: &Arc<Self>, state: &mut State, payload: Arc<Payload>) -> Arc<Payload> {
        self.note_changed_in(state);
        std::mem::replace(&mut state.payload, payload)
    }

    fn recycle(&self, replaced: Arc<Payload>) {
        if let Some(memory) = replaced.into_memory() {
            self.reserve().recycle(memory);
        }
    }

    /// Lets `change` work on a copy, which becomes the value when it returns.
    ///
    /// The copy is what makes a panic leave the old value and readers see whole values only. Its memory is that of an
    /// earlier value.
    pub(crate) fn update<T: Element>(
        self: &Arc<Self>,
        change: impl FnOnce(ArrayViewMut<'_, T, IxDyn>) -> Result<()>,
    ) -> Result<()> {
        let _inside = self.named(self.gate.enter())?;
        let (payload, shape, dtype) = self.snapshot()?;
        self.named(tensor::check_dtype::<T>(dtype))?;
        let mut copy = self.reserve().copy(self.named(payload.bytes())?);
        drop(payload);
        let elements = copy.elements_mut::<T>().ok_or_else(|| not_elements(dtype).of_variable(&*self.name()))?;
        change(ArrayViewMut::from_shape(shape.to_dim(), elements).expect("their number is the shape's"))?;
        let replaced = {
            let mut state = self.state_to_change(None)?;
            state.check_attached()?;
            self.replace(&mut state, Arc::new(Payload::in_memory(Arc::new(copy))))
        };
        self.recycle(replaced);
        Ok(())
    }

    /// Changes bytes in place by a function that neither fails nor panics, copying first if anybody else holds them.
    fn change_in_place(self: &Arc<Self>, state: &mut State, change: impl FnOnce(&mut Memory)) -> Result<()> {
        if state.payload.memory_mut().is_none() {
            // Its name comes from the state at hand, which is locked.
            let bytes = state.payload.bytes().map_err(|error| error.of_variable(&*state.name))?;
            let copy = self.reserve().copy(bytes);
            state.payload = Arc::new(Payload::in_memory(Arc::new(copy)));
        }
        change(state.payload.memory_mut().expect("the copy is held by nobody else"));
        self.note_changed_in(state);
        Ok(())
    }

    /// Combines each element with the one at its place in `other`; `combine` must be defined for the type.
    pub(crate) fn combine<T: Element, D: Dimension>(
        self: &Arc<Self>,
        other: &ArrayRef<T, D>,
        combine: impl Fn(T, T) -> Option<T>,
    ) -> Result<()> {
        let _inside = self.named(self.gate.enter())?;
        {
            let mut state = self.state_to_change(Some(&State::all_bytes))?;
            state.check_attached()?;
            let name = Arc::clone(&state.name);
            let dtype = state.dtype();
            tensor::check_dtype::<T>(dtype).map_err(|error| error.of_variable(&*name))?;
            if combine(T::default(), T::default()).is_none() {
                let what = format!("{dtype} can be neither added nor subtracted");
                return Err(Error::new(ErrorKind::DtypeUnsupported, what).of_variable(&*name));
            }
            let shape = Shape::of_dim(other.shape())?;
            if shape != state.shape {
                return Err(assign_shape(&name, &shape, &state.shape));
            }
            let checked = state.payload.bytes().and_then(|bytes| tensor::check_bytes(dtype, &state.shape, bytes));
            checked.map_err(|error| error.of_variable(&*name))?;
            self.change_in_place(&mut state, |memory| {
                let elements = memory.elements_mut::<T>().expect("the elements were checked above");
                // Slices, where both have one, are what a compiler makes vector instructions of.
                match other.as_slice() {
                    Some(other) => combine_all(elements, other.iter(), combine),
                    None => combine_all(elements, other.iter(), combine),
                }
            })?;
        }
        Ok(())
    }

    /// Lets `change` work on a copy of some rows, which are written back when it returns.
    pub(crate) fn update_rows<T: Element>(
        self: &Arc<Self>,
        rows: &Range<usize>,
        change: impl FnOnce(ArrayViewMut<'_, T, IxDyn>) -> Result<()>,
    ) -> Result<()> {
        let _inside = self.named(self.gate.enter())?;
        let (payload, shape, dtype) = self.snapshot()?;
        self.named(tensor::check_dtype::<T>(dtype))?;
        let (row_bytes, part) = self.named(rows_of(&shape, dtype, rows))?;
        let range = rows.start as u64 * row_bytes..rows.end as u64 * row_bytes;
        let mut copy = Memory::copy_of(self.named(payload.bytes_in(range.clone()))?);
        drop(payload);
        let elements = copy.elements_mut::<T>().ok_or_else(|| not_elements(dtype).of_variable(&*self.name()))?;
        change(ArrayViewMut::from_shape(part.to_dim(), elements).expect("their number is the shape's"))?;
        {
            let mut state = self.state_to_change(Some(&|_| vec![range.clone()]))?;
            state.check_attached()?;
            self.change_in_place(&mut state, |memory| {
                write_elements::<T>(memory, range.start, &copy);
            })?;
        }
        Ok(())
    }

    /// Writes row `i` of `values` over row `rows[i]`, for every `i` in order.
    pub(crate) fn scatter<T: Element, D: Dimension>(
        self: &Arc<Self>,
        rows: &[usize],
        values: &ArrayRef<T, D>,
    ) -> Result<()> {
        let _inside = self.named(self.gate.enter())?;
        {
            let mut state = self.state_to_change(Some(&|state| state.bytes_of_rows(rows)))?;
            state.check_attached()?;
            let (name, dtype) = (Arc::clone(&state.name), state.dtype());
            tensor::check_dtype::<T>(dtype).map_err(|error| error.of_variable(&*name))?;
            check_scatter(&state.shape, rows, values.shape()).map_err(|error| error.of_variable(&*name))?;
            let row = state.shape.sizes()[1..].iter().product::<u64>() as usize;
            let checked = state.payload.bytes().and_then(|bytes| tensor::check_bytes(dtype, &state.shape, bytes));
            checked.map_err(|error| error.of_variable(&*name))?;
            self.change_in_place(&mut state, |memory| {
                let elements = memory.elements_mut::<T>().expect("the elements were checked above");
                for (target, value) in rows.iter().flat_map(|at| at * row..(at + 1) * row).zip(values.iter()) {
                    elements[target] = *value;
                }
            })?;
        }
        Ok(())
    }
}

fn combine_all<'a, T: Element>(
    elements: &mut [T],
    others: impl Iterator<Item = &'a T>,
    combine: impl Fn(T, T) -> Option<T>,
) {
    for (element, other) in elements.iter_mut().zip(others) {
        *element = combine(*element, *other).unwrap_or(*element);
    }
}

fn not_elements(dtype: DType) -> Error {
    Error::corrupt(format!("the bytes held are not elements of {dtype}"))
}

fn assign_shape(name: &str, given: &Shape, held: &Shape) -> Error {
    let what = format!("a value of shape {given} was assigned to variable {name:?}, which holds shape {held}");
    Error::new(ErrorKind::AssignShapeMismatch, what).of_variable(name)
}

/// TensorFlow's rule for assignments, but that a declared shape is a promise and a slice keeps tiling its whole.
fn check_assign(state: &State, value: &Tensor, any_shape: bool) -> Result<()> {
    state.check_attached()?;
    let name = &*state.name;
    if value.dtype() != state.dtype() {
        let what = format!("a {} was assigned to variable {name:?}, which holds {}", value.dtype(), state.dtype());
        return Err(Error::new(ErrorKind::DtypeMismatch, what).of_variable(name));
    }
    let free = any_shape && state.is_open();
    if value.shape() == &state.shape || free {
        return Ok(());
    }
    let error = assign_shape(name, value.shape(), &state.shape);
    Err(if any_shape {
        error.advise("only a variable whose declared shape is unknown, and no slice, takes another shape")
    } else {
        error.advise("assign a value of that shape")
    })
}

/// Bytes of one row, and the shape of these rows.
fn rows_of(shape: &Shape, dtype: DType, rows: &Range<usize>) -> Result<(u64, Shape)> {
    let Some((count, inner)) = shape.sizes().split_first() else {
        return Err(Error::new(ErrorKind::IndexOutOfRange, "a scalar has no rows"));
    };
    if rows.start > rows.end || rows.end as u64 > *count {
        let what = format!("rows {}..{} lie outside the {count} rows of shape {shape}", rows.start, rows.end);
        return Err(Error::new(ErrorKind::IndexOutOfRange, what));
    }
    let elements: u64 = inner.iter().product();
    let row_bytes = dtype.bytes_of(elements).expect("an element type has a size");
    let mut sizes = vec![(rows.end - rows.start) as u64];
    sizes.extend(inner);
    Ok((row_bytes, Shape::new(sizes)?))
}

/// Checks the arguments of a scatter against the shape that is written to.
pub(crate) fn check_scatter(shape: &Shape, rows: &[usize], values: &[usize]) -> Result<()> {
    let Some((count, inner)) = shape.sizes().split_first() else {
        return Err(Error::new(ErrorKind::IndexOutOfRange, "a scalar has no rows"));
    };
    if let Some(row) = rows.iter().find(|row| **row as u64 >= *count) {
        let what = format!("row {row} lies outside the {count} rows of shape {shape}");
        return Err(Error::new(ErrorKind::IndexOutOfRange, what));
    }
    let fits = values.len() == shape.rank()
        && values[0] == rows.len()
        && values[1..].iter().zip(inner).all(|(given, held)| *given as u64 == *held);
    if fits {
        return Ok(());
    }
    let what = format!("values of shape {values:?} were given for {} rows of shape {shape}", rows.len());
    Err(Error::new(ErrorKind::AssignShapeMismatch, what).advise("give one row of values for each row"))
}

/// Writes the elements of `part` into `memory` from byte `start` on.
fn write_elements<T: Element>(memory: &mut Memory, start: u64, part: &Memory) {
    let start = start as usize / size_of::<T>();
    let part = part.elements::<T>().expect("the part was handed out as elements");
    if let Some(elements) = memory.elements_mut::<T>() {
        elements[start..start + part.len()].copy_from_slice(part);
    }
}
