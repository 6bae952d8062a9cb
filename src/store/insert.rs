//! Entries that come from outside, under any name, with the facts recorded of them elsewhere.

use std::sync::Arc;

#[cfg(feature = "candle")]
use crate::dtype::DType;
use crate::error::Result;
#[cfg(feature = "candle")]
use crate::error::{Error, ErrorKind};
use crate::format::{Body, Statics, WholeRecord};
use crate::name;
use crate::scope::Regularizer;
use crate::shape::Shape;
use crate::shard::{Elsewhere, Payload};
use crate::store::Store;
use crate::store::table::{Named, Slot, whole_state};
use crate::variable::{Claim, NO_COMMIT, Object, Single, State, Whole};

/// A variable in one piece, or a slice, that is to be entered.
#[derive(Debug)]
pub(crate) struct Inserted {
    pub(crate) name: String,
    /// Its ordinal and first commit are set here.
    pub(crate) statics: Statics,
    pub(crate) shape: Shape,
    pub(crate) content: Arc<dyn Elsewhere>,
}

impl Store {
    /// Takes away what has the name, with its slices, if anything has. Says whether.
    ///
    /// # Errors
    /// `slice_of_whole`, for a slice of a partitioned variable.
    pub(crate) fn vacate(&self, name: &str) -> Result<bool> {
        if self.state.table().find_live(name)?.is_none() {
            return Ok(false);
        }
        self.state.remove(name).map(|()| true)
    }

    /// Whether anything has the name.
    pub(crate) fn has(&self, name: &str) -> Result<bool> {
        Ok(self.state.table().find_live(name)?.is_some())
    }

    /// Enters a variable under a name that nothing has; the next commit reads its content and makes it durable. Chunks
    /// equal to those that the last commit has under the name are kept.
    ///
    /// # Errors
    /// `invalid_name`; `corrupt`, `io`.
    pub(crate) fn insert(&self, inserted: Inserted) -> Result<()> {
        let Inserted { name, mut statics, shape, content } = inserted;
        name::check_stored(&name)?;
        let reading = self.state.reading;
        let mut table = self.state.table();
        let base = match table.base.lookup(&name)?.map(|entry| entry.body) {
            Some(Body::Variable(record)) if record.statics.dtype == statics.dtype => {
                Some(table.base.stored(record.content)?)
            }
            _ => None,
        };
        statics.ordinal = table.take_ordinal();
        statics.first_commit = NO_COMMIT;
        let state = State {
            name: name.as_str().into(),
            attached: true,
            regularizer: statics.regularizer.as_ref().map(Regularizer::from_record).transpose()?,
            statics: Arc::new(statics),
            shape,
            payload: Arc::new(Payload::elsewhere(content, reading.mode, reading.verification)),
            base,
            constraint: None,
            claim: Claim::default(),
            in_whole: false,
        };
        let single = Single::new(Arc::clone(&table.shared), state, None);
        single.note_changed();
        table.slots.insert(name, Slot::Live(Named::Object(Object::Single(single))));
        Ok(())
    }

    /// Enters a partitioned variable, whose slices have been entered before.
    ///
    /// # Errors
    /// As [`Store::insert`]; `corrupt`, if the slices do not tile it.
    pub(crate) fn insert_whole(&self, name: &str, mut record: WholeRecord) -> Result<()> {
        name::check_stored(name)?;
        let mut table = self.state.table();
        record.ordinal = table.take_ordinal();
        let state = whole_state(name, &record, |slice| {
            let Some(Slot::Live(Named::Object(Object::Single(single)))) = table.slots.get(slice) else {
                return Ok(None);
            };
            let (shape, dtype) = (single.state().shape.clone(), single.state().dtype());
            Ok(Some((Arc::clone(single), shape, dtype)))
        })?;
        table.slots.insert(name.to_owned(), Slot::Live(Named::Object(Object::Whole(Whole::new(state)))));
        table.changed_names.push(name.to_owned());
        Ok(())
    }

    /// Enters another name of a variable that has been entered before.
    ///
    /// # Errors
    /// As [`Store::insert`].
    pub(crate) fn insert_alias(&self, name: &str, target: &str) -> Result<()> {
        name::check_stored(name)?;
        let mut table = self.state.table();
        let alias = Named::Alias { target: target.to_owned(), ordinal: table.take_ordinal() };
        table.slots.insert(name.to_owned(), Slot::Live(alias));
        table.changed_names.push(name.to_owned());
        Ok(())
    }

    /// Gives a variable its next value, which the next commit reads; one that is not there is made, trainable.
    ///
    /// # Errors
    /// `dtype_mismatch`, `assign_shape_mismatch`, if the variable is another; `dtype_unsupported`, if it is partitioned.
    #[cfg(feature = "candle")]
    pub(crate) fn put(&self, name: &str, dtype: DType, shape: Shape, content: Arc<dyn Elsewhere>) -> Result<()> {
        let found = self.state.table().find_object(name)?;
        let single = match found {
            None => {
                let root = self.root();
                let made =
                    root.get_variable(name).shape(&shape).dtype(dtype).initializer(crate::scope::initializer::zeros());
                // Zeros of a new variable are replaced before anybody sees them.
                made.get()?;
                self.state.table().find_object(name)?
            }
            found => found,
        };
        let Some(Object::Single(single)) = single else {
            let what = "a partitioned variable is not given a value in one piece here";
            return Err(Error::new(ErrorKind::DtypeUnsupported, what));
        };
        let held = single.state().dtype();
        if held != dtype {
            let what = format!("the variable is {held}, and the value {dtype}");
            return Err(Error::new(ErrorKind::DtypeMismatch, what));
        }
        let is_other = single.state().shape != shape;
        if is_other {
            let what = format!("the variable has shape {}, and the value {shape}", single.state().shape);
            return Err(Error::new(ErrorKind::AssignShapeMismatch, what));
        }
        let reading = self.state.reading;
        let payload = Payload::elsewhere(content, reading.mode, reading.verification);
        single.set_value(Arc::new(payload), shape)
    }
}
