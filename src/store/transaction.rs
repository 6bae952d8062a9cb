//! Get-or-create as a transaction: an outermost get and everything its closures get inside it.
//!
//! No lock is held while a closure runs. A name being created is reserved by the transaction of the outermost get:
//! visible to it, awaited by others. If a get fails, all it reserved vanishes; when the outermost one succeeds, all of
//! it becomes visible at once. Everything that a get does is noted in its transaction's log, in the table.

use std::cell::RefCell;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::format::{SlicePlace, Statics};
use crate::scope::Regularizer;
use crate::store::state::StoreState;
use crate::store::table::{Named, Slot, Table};
use crate::sync::atomic::Ordering;
use crate::sync::process::AtomicU64;
use crate::sync::thread_local;
use crate::variable::{Object, Single, WholeState};

thread_local! {
    /// The transactions this thread is in: at most one for each store.
    static CURRENT: RefCell<Vec<(usize, TransactionId)>> = const { RefCell::new(Vec::new()) };
}

/// One outermost get and everything it creates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TransactionId(u64);

impl TransactionId {
    fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// What a get has to take back if it fails.
#[derive(Debug)]
pub(crate) enum Undo {
    /// A name was reserved.
    Reserved(Arc<str>),
    /// A variable, or a slice of one, made room for another cut.
    Replaced { name: String, object: Object },
    /// A variable was claimed.
    Claimed(Object),
    /// A recorded regularizer was bound to its function.
    Bound(Arc<Single>, Option<Regularizer>),
}

/// One get, outermost or nested. Dropping it without [`Transaction::keep`] takes back all it did, so a panic in a
/// closure leaves nothing either.
#[derive(Debug)]
pub(crate) struct Transaction<'s> {
    store: &'s StoreState,
    id: TransactionId,
    is_outermost: bool,
    /// How long the log was when this get began.
    start: usize,
    kept: bool,
}

fn key_of(store: &StoreState) -> usize {
    std::ptr::from_ref(store).addr()
}

/// The transaction this thread is in for a store, if it is in one.
pub(crate) fn current(store: &StoreState) -> Option<TransactionId> {
    let key = key_of(store);
    CURRENT.with(|current| current.borrow().iter().find(|(store, _)| *store == key).map(|(_, id)| *id))
}

impl<'s> Transaction<'s> {
    pub(crate) fn begin(store: &'s StoreState) -> Self {
        let around = current(store);
        let id = around.unwrap_or_else(TransactionId::next);
        if around.is_none() {
            CURRENT.with(|current| current.borrow_mut().push((key_of(store), id)));
        }
        // An outermost one has done nothing yet.
        let start = around.map_or(0, |id| store.table_to_read().log_len(id));
        Self { store, id, is_outermost: around.is_none(), start, kept: false }
    }

    pub(crate) fn id(&self) -> TransactionId {
        self.id
    }

    /// Ends a get that succeeded. What it did belongs to the get around it, or becomes visible to all.
    pub(crate) fn keep(mut self) {
        self.kept = true;
        if !self.is_outermost {
            return;
        }
        let mut table = self.store.table();
        for undo in table.log_after(self.id, 0) {
            match undo {
                Undo::Reserved(name) => make_live(&mut table, &name),
                // Unless another slice took its place.
                Undo::Replaced { name, .. } => {
                    if let Some(Slot::Leaving { .. }) = table.slots.get(&name) {
                        table.remove(&name);
                    }
                }
                Undo::Claimed(object) => object.with_claim(|claim| claim.end(true)),
                Undo::Bound(..) => {}
            }
        }
        self.store.settle(table);
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if !self.kept {
            undo(self.store, self.id, self.start);
        }
        if self.is_outermost {
            let key = key_of(self.store);
            CURRENT.with(|current| current.borrow_mut().retain(|(store, _)| *store != key));
        }
    }
}

/// Takes back what a transaction did since its log had this length.
pub(crate) fn undo(store: &StoreState, transaction: TransactionId, len: usize) {
    let mut table = store.table();
    for undo in table.log_after(transaction, len).into_iter().rev() {
        match undo {
            Undo::Reserved(name) => {
                if let Some(Slot::Reserved { named: Some(named), .. }) = table.slots.remove(&name) {
                    // What it adopted is its own again.
                    if let Named::Object(Object::Whole(whole)) = &named {
                        whole.set_owning(false);
                    }
                    detach(&named);
                }
            }
            Undo::Replaced { name, object } => {
                object.set_attached(true);
                table.slots.insert(name, Slot::Live(Named::Object(object)));
            }
            Undo::Claimed(object) => object.with_claim(|claim| claim.end(false)),
            Undo::Bound(single, before) => single.state_mut().regularizer = before,
        }
    }
    store.settle(table);
}

fn make_live(table: &mut Table, name: &Arc<str>) {
    let Some(slot) = table.slots.get_mut(name) else { return };
    let Slot::Reserved { named: Some(named), .. } = slot else { return };
    let named = named.clone();
    *slot = Slot::Live(named.clone());
    match named {
        Named::Object(Object::Single(single)) => single.note_changed(),
        Named::Object(Object::Whole(whole)) => {
            let WholeState { slices, .. } = whole.state().clone();
            // A commit that does not hold the whole holds its slices as variables of their own.
            let is_durable = whole.state().is_durable();
            for (k, (offset, slice)) in slices.into_iter().enumerate() {
                let place = is_durable.then(|| SlicePlace { whole: name.to_string(), ordinal: k as u32, offset });
                let mut state = slice.state_mut();
                if state.statics.slice == place {
                    continue;
                }
                // One that was adopted: from now on it is a slice of this variable.
                state.statics = Arc::new(Statics { slice: place, ..(*state.statics).clone() });
                drop(state);
                slice.note_changed();
            }
            table.changed_names.push(name.to_string());
        }
        Named::Alias { .. } => table.changed_names.push(name.to_string()),
    }
}

/// Marks what left the store, so that handles of it say so.
pub(crate) fn detach(named: &Named) {
    if let Named::Object(object) = named {
        object.set_attached(false);
    }
}

/// Checks that waiting for `owner` would not close a circle, and notes that this transaction waits for it.
pub(crate) fn check_wait(table: &mut Table, me: TransactionId, owner: TransactionId, name: &str) -> Result<()> {
    let mut next = Some(owner);
    while let Some(transaction) = next {
        if transaction == me {
            return Err(cycle(name));
        }
        next = table.waits.get(&transaction).copied();
    }
    table.waits.insert(me, owner);
    Ok(())
}

/// The error of a creation that waits for itself.
pub(crate) fn cycle(name: &str) -> Error {
    let what =
        format!("creating variable {name:?} waits for itself: an initializer or getter asks for what waits for it");
    Error::new(ErrorKind::CreationCycle, what)
        .of_variable(name)
        .advise("create the variables that an initializer needs before the one it initializes")
}
