//! The live table: what this process has of each name, over what the base commit holds.

use std::collections::HashMap;
use std::sync::Arc;

use crate::checkpoint::View;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::format::{Body, Entry, VariableRecord, WholeRecord};
use crate::name;
use crate::scope::{Regularizer, Tiles};
use crate::shape::Shape;
use crate::store::transaction::{TransactionId, Undo};
use crate::variable::{Claim, Object, Shared, Single, State, Whole, WholeState};

pub(crate) use crate::store::slots::{Named, Slot, Slots};

/// What is found under a name.
#[derive(Clone, Debug)]
pub(crate) enum Found {
    Nothing,
    Live(Named),
    /// Made by the transaction itself, which is not over.
    Own(Named),
    /// Being made by the transaction itself further out: asking for it is asking in a circle.
    OwnUnfinished,
    /// Being made by another transaction.
    Foreign(TransactionId),
}

/// The live variables of an open store.
///
/// A name is looked up here first; what is not here is what the base commit holds, unless it was removed since, and
/// becomes live when it is first looked at.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) shared: Arc<Shared>,
    pub(crate) slots: Slots,
    /// Names of the base commit that were removed since, each with when that was.
    pub(crate) removed: HashMap<String, u64>,
    /// Partitioned variables and aliases made since the last snapshot.
    pub(crate) changed_names: Vec<String>,
    /// Whether all aliases of the base are live.
    pub(crate) aliases_are_live: bool,
    pub(crate) base: Arc<View>,
    /// Counts how often the base was replaced by another state than the one just published.
    pub(crate) resets: u64,
    /// Counts the saves that failed after they had begun to write.
    pub(crate) failures: u64,
    /// How many saves have taken their snapshot and have not been taken up yet.
    pub(crate) saves_queued: usize,
    pub(crate) next_ordinal: u64,
    /// Which transaction waits for which.
    pub(crate) waits: HashMap<TransactionId, TransactionId>,
    /// What each transaction in progress would have to take back, in order.
    logs: HashMap<TransactionId, Vec<Undo>>,
    /// Counts removals, so that those after a snapshot can be told from those before.
    pub(crate) removals: u64,
}

impl Table {
    /// `next_ordinal` is that of the newest commit, which need not be the base.
    pub(crate) fn new(shared: Arc<Shared>, base: Arc<View>, next_ordinal: u64) -> Self {
        let next_ordinal = base.commit().map_or(0, |commit| commit.next_ordinal).max(next_ordinal);
        Self {
            shared,
            slots: Slots::default(),
            removed: HashMap::new(),
            changed_names: Vec::new(),
            aliases_are_live: false,
            base,
            resets: 0,
            failures: 0,
            saves_queued: 0,
            next_ordinal,
            waits: HashMap::new(),
            logs: HashMap::new(),
            removals: 0,
        }
    }

    /// Makes another state than the one just published the base. Gives the one that was.
    pub(crate) fn replace_base(&mut self, view: &Arc<View>) -> Arc<View> {
        let replaced = std::mem::replace(&mut self.base, Arc::clone(view));
        self.resets += 1;
        self.next_ordinal = self.next_ordinal.max(view.commit().map_or(0, |commit| commit.next_ordinal));
        // What was known of the other one.
        self.slots.forget_base();
        self.aliases_are_live = false;
        replaced
    }

    pub(crate) fn take_ordinal(&mut self) -> u64 {
        self.next_ordinal += 1;
        self.next_ordinal - 1
    }

    pub(crate) fn log_len(&self, transaction: TransactionId) -> usize {
        self.logs.get(&transaction).map_or(0, Vec::len)
    }

    pub(crate) fn note(&mut self, transaction: TransactionId, undo: Undo) {
        self.logs.entry(transaction).or_default().push(undo);
    }

    /// Takes what was noted behind the first `len` entries of a log.
    pub(crate) fn log_after(&mut self, transaction: TransactionId, len: usize) -> Vec<Undo> {
        let Some(log) = self.logs.get_mut(&transaction) else { return Vec::new() };
        let after = log.split_off(len.min(log.len()));
        if log.is_empty() {
            self.logs.remove(&transaction);
        }
        after
    }

