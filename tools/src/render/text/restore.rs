//! What `restore` says.

use std::io::{self, Write};

use crate::cmd::restore::{Difference, Fate, InPlace, Restored, What};
use crate::render::units;
use crate::ui::{Tone, Ui};

pub(crate) fn restore(restored: &Restored, ui: &Ui, out: &mut dyn Write) -> io::Result<()> {
    let what = ui.paint(Tone::Name, &restored.subject.label());
    match &restored.what {
        What::NewStore { path, tag, bytes } => {
            let (verb, path) = (if restored.is_dry_run { "would copy" } else { "copied" }, path.display());
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
            let (is, before) = (if restored.is_dry_run { "would be" } else { "is" }, before.label());
            match fate {
                Fate::Kept(tag) => writeln!(out, "the newest state before stays as {}", ui.paint(Tone::Name, tag)),
                Fate::Same | Fate::Lost => writeln!(out, "the newest state before, {before}, had no tag and {is} gone"),
            }
        }
    }
}

fn changes(difference: &Difference) -> String {
    let Difference { unchanged, changed, come_back, vanish } = *difference;
    let others = [(come_back, "back again"), (vanish, "gone"), (unchanged, "unchanged")];
    let others = others.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!(", {} {what}", units::count(*n)));
    format!("{} changed{}", units::counted(changed, "variable"), others.collect::<String>())
}
