//! Carrying out a get: the rules decide, this reserves, initializes and hands out.

use std::cell::{Cell, RefCell};
use std::panic::Location;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::format::{SlicePlace, Statics};
use crate::limits::CHUNK_BYTES_DEFAULT;
use crate::name::slice_of;
use crate::scope::decide::{DefaultInitializer, Plan, SliceStep, VariableFacts, WholeFacts, WholePlan};
use crate::scope::initializer::{self, Initializer, Place};
use crate::scope::{
    CallArguments, Decision, Existing, GetterChain, Regularizer, Reuse, ScopeSettings, VariableRequest, decide,
};
use crate::shard::Payload;
use crate::store::reslice;
use crate::store::state::{StoreState, TableGuard};
use crate::store::table::{Found, Named, Slot, Table};
use crate::store::transaction::{Transaction, TransactionId, Undo, check_wait, cycle, undo};
use crate::tensor::Tensor;
use crate::variable::{Claim, NO_COMMIT, Object, Single, State, Variable, Whole, WholeState, detached};

/// What a get came to.
#[derive(Clone, Debug)]
pub(crate) struct Got {
    pub(crate) variable: Variable,
    /// Whether any storage was made.
    pub(crate) is_new: bool,
}

/// Where in the program a get was called.
type Caller = &'static Location<'static>;

impl StoreState {
    /// Gets what the arguments ask for in a scope of these settings.
    pub(crate) fn get(
        &self,
        settings: &ScopeSettings<Variable>,
        arguments: CallArguments,
        getter: Option<&GetterChain<Variable>>,
        caller: Caller,
    ) -> Result<Got> {
        let request = arguments.resolve(settings)?;
        let getters = getter.unwrap_or(&settings.getters);
        if getters.is_empty()
            && let Some(variable) = self.reuse_live(&request)
        {
            return Ok(Got { variable, is_new: false });
        }
        let transaction = Transaction::begin(self);
        let is_new = Cell::new(false);
        let got = getters.run(request, &mut |request| {
            let got = self.true_get(request, transaction.id(), caller)?;
            is_new.set(is_new.get() | got.is_new);
            Ok(got.variable)
        });
        let variable = got?;
        transaction.keep();
        Ok(Got { variable, is_new: is_new.get() })
    }

    /// The end of every chain of getters. What it did is taken back if it fails.
    fn true_get(&self, mut request: VariableRequest, transaction: TransactionId, caller: Caller) -> Result<Got> {
        let table = self.table();
        let start = table.log_len(transaction);
        let mut step = Step { store: self, transaction, start, caller, kept: false };
        let got = step.run(table, &mut request)?;
        step.kept = true;
        Ok(got)
    }

    /// The variable that the request comes to, if that can be told by reading alone: if it reuses one that is live and
    /// nothing has to be noted of that. Most gets are such, and none of them is in another's way.
    fn reuse_live(&self, request: &VariableRequest) -> Option<Variable> {
        if matches!(request.reuse, Some(Reuse::Refuse | Reuse::Resume)) {
            return None;
        }
        let table = self.table_to_read();
        let (Named::Object(object), has_no_first_slice) = table.slots.live(&request.name)? else { return None };
        let live = Live { name: &request.name, object, has_no_first_slice, is_unsure: Cell::new(false) };
        let decision = decide(request, &live, None);
        let is_reused = matches!(decision, Ok(Decision::ReuseVariable(_) | Decision::ReuseWhole(_)));
        (is_reused && !live.is_unsure.get() && is_claimed(object, request)).then(|| object.clone().into())
    }
}

/// One run of the true getter. Unless it is kept, dropping it takes back what it did: also after a panic that a getter
/// catches.
struct Step<'s> {
    store: &'s StoreState,
    transaction: TransactionId,
    start: usize,
    caller: Caller,
    kept: bool,
}

impl Drop for Step<'_> {
    fn drop(&mut self) {
        if !self.kept {
            undo(self.store, self.transaction, self.start);
        }
    }
}