    /// What this transaction, or somebody outside of any, finds under a name.
    pub(crate) fn find(&mut self, full_name: &str, transaction: Option<TransactionId>) -> Result<Found> {
        match self.slots.get(full_name) {
            Some(Slot::Live(named)) => return Ok(Found::Live(named.clone())),
            Some(Slot::Reserved { owner, named }) => {
                return Ok(match named {
                    _ if Some(*owner) != transaction => Found::Foreign(*owner),
                    Some(named) => Found::Own(named.clone()),
                    None => Found::OwnUnfinished,
                });
            }
            Some(Slot::Leaving { owner }) if Some(*owner) == transaction => return Ok(Found::Nothing),
            Some(Slot::Leaving { owner }) => return Ok(Found::Foreign(*owner)),
            None => {}
        }
        if self.removed.contains_key(full_name) {
            return Ok(Found::Nothing);
        }
        match self.base.lookup(full_name)? {
            Some(entry) => self.enliven(entry).map(Found::Live),
            None => Ok(Found::Nothing),
        }
    }

    /// The variable of a name, through an alias if it is one, if it is live.
    pub(crate) fn live_object(&self, full_name: &str) -> Option<&Object> {
        match self.slots.live(full_name)?.0 {
            Named::Object(object) => Some(object),
            Named::Alias { target, .. } => match self.slots.live(target)?.0 {
                Named::Object(object) => Some(object),
                Named::Alias { .. } => None,
            },
        }
    }

    /// Looks whether anything has the name of the first slice of a live variable, and remembers if nothing has: those
    /// who only read find that out no other way.
    pub(crate) fn look_for_first_slice(&mut self, full_name: &str) -> Result<()> {
        if let Some((_, false)) = self.slots.live(full_name) {
            let slice = name::slice_of(full_name, 0);
            if !self.slots.contains_key(&slice)
                && (self.removed.contains_key(&slice) || self.base.lookup(&slice)?.is_none())
            {
                self.slots.note_no_first_slice(full_name);
            }
        }
        Ok(())
    }

    /// The variable of a name as a transaction sees it, which sees what it has made itself.
    pub(crate) fn find_visible(&mut self, full_name: &str, current: Option<TransactionId>) -> Result<Option<Object>> {
        match self.find(full_name, current)? {
            Found::Own(Named::Object(object)) => Ok(Some(object)),
            _ => self.find_object(full_name),
        }
    }

    /// What is live under a name, leaving out what is still being made.
    pub(crate) fn find_live(&mut self, full_name: &str) -> Result<Option<Named>> {
        Ok(match self.find(full_name, None)? {
            Found::Live(named) => Some(named),
            _ => None,
        })
    }

    /// The variable of a name, through an alias if it is one.
    pub(crate) fn find_object(&mut self, full_name: &str) -> Result<Option<Object>> {
        match self.find_live(full_name)? {
            Some(Named::Object(object)) => Ok(Some(object)),
            Some(Named::Alias { target, .. }) => match self.find_live(&target)? {
                Some(Named::Object(object)) => Ok(Some(object)),
                _ => Err(Error::corrupt(format!("alias {full_name:?} stands for {target:?}, which is no variable"))
                    .of_variable(full_name)),
            },
            None => Ok(None),
        }
    }

    /// Makes an entry of the base commit live.
    fn enliven(&mut self, entry: Entry) -> Result<Named> {
        let name = entry.name;
        let named = match entry.body {
            Body::Variable(record) => {
                let single = self.single_of(&Arc::clone(&self.base), &name, record);
                Named::Object(Object::Single(single.map_err(|error| error.of_variable(&name))?))
            }
            Body::Whole(record) => {
                let state = whole_state(&name, &record, |slice| {
                    let Some(single) = self.find_slice(slice)? else { return Ok(None) };
                    let (shape, dtype) = (single.state().shape.clone(), single.state().dtype());
                    Ok(Some((single, shape, dtype)))
                });
                let whole = Whole::new(state.map_err(|error| error.of_variable(&name))?);
                whole.set_owning(true);
                Named::Object(Object::Whole(whole))
            }
            Body::Alias(record) => Named::Alias { target: record.target, ordinal: record.ordinal },
            Body::Removed | Body::Patch(_) => {
                return Err(Error::corrupt(format!("the entry of {name:?} is no variable")).of_variable(name));
            }
        };
        self.slots.insert(name, Slot::Live(named.clone()));
        Ok(named)
    }

