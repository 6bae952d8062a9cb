//! Cutting a variable of an earlier session otherwise, when a resumed get asks for that.

use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::format::{SlicePlace, Statics};
use crate::name;
use crate::scope::Tiles;
use crate::scope::decide::{Cut, Reslice};
use crate::shape::PartialShape;
use crate::shard::Payload;
use crate::store::state::StoreState;
use crate::store::table::{Named, Slot, Table};
use crate::store::transaction::{TransactionId, Undo};
use crate::tensor::Tensor;
use crate::variable::{Claim, Object, Single, State, Whole, WholeState};

/// Replaces `object` by the same values in other slices, as part of a transaction.
///
/// Trainable flag, collections and regularizer are those of the first slice.
pub(crate) fn reslice(
    store: &StoreState,
    transaction: TransactionId,
    object: &Object,
    reslice: &Reslice<'_>,
) -> Result<Object> {
    // From here on others wait for the names, and handles of the old cut take no values that would be lost.
    let mut table = store.table();
    if let Object::Whole(_) = object {
        refuse_aliased(&mut table, object)?;
    }
    for single in object.singles() {
        take_out(&mut table, transaction, &single.name(), Object::Single(Arc::clone(&single)));
    }
    if let Object::Whole(_) = object {
        take_out(&mut table, transaction, reslice.name, object.clone());
    }
    drop(table);
    let value = value_of(object).map_err(|error| error.of_variable(reslice.name))?;
    let first = object.first();
    let template = first.state().clone();
    let mut table = store.table();
    let make = |table: &mut Table, name: &str, value: Tensor, place: Option<SlicePlace>| {
        let in_whole = place.is_some();
        let statics = Statics {
            ordinal: table.take_ordinal(),
            declared: PartialShape::from(value.shape()),
            slice: place,
            ..(*template.statics).clone()
        };
        let state = State {
            name: name.into(),
            attached: true,
            statics: Arc::new(statics),
            shape: value.shape().clone(),
            payload: Arc::new(Payload::in_memory(value.into_memory())),
            base: None,
            in_whole,
            claim: Claim::default(),
            ..template.clone()
        };
        Single::new(Arc::clone(&store.shared), state, None)
    };
    let counts = match &reslice.to {
        Cut::Single => {
            let single = make(&mut table, reslice.name, value, None);
            return Ok(put_in(&mut table, transaction, reslice.name, Object::Single(single)));
        }
        Cut::Slices(counts) => counts,
    };
    let mut slices = Vec::new();
    for (k, tile) in Tiles::new(reslice.shape.clone(), counts)?.iter().enumerate() {
        let slice_name = name::slice_of(reslice.name, k);
        let place = SlicePlace { whole: reslice.name.to_owned(), ordinal: k as u32, offset: tile.offset.clone() };
        let single = make(&mut table, &slice_name, value.cut(&tile.offset, &tile.shape)?, Some(place));
        put_in(&mut table, transaction, &slice_name, Object::Single(Arc::clone(&single)));
        slices.push((tile.offset, single));
    }
    let whole = WholeState {
        name: reslice.name.into(),
        attached: true,
        ordinal: table.take_ordinal(),
        dtype: reslice.dtype,
        shape: reslice.shape.clone(),
        counts: counts.clone(),
        slices,
        claim: Claim::default(),
    };
    Ok(put_in(&mut table, transaction, reslice.name, Object::Whole(Whole::new(whole))))
}

/// A slice that has another name of its own stays a slice.
fn refuse_aliased(table: &mut Table, whole: &Object) -> Result<()> {
    let slices: Vec<String> = whole.singles().iter().map(|slice| slice.name().to_string()).collect();
    let aliases = table.aliases_of(&slices)?;
    let Some((alias, slice)) = aliases.first() else { return Ok(()) };
    let what = format!("slice {slice:?} has the alias {alias:?}, so its variable cannot be cut otherwise");
    Err(Error::new(ErrorKind::SliceOfWhole, what).of_variable(slice).advise("remove the alias first"))
}

/// The value, also of what has left the table already.
fn value_of(object: &Object) -> Result<Tensor> {
    let held = |single: &Arc<Single>| {
        let (payload, shape, dtype) = {
            let state = single.state();
            (Arc::clone(&state.payload), state.shape.clone(), state.dtype())
        };
        payload.tensor(dtype, shape)
    };
    match object {
        Object::Single(single) => held(single),
        Object::Whole(whole) => {
            let state = whole.state().clone();
            state.check_can_be_held()?;
            let parts = state.slices.iter().map(|(offset, slice)| Ok((offset.clone(), held(slice)?)));
            Tensor::assemble(state.dtype, &state.shape, &parts.collect::<Result<Vec<_>>>()?)
        }
    }
}

/// Lets a name make room for another cut, noted so that it can be taken back.
fn take_out(table: &mut Table, transaction: TransactionId, full_name: &str, object: Object) {
    object.set_attached(false);
    table.slots.insert(full_name, Slot::Leaving { owner: transaction });
    table.note(transaction, Undo::Replaced { name: full_name.to_owned(), object });
}

fn put_in(table: &mut Table, transaction: TransactionId, full_name: &str, object: Object) -> Object {
    let named = Some(Named::Object(object.clone()));
    table.slots.insert(full_name, Slot::Reserved { owner: transaction, named });
    table.note(transaction, Undo::Reserved(full_name.into()));
    object
}
