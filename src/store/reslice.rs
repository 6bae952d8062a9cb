//! Cutting a variable of an earlier session otherwise, when a resumed get asks for that.

use std::sync::Arc;

use crate::error::Result;
use crate::format::{SlicePlace, Statics};
use crate::name;
use crate::scope::Tiles;
use crate::scope::decide::{Cut, Reslice};
use crate::shape::PartialShape;
use crate::shard::Payload;
use crate::store::state::StoreState;
use crate::store::table::{Named, Slot, Table};
use crate::store::transaction::{TransactionId, Undo, detach};
use crate::tensor::Tensor;
use crate::variable::{Object, Single, State, Whole, WholeState};

/// Replaces `object` by the same values in other slices, as part of a transaction.
///
/// Trainable flag, collections and regularizer are those of the first slice.
pub(crate) fn reslice(
    store: &StoreState,
    transaction: TransactionId,
    object: &Object,
    reslice: &Reslice<'_>,
) -> Result<Object> {
    let value = match object {
        Object::Single(single) => single.tensor()?,
        Object::Whole(whole) => whole.tensor()?,
    };
    let first = object.first();
    let template = first.state().clone();
    let mut table = store.table();
    let make = |table: &mut Table, name: &str, value: Tensor, place: Option<SlicePlace>| {
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
            ..template.clone()
        };
        Single::new(Arc::clone(&store.shared), state, None)
    };
    let mut replacing = Replacing { table: &mut table, transaction };
    for single in object.singles() {
        replacing.take_out(&single.name());
    }
    replacing.take_out(reslice.name);
    let counts = match &reslice.to {
        Cut::Single => {
            let single = make(replacing.table, reslice.name, value, None);
            return Ok(replacing.put_in(reslice.name, Object::Single(single)));
        }
        Cut::Slices(counts) => counts,
    };
    let mut slices = Vec::new();
    for (k, tile) in Tiles::new(reslice.shape.clone(), counts)?.iter().enumerate() {
        let slice_name = name::slice_of(reslice.name, k);
        let place = SlicePlace { whole: reslice.name.to_owned(), ordinal: k as u32, offset: tile.offset.clone() };
        let single = make(replacing.table, &slice_name, value.cut(&tile.offset, &tile.shape)?, Some(place));
        replacing.put_in(&slice_name, Object::Single(Arc::clone(&single)));
        slices.push((tile.offset, single));
    }
    let whole = WholeState {
        name: reslice.name.into(),
        attached: true,
        ordinal: replacing.table.take_ordinal(),
        dtype: reslice.dtype,
        shape: reslice.shape.clone(),
        counts: counts.clone(),
        slices,
        claimed: false,
    };
    Ok(replacing.put_in(reslice.name, Object::Whole(Whole::new(whole))))
}

/// Names making room for others, each step noted so that it can be taken back.
struct Replacing<'t> {
    table: &'t mut Table,
    transaction: TransactionId,
}

impl Replacing<'_> {
    fn take_out(&mut self, full_name: &str) {
        let removed = self.table.removed.get(full_name).copied();
        let slot = self.table.slots.remove(full_name);
        if let Some(Slot::Live(named)) = &slot {
            detach(named);
        }
        self.table.remove(full_name);
        self.table.note(self.transaction, Undo::Replaced { name: full_name.to_owned(), slot, removed });
    }

    fn put_in(&mut self, full_name: &str, object: Object) -> Object {
        let named = Some(Named::Object(object.clone()));
        self.table.slots.insert(full_name.to_owned(), Slot::Reserved { owner: self.transaction, named });
        self.table.note(self.transaction, Undo::Reserved(full_name.to_owned()));
        object
    }
}
