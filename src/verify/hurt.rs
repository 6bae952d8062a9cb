//! Whom damage hurts: the entries once more, where there is any.

use crate::format::Body;
use crate::verify::findings::Findings;
use crate::verify::references::{Followed, References, bytes_of, for_each_name};
use crate::verify::shards::Damaged;

/// Says of all damage in shards which variables of which checkpoints it hurts.
pub(super) fn attribute(references: &mut References, damaged: &Damaged, findings: &mut Findings) {
    for (at, followed) in references.checkpoints.iter_mut().enumerate() {
        let is_touched = references
            .shards
            .iter()
            .any(|(id, shard)| damaged.is_in(*id) && shard.references.iter().any(|(_, by)| by.contains(&at)));
        if !followed.is_gone && (is_touched || !followed.damaged.is_empty()) {
            in_checkpoint(followed, damaged, findings);
        }
    }
}

fn in_checkpoint(followed: &mut Followed, damaged: &Damaged, findings: &mut Findings) {
    let Followed { number, stack: Some(stack), damaged: names, .. } = followed else { return };
    let (mut wholes, mut aliases) = (Vec::new(), Vec::new());
    for_each_name(stack, |name| match stack.lookup(name).ok().flatten().map(|entry| entry.body) {
        Some(Body::Variable(record)) => {
            for extent in &record.content.extents {
                for damage in damaged.under(extent.shard, bytes_of(&record.content, extent)) {
                    findings.hurts(damage, *number, Some(name));
                    names.insert(name.to_owned());
                }
            }
        }
        Some(Body::Whole(record)) => wholes.push((name.to_owned(), record.slices)),
        Some(Body::Alias(record)) => aliases.push((name.to_owned(), record.target)),
        Some(Body::Removed | Body::Patch(_)) | None => {}
    });
    for (whole, slices) in wholes {
        if slices.iter().any(|slice| names.contains(slice)) {
            names.insert(whole);
        }
    }
    for (alias, target) in aliases {
        if names.contains(&target) {
            names.insert(alias);
        }
    }
}