    /// The variable in one piece of a name. A partitioned one is not even made live: a damaged one may list itself.
    fn find_slice(&mut self, full_name: &str) -> Result<Option<Arc<Single>>> {
        if !self.slots.contains_key(full_name)
            && !matches!(self.base.lookup(full_name)?.map(|entry| entry.body), Some(Body::Variable(_)))
        {
            return Ok(None);
        }
        Ok(match self.find_live(full_name)? {
            Some(Named::Object(Object::Single(single))) => Some(single),
            _ => None,
        })
    }

    /// A variable as a view has it.
    pub(crate) fn single_of(&self, view: &View, name: &str, record: VariableRecord) -> Result<Arc<Single>> {
        Ok(Single::new(Arc::clone(&self.shared), state_of(view, name, record)?, None))
    }

    /// Takes a name out: it is gone from the next commit on.
    pub(crate) fn remove(&mut self, full_name: &str) {
        self.slots.remove(full_name);
        self.removals += 1;
        self.removed.insert(full_name.to_owned(), self.removals);
    }

    /// What has left only for a transaction that is not over, by name: for all others it is still there.
    pub(crate) fn leaving(&self) -> impl Iterator<Item = (&str, &Object)> {
        self.logs.values().flatten().filter_map(|undo| match undo {
            Undo::Replaced { name, object } => Some((name.as_str(), object)),
            _ => None,
        })
    }

    /// The partitioned variable that a slice belongs to, if one does.
    pub(crate) fn whole_around(&mut self, full_name: &str) -> Result<Option<Arc<Whole>>> {
        let Some((around, _)) = full_name.rsplit_once(name::SEPARATOR) else { return Ok(None) };
        // One that is being made counts: what it adopts stays.
        let whole = match self.slots.get(around) {
            Some(Slot::Reserved { named, .. }) => named.clone(),
            _ => self.find_live(around)?,
        };
        let Some(Named::Object(Object::Whole(whole))) = whole else { return Ok(None) };
        let owns = whole.state().slices.iter().any(|(_, slice)| &*slice.name() == full_name);
        Ok(owns.then_some(whole))
    }
}

/// The state that a record describes.
pub(crate) fn state_of(view: &View, name: &str, record: VariableRecord) -> Result<State> {
    let stored = view.stored(record.content)?;
    let payload = view.payload(Arc::clone(&stored));
    payload.mark_durable(Arc::clone(&stored));
    Ok(State {
        name: name.into(),
        attached: true,
        regularizer: record.statics.regularizer.as_ref().map(Regularizer::from_record).transpose()?,
        // A commit that says so holds the whole as well.
        in_whole: record.statics.slice.is_some(),
        statics: Arc::new(record.statics),
        shape: record.shape,
        payload: Arc::new(payload),
        base: Some(stored),
        constraint: None,
        claim: Claim::default(),
    })
}

/// The state that a record of a partitioned variable describes; `find` knows the variable of a slice's name, with the
/// shape and dtype it has, or will have.
pub(crate) fn whole_state(
    name: &str,
    record: &WholeRecord,
    mut find: impl FnMut(&str) -> Result<Option<(Arc<Single>, Shape, DType)>>,
) -> Result<WholeState> {
    let tiles = Tiles::new(record.shape.clone(), &record.counts)
        .map_err(|error| Error::corrupt("a partitioned variable does not tile").caused_by(error))?;
    let mut slices = Vec::with_capacity(record.slices.len());
    for (slice, tile) in record.slices.iter().zip(tiles.iter()) {
        let Some((single, shape, dtype)) = find(slice)? else {
            return Err(Error::corrupt(format!("slice {slice:?} of {name:?} is missing")));
        };
        if shape != tile.shape || dtype != record.dtype {
            let what = format!("slice {slice:?} of {name:?} is a {dtype} of shape {shape}, not {}", tile.shape);
            return Err(Error::corrupt(what));
        }
        slices.push((tile.offset, single));
    }
    if slices.len() != record.slices.len() || slices.is_empty() {
        return Err(Error::corrupt(format!("{name:?} lists {} slices, which do not tile", record.slices.len())));
    }
    Ok(WholeState {
        name: name.into(),
        attached: true,
        ordinal: record.ordinal,
        dtype: record.dtype,
        shape: record.shape.clone(),
        counts: record.counts.clone(),
        slices,
        claim: Claim::default(),
    })
}