impl<'s> Step<'s> {
    fn run(&self, mut table: TableGuard<'s>, request: &mut VariableRequest) -> Result<Got> {
        self.resolve_alias(&mut table, request)?;
        let mut answer = None;
        loop {
            let decision;
            (decision, table) = self.decided(table, request, |existing| decide(request, existing, answer.clone()))?;
            return match decision {
                Decision::AskPartitioner { shape, dtype } => {
                    drop(table);
                    answer = Some(request.ask_partitioner(shape, dtype)?);
                    table = self.store.table();
                    continue;
                }
                Decision::ReuseVariable(name) | Decision::ReuseWhole(name) => {
                    let object = table.own_or_live(name, self.transaction)?;
                    table.look_for_first_slice(name)?;
                    self.claim(&mut table, &object, request);
                    Ok(Got { variable: object.into(), is_new: false })
                }
                Decision::CreateVariable(plan) => {
                    let name = self.reserve(&mut table, &plan.name)?;
                    // The rules have just asked for it.
                    table.slots.note_no_first_slice(&name);
                    drop(table);
                    let single = self.create(&name, &plan)?;
                    Ok(Got { variable: Object::Single(single).into(), is_new: true })
                }
                Decision::CreateWhole(plan) => {
                    self.reserve(&mut table, plan.name)?;
                    drop(table);
                    self.create_whole(&plan)
                }
                Decision::Reslice(reslice) => {
                    let object = table.own_or_live(reslice.name, self.transaction)?;
                    drop(table);
                    let object = reslice::reslice(self.store, self.transaction, &object, &reslice)?;
                    self.claim(&mut self.store.table(), &object, request);
                    Ok(Got { variable: object.into(), is_new: false })
                }
            };
        }
    }

    /// Decides with the table locked, and returns with it locked; waits for other transactions where they are met.
    fn decided<D>(
        &self,
        mut table: TableGuard<'s>,
        request: &VariableRequest,
        decide: impl Fn(&dyn Existing) -> Result<D>,
    ) -> Result<(D, TableGuard<'s>)> {
        loop {
            let existing =
                InTable { table: RefCell::new(&mut table), transaction: self.transaction, met: Cell::default() };
            let decision = decide(&existing);
            match existing.met.take() {
                None => return decision.map(|decision| (decision, table)),
                Some(Met::Own) => return Err(cycle(&request.name)),
                Some(Met::Foreign(owner)) => {
                    check_wait(&mut table, self.transaction, owner, &request.name)?;
                    table = self.store.wait_settled(table);
                    table.waits.remove(&self.transaction);
                }
            }
        }
    }

    /// An alias is resolved before anything else: from here on its target is asked for.
    fn resolve_alias(&self, table: &mut Table, request: &mut VariableRequest) -> Result<()> {
        let found = table.find(&request.name, Some(self.transaction))?;
        if let Found::Live(Named::Alias { target, .. }) | Found::Own(Named::Alias { target, .. }) = found {
            request.name = target;
        }
        Ok(())
    }

    /// Notes that this process has got a variable by name, and binds a recorded regularizer whose function is given.
    fn claim(&self, table: &mut Table, object: &Object, request: &VariableRequest) {
        if is_claimed(object, request) {
            return;
        }
        if object.with_claim(Claim::begin) {
            table.note(self.transaction, Undo::Claimed(object.clone()));
        }
        let Some(given) = &request.regularizer else { return };
        for single in object.singles() {
            let mut state = single.state_mut();
            if state.regularizer.as_ref().is_some_and(|unbound| given.binds(unbound)) {
                let before = state.regularizer.replace(given.clone());
                drop(state);
                table.note(self.transaction, Undo::Bound(single, before));
            }
        }
    }

    fn reserve(&self, table: &mut Table, name: &str) -> Result<Arc<str>> {
        // The rules know no aliases: the name asked for was resolved, but that of a slice may be one.
        if let Some(Slot::Live(Named::Alias { target, .. })) = table.slots.get(name) {
            let what = format!("a slice cannot be named {name:?}, which is an alias of {target:?}");
            return Err(Error::new(ErrorKind::NameTaken, what).of_variable(name).advise("remove or rename the alias"));
        }
        let name: Arc<str> = name.into();
        table.slots.insert(Arc::clone(&name), Slot::Reserved { owner: self.transaction, named: None });
        table.note(self.transaction, Undo::Reserved(Arc::clone(&name)));
        Ok(name)
    }

