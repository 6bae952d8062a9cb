//! The object of `restore`.

use std::io::{self, Write};

use serde::Serialize;

use super::{Subject, write};
use crate::cmd;
use crate::cmd::restore::{Difference, Fate, InPlace, What};

#[derive(Serialize)]
struct Restored<'a> {
    schema: &'static str,
    dry_run: bool,
    checkpoint: Subject<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_place: Option<Replaced<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    new_store: Option<NewStore<'a>>,
}

#[derive(Serialize)]
struct Replaced<'a> {
    before: Subject<'a>,
    fate: &'static str,
    kept_as: Option<&'a str>,
    commit: Option<u64>,
    variables: Variables,
}

#[derive(Serialize)]
struct Variables {
    unchanged: u64,
    changed: u64,
    come_back: u64,
    vanish: u64,
}

#[derive(Serialize)]
struct NewStore<'a> {
    path: String,
    tag: &'a str,
    bytes: u64,
}

pub(crate) fn restore(restored: &cmd::restore::Restored, out: &mut dyn Write) -> io::Result<()> {
    let (in_place, new_store) = match &restored.what {
        What::InPlace(in_place) => (Some(Replaced::from(in_place)), None),
        What::NewStore { path, tag, bytes } => {
            (None, Some(NewStore { path: path.display().to_string(), tag, bytes: *bytes }))
        }
    };
    let (dry_run, checkpoint) = (restored.is_dry_run, (&restored.subject).into());
    write(&Restored { schema: "varkeep.restore/1", dry_run, checkpoint, in_place, new_store }, out)
}

impl<'a> From<&'a InPlace> for Replaced<'a> {
    fn from(in_place: &'a InPlace) -> Self {
        let (fate, kept_as) = match &in_place.fate {
            Fate::Same => ("same", None),
            Fate::Kept(tag) => ("kept", Some(tag.as_str())),
            Fate::Lost => ("lost", None),
        };
        let Difference { unchanged, changed, come_back, vanish } = in_place.difference;
        let variables = Variables { unchanged, changed, come_back, vanish };
        Self { before: (&in_place.before).into(), fate, kept_as, commit: in_place.commit, variables }
    }
}
