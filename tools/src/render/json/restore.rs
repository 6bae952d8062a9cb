//! The object of `restore`.

use std::io::{self, Write};

use serde::Serialize;

use super::{Subject, write};
use crate::cmd;
use crate::cmd::restore::{Fate, InPlace, Loaded, What};

#[derive(Serialize)]
struct Restored<'a> {
    schema: &'static str,
    dry_run: bool,
    checkpoint: Subject<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_place: Option<Replaced<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    new_store: Option<NewStore<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    loaded: Option<Load<'a>>,
}

#[derive(Serialize)]
struct Replaced<'a> {
    before: Subject<'a>,
    fate: &'static str,
    kept_as: Option<&'a str>,
    commit: Option<u64>,
    variables: Variables<'a>,
}

#[derive(Serialize)]
struct Variables<'a> {
    unchanged: &'a [String],
    changed: &'a [String],
    come_back: &'a [String],
    vanish: &'a [String],
}

#[derive(Serialize)]
struct NewStore<'a> {
    path: String,
    tag: &'a str,
    bytes: u64,
}

#[derive(Serialize)]
struct Load<'a> {
    before: Subject<'a>,
    fate: &'static str,
    kept_as: Option<&'a str>,
    commit: Option<u64>,
    refusal: Option<&'a str>,
    unchanged: u64,
    restored: Vec<Loading<'a>>,
    missing: Vec<Missing<'a>>,
    mismatched: Vec<Mismatched<'a>>,
    unexpected: &'a [String],
}

#[derive(Serialize)]
struct Loading<'a> {
    name: &'a str,
    from: &'a str,
}

#[derive(Serialize)]
struct Missing<'a> {
    name: &'a str,
    near: &'a [String],
}

#[derive(Serialize)]
struct Mismatched<'a> {
    name: &'a str,
    how: &'a str,
}

pub(crate) fn restore(restored: &cmd::restore::Restored, out: &mut dyn Write) -> io::Result<()> {
    let mut object = Restored {
        schema: "varkeep.restore/1",
        dry_run: restored.is_dry_run,
        checkpoint: (&restored.subject).into(),
        in_place: None,
        new_store: None,
        loaded: None,
    };
    match &restored.what {
        What::InPlace(in_place) => object.in_place = Some(in_place.into()),
        What::NewStore(cmd::restore::NewStore { path, tag, bytes }) => {
            object.new_store = Some(NewStore { path: path.display().to_string(), tag, bytes: *bytes });
        }
        What::Loaded(loaded) => object.loaded = Some(loaded.into()),
    }
    write(&object, out)
}

fn fate_of(fate: &Fate) -> (&'static str, Option<&str>) {
    match fate {
        Fate::Same => ("same", None),
        Fate::Kept(tag) => ("kept", Some(tag)),
        Fate::Lost => ("lost", None),
    }
}

impl<'a> From<&'a InPlace> for Replaced<'a> {
    fn from(in_place: &'a InPlace) -> Self {
        let (fate, kept_as) = fate_of(&in_place.fate);
        let cmd::restore::Difference { unchanged, changed, come_back, vanish } = &in_place.difference;
        let variables = Variables { unchanged, changed, come_back, vanish };
        Self { before: (&in_place.before).into(), fate, kept_as, commit: in_place.commit, variables }
    }
}

impl<'a> From<&'a Loaded> for Load<'a> {
    fn from(loaded: &'a Loaded) -> Self {
        let (fate, kept_as) = fate_of(&loaded.fate);
        let plan = &loaded.plan;
        Self {
            before: (&loaded.before).into(),
            fate,
            kept_as,
            commit: loaded.commit,
            refusal: loaded.refusal.as_deref(),
            unchanged: plan.unchanged,
            restored: plan.restored.iter().map(|(name, from)| Loading { name, from }).collect(),
            missing: plan.missing.iter().map(|(name, near)| Missing { name, near }).collect(),
            mismatched: plan.mismatched.iter().map(|(name, how)| Mismatched { name, how }).collect(),
            unexpected: &plan.unexpected,
        }
    }
}