    /// Puts what was made under its name, which is reserved.
    fn fill(table: &mut Table, name: &str, made: Object) {
        if let Some(Slot::Reserved { named, .. }) = table.slots.get_mut(name) {
            *named = Some(Named::Object(made));
        }
    }

    /// Makes a variable whose name is reserved.
    fn create(&self, name: &Arc<str>, plan: &Plan<'_>) -> Result<Arc<Single>> {
        let value = plan.initial_value(self.store.seed, default_value)?;
        let has_loss = plan.adds_loss(&value)?;
        let mut table = self.store.table();
        let request = plan.request;
        let regularizer = request.regularizer.clone().filter(|_| has_loss);
        let shape = value.shape().clone();
        let tile = plan.slice.and_then(|slice| plan.region().map(|region| (slice, region.offset.clone())));
        let statics = Statics {
            ordinal: table.take_ordinal(),
            dtype: value.dtype(),
            declared: plan.declared(&shape),
            trainable: request.trainable,
            collections: plan.collections.clone(),
            regularizer: regularizer.as_ref().map(Regularizer::record),
            caching_device: request.caching_device.clone(),
            validate_shape: request.validate_shape,
            use_resource: request.use_resource,
            first_commit: NO_COMMIT,
            slice: tile.map(|(slice, offset)| SlicePlace {
                whole: slice.whole.to_owned(),
                ordinal: slice.ordinal as u32,
                offset,
            }),
            chunk_bytes: request.chunk_bytes.unwrap_or(CHUNK_BYTES_DEFAULT),
        };
        let state = State {
            name: Arc::clone(name),
            attached: true,
            statics: Arc::new(statics),
            shape,
            payload: Arc::new(Payload::in_memory(value.into_memory())),
            base: None,
            regularizer,
            constraint: request.constraint.clone(),
            claim: Claim::KEPT,
            in_whole: plan.slice.is_some(),
        };
        let single = Single::new(Arc::clone(&self.store.shared), state, Some(self.caller));
        Self::fill(&mut table, name, Object::Single(Arc::clone(&single)));
        Ok(single)
    }

    /// Makes a partitioned variable whose name is reserved, slice by slice.
    fn create_whole(&self, plan: &WholePlan<'_>) -> Result<Got> {
        let mut slices = Vec::new();
        let mut is_new = false;
        for k in 0..plan.slices() {
            let table = self.store.table();
            let (step, mut table) = self.decided(table, plan.request, |existing| plan.slice(k, existing))?;
            let single = match step {
                SliceStep::Adopt(name) => {
                    let Object::Single(single) = table.own_or_live(&name, self.transaction)? else {
                        return Err(cycle(&name));
                    };
                    single
                }
                SliceStep::Create(slice) => {
                    let name = self.reserve(&mut table, &slice.name)?;
                    drop(table);
                    is_new = true;
                    self.create(&name, &slice)?
                }
            };
            let tile = plan.tile(k).expect("a slice that was decided about has a place");
            slices.push((tile.offset, single));
        }
        let mut table = self.store.table();
        // What was adopted may have been removed or renamed by somebody else meanwhile.
        let is_there = |k: usize, slice: &Single| {
            let state = slice.state();
            state.attached && *state.name == *slice_of(plan.name, k)
        };
        if let Some((k, _)) = slices.iter().enumerate().find(|(k, (_, slice))| !is_there(*k, slice)) {
            return Err(detached(&slice_of(plan.name, k)));
        }
        let whole = Whole::new(WholeState {
            name: plan.name.into(),
            attached: true,
            ordinal: table.take_ordinal(),
            dtype: plan.dtype,
            shape: plan.shape().clone(),
            counts: plan.counts.clone(),
            slices,
            claim: Claim::KEPT,
        });
        whole.set_owning(true);
        let object = Object::Whole(whole);
        Self::fill(&mut table, plan.name, object.clone());
        Ok(Got { variable: object.into(), is_new })
    }
}

/// Whether a get has nothing to note of a variable that it reuses.
fn is_claimed(object: &Object, request: &VariableRequest) -> bool {
    let binds = |given: &Regularizer| {
        let is_unbound = |single: &Single| single.state().regularizer.as_ref().is_some_and(|held| given.binds(held));
        match object {
            Object::Single(single) => is_unbound(single),
            Object::Whole(whole) => whole.state().slices.iter().any(|(_, slice)| is_unbound(slice)),
        }
    };
    object.claim().is_kept() && !request.regularizer.as_ref().is_some_and(binds)
}

