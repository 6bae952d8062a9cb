//! What `restore` says.

use std::io::{self, Write};

use crate::cmd::restore::{Difference, Fate, InPlace, Loaded, NewStore, Plan, Restored, What};
use crate::printable::printable;
use crate::render::units;
use crate::ui::{Tone, Ui};

/// More names than this are counted, unless all are wanted.
const NAMES_MAX: usize = 10;

pub(crate) fn restore(restored: &Restored, ui: &Ui, out: &mut dyn Write) -> io::Result<()> {
    let what = ui.paint(Tone::Name, &restored.subject.label());
    let is_dry_run = restored.is_dry_run;
    match &restored.what {
        What::NewStore(NewStore { path, tag, bytes }) => {
            let (verb, path) =
                (if is_dry_run { "would copy" } else { "copied" }, printable(&path.display().to_string()));
            let size = format!("{}, {}", units::counted(restored.subject.variables, "variable"), units::bytes(*bytes));
            writeln!(out, "{verb} {what} to {path}: {size}, tagged {tag}")
        }
        What::InPlace(InPlace { fate: Fate::Same, .. }) => {
            writeln!(out, "nothing to restore: the newest state is {what} already")
        }
        What::InPlace(InPlace { before, fate, commit, difference }) => {
            match commit {
                Some(number) => writeln!(out, "restored {what} as commit {number}: {}", changes(difference))?,
                None => writeln!(out, "would restore {what}: {}", changes(difference))?,
            }
            if is_dry_run || ui.is_verbose() {
                let Difference { changed, come_back, vanish, unchanged } = difference;
                list("changed:", Tone::Changed, changed, ui, out)?;
                list("back again:", Tone::Good, come_back, ui, out)?;
                list("gone:", Tone::Bad, vanish, ui, out)?;
                if ui.is_verbose() {
                    list("unchanged:", Tone::Dim, unchanged, ui, out)?;
                }
            }
            before_it(fate, &before.label(), is_dry_run, out, ui)
        }
        What::Loaded(loaded) => load(loaded, &what, is_dry_run, ui, out),
    }
}

fn load(loaded: &Loaded, what: &str, is_dry_run: bool, ui: &Ui, out: &mut dyn Write) -> io::Result<()> {
    let Loaded { before, fate, commit, plan, refusal } = loaded;
    let into = units::counted(plan.restored.len() as u64, "variable");
    let unchanged = match plan.unchanged {
        0 => String::new(),
        unchanged => format!(", {} with the same value as before", units::count(unchanged)),
    };
    match (is_dry_run, commit) {
        (true, _) => writeln!(out, "would load {what} into {into}{unchanged}")?,
        (false, Some(commit)) => writeln!(out, "loaded {what} into {into}{unchanged}, as commit {commit}")?,
        (false, None) => writeln!(out, "nothing to load: all of {into} have the values of {what} already")?,
    }
    let Plan { restored, missing, mismatched, unexpected, .. } = plan;
    let restored: Vec<String> = restored
        .iter()
        .map(|(name, key)| if name == key { name.clone() } else { format!("{name} from {key}") })
        .collect();
    let missing = missing.iter().map(|(name, near)| match near.first() {
        Some(near) => format!("{name} (near: {near})"),
        None => name.clone(),
    });
    let mismatched: Vec<String> = mismatched.iter().map(|(name, how)| format!("{name}: {how}")).collect();
    if is_dry_run || ui.is_verbose() {
        list("restored:", Tone::Good, &restored, ui, out)?;
    }
    list("missing:", Tone::Bad, &missing.collect::<Vec<_>>(), ui, out)?;
    list("mismatched:", Tone::Bad, &mismatched, ui, out)?;
    list("unexpected:", Tone::Changed, unexpected, ui, out)?;
    if let Some(refusal) = refusal {
        return writeln!(out, "{} {}", ui.paint(Tone::Bad, "would be refused:"), printable(refusal));
    }
    if *fate == Fate::Same { Ok(()) } else { before_it(fate, &before.label(), is_dry_run, out, ui) }
}

fn before_it(fate: &Fate, before: &str, is_dry_run: bool, out: &mut dyn Write, ui: &Ui) -> io::Result<()> {
    let is = if is_dry_run { "would be" } else { "is" };
    match fate {
        Fate::Kept(tag) => writeln!(out, "the newest state before stays as {}", ui.paint(Tone::Name, tag)),
        Fate::Same | Fate::Lost => writeln!(out, "the newest state before, {before}, had no tag and {is} gone"),
    }
}

/// Names under a heading, if there are any.
fn list(heading: &str, tone: Tone, names: &[String], ui: &Ui, out: &mut dyn Write) -> io::Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    writeln!(out, "  {}", ui.paint(tone, heading))?;
    let shown = if ui.is_verbose() { names.len() } else { NAMES_MAX.min(names.len()) };
    for name in &names[..shown] {
        writeln!(out, "    {}", printable(name))?;
    }
    match names.len() - shown {
        0 => Ok(()),
        more => {
            writeln!(out, "    {}", ui.paint(Tone::Dim, &format!("and {} more: see -v", units::count(more as u64))))
        }
    }
}

fn changes(difference: &Difference) -> String {
    let Difference { unchanged, changed, come_back, vanish } = difference;
    let others = [(come_back, "back again"), (vanish, "gone"), (unchanged, "unchanged")];
    let others = others.iter().filter(|(names, _)| !names.is_empty());
    let others = others.map(|(names, what)| format!(", {} {what}", units::count(names.len() as u64)));
    format!("{} changed{}", units::counted(changed.len() as u64, "variable"), others.collect::<String>())
}
