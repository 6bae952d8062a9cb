//! What entries refer to by name: slices and wholes, aliases and their targets.

use std::collections::{HashMap, HashSet};

use crate::error::{Error, Result};
use crate::format::{Body, Entry};
use crate::manifest::Stack;
use crate::scope::Tiles;

/// The slices of the partitioned variables of one checkpoint that slices say they belong to, each read once: there may be as
/// many slices as names.
pub(super) type Wholes = HashMap<String, Option<HashSet<String>>>;

/// Checks that what an entry refers to by name is there and is what it should be.
pub(super) fn check_links(stack: &Stack, entry: &Entry, wholes: &mut Wholes) -> Result<()> {
    let name = &entry.name;
    match &entry.body {
        Body::Variable(record) => {
            let Some(place) = &record.statics.slice else { return Ok(()) };
            // A slice may outlive its whole, but not lie beside one that does not know it.
            if !wholes.contains_key(&place.whole) {
                let slices = match stack.lookup(&place.whole)?.map(|whole| whole.body) {
                    Some(Body::Whole(whole)) => Some(whole.slices.into_iter().collect()),
                    _ => None,
                };
                wholes.insert(place.whole.clone(), slices);
            }
            match &wholes[&place.whole] {
                Some(slices) if !slices.contains(name) => {
                    Err(Error::corrupt(format!("slice {name:?} is not among those of {:?}", place.whole)))
                }
                _ => Ok(()),
            }
        }
        Body::Whole(whole) => {
            let tiles = Tiles::new(whole.shape.clone(), &whole.counts)
                .map_err(|error| Error::corrupt(format!("the slices of {name:?} do not tile it")).caused_by(error))?;
            if !tiles.all_exist() || tiles.count() != whole.slices.len() as u64 {
                return Err(Error::corrupt(format!("the slices of {name:?} do not tile it")));
            }
            for (slice, tile) in whole.slices.iter().zip(tiles.iter()) {
                match stack.lookup(slice)?.map(|entry| entry.body) {
                    Some(Body::Variable(found)) if found.shape == tile.shape && found.statics.dtype == whole.dtype => {}
                    _ => {
                        let what = format!("slice {slice:?} of {name:?} is missing or of another shape or dtype");
                        return Err(Error::corrupt(what));
                    }
                }
            }
            Ok(())
        }
        Body::Alias(alias) => match stack.lookup(&alias.target)?.map(|target| target.body) {
            Some(Body::Variable(_) | Body::Whole(_)) => Ok(()),
            _ => Err(Error::corrupt(format!("alias {name:?} stands for {:?}, which is no variable", alias.target))),
        },
        Body::Removed | Body::Patch(_) => Ok(()),
    }
}