/// The default initializer's value.
fn default_value(default: DefaultInitializer, place: &Place<'_>) -> Result<Tensor> {
    let initializer: Initializer = match default {
        DefaultInitializer::GlorotUniform => initializer::glorot_uniform().into(),
        DefaultInitializer::Zeros => initializer::zeros(),
    };
    initializer.initialize(place)
}

/// What a decision met that it has to wait for, or can never have.
#[derive(Clone, Copy, Debug)]
enum Met {
    Foreign(TransactionId),
    Own,
}

/// The table as the rules see it.
struct InTable<'t> {
    table: RefCell<&'t mut Table>,
    transaction: TransactionId,
    met: Cell<Option<Met>>,
}

impl InTable<'_> {
    fn object(&self, name: &str) -> Result<Option<Object>> {
        let met = match self.table.borrow_mut().find(name, Some(self.transaction))? {
            Found::Live(Named::Object(object)) | Found::Own(Named::Object(object)) => return Ok(Some(object)),
            Found::Nothing | Found::Live(Named::Alias { .. }) | Found::Own(Named::Alias { .. }) => return Ok(None),
            Found::OwnUnfinished => Met::Own,
            Found::Foreign(owner) => Met::Foreign(owner),
        };
        self.met.set(self.met.get().or(Some(met)));
        Ok(None)
    }
}

impl Existing for InTable<'_> {
    fn variable(&self, full_name: &str) -> Result<Option<VariableFacts>> {
        Ok(self.object(full_name)?.as_ref().and_then(variable_facts))
    }

    fn whole(&self, full_name: &str) -> Result<Option<WholeFacts>> {
        Ok(self.object(full_name)?.as_ref().and_then(whole_facts))
    }

    fn first_created(&self, full_name: &str) -> Option<String> {
        self.object(full_name).ok().flatten().map(|object| object.first().origin())
    }
}

fn variable_facts(object: &Object) -> Option<VariableFacts> {
    let Object::Single(single) = object else { return None };
    let state = single.state();
    Some(VariableFacts {
        declared: state.statics.declared.clone(),
        held: state.shape.clone(),
        dtype: state.dtype(),
        claimed: state.claim.is_held(),
    })
}

fn whole_facts(object: &Object) -> Option<WholeFacts> {
    let Object::Whole(whole) = object else { return None };
    let state = whole.state();
    let claimed = state.claim.is_held() || state.slices.iter().any(|(_, slice)| slice.state().claim.is_held());
    Some(WholeFacts { shape: state.shape.clone(), dtype: state.dtype, counts: state.counts.clone(), claimed })
}

/// One live variable as the rules see it. What they ask of others is not known here, and the decision then worth
/// nothing.
struct Live<'t> {
    name: &'t str,
    object: &'t Object,
    has_no_first_slice: bool,
    is_unsure: Cell<bool>,
}

impl Live<'_> {
    fn object(&self, full_name: &str) -> Option<&Object> {
        let is_known = full_name == self.name;
        self.is_unsure.set(self.is_unsure.get() || !is_known);
        is_known.then_some(self.object)
    }
}

impl Existing for Live<'_> {
    fn variable(&self, full_name: &str) -> Result<Option<VariableFacts>> {
        Ok(self.object(full_name).and_then(variable_facts))
    }

    fn whole(&self, full_name: &str) -> Result<Option<WholeFacts>> {
        Ok(self.object(full_name).and_then(whole_facts))
    }

    fn has_first_slice(&self, full_name: &str) -> Result<bool> {
        let is_known = full_name == self.name && self.has_no_first_slice;
        self.is_unsure.set(self.is_unsure.get() || !is_known);
        Ok(false)
    }

    fn first_created(&self, _: &str) -> Option<String> {
        None
    }
}

impl Table {
    /// The object of a name that a decision has found.
    fn own_or_live(&mut self, name: &str, transaction: TransactionId) -> Result<Object> {
        match self.find(name, Some(transaction))? {
            Found::Live(Named::Object(object)) | Found::Own(Named::Object(object)) => Ok(object),
            _ => Err(cycle(name)),
        }
    }
}
