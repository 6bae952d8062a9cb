//! Checking a store: every byte of every file, every checksum, every reference.
//!
//! Nothing is written, no lock is taken and the catalog, which is only an index, is not looked at; a trainer may go on
//! saving meanwhile. A commit that is deleted under the eyes of a check is no damage: where a file is gone, the commit
//! that names it is looked for again.
//!
//! 1. [`survey`]: FORMAT and the commit files: which checkpoints are kept.
//! 2. [`references`]: their manifests, and what every entry refers to, by name ([`links`]) and in shards. It collects which chunks lie in which shard.
//! 3. [`shards`]: each shard is read once, from its first byte to its last ([`pass`]), whoever shares it.
//! 4. [`strings`]: the tables of offsets of byte strings, whose chunks are sound by then.
//! 5. [`hurt`]: whom the damage hurts. Only where there is some are the entries walked again.
//! 6. [`unused`]: files that nothing refers to.
//!
//! Memory: the bytes of manifests are mapped, those of shards pass through a fixed buffer; what is held is a few dozen
//! bytes for each distinct chunk.

mod findings;
mod hurt;
mod links;
mod pass;
mod references;
mod shards;
mod strings;
mod survey;
mod unused;

use std::path::{Path, PathBuf};

use crate::commit::Which;
use crate::error::Result;
use crate::io;

use findings::Findings;
use references::References;
use survey::Survey;

/// How far a verification has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifyProgress {
    /// Bytes read so far.
    pub bytes_done: u64,
    /// Bytes of all files to be read.
    pub bytes_total: u64,
}

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// Files that were read.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Distinct chunks of payload that were checked.
    pub chunks: u64,
    /// The checkpoints that were checked, newest first.
    pub checkpoints: Vec<CheckpointHealth>,
    /// What is damaged.
    pub damage: Vec<Damage>,
    /// What lies in the store and belongs to no checkpoint: orphans, temporary files, files of others. This is not
    /// damage. Files that a running writer has not published yet are among them.
    pub unused: Vec<PathBuf>,
}

impl VerifyReport {
    /// What lies in a store and is not checked, since nothing is lost with it: the note of who holds the lock, and the catalog
    /// with its seal, which are made anew whenever they are not as they were left.
    pub const NOT_COVERED: [&'static str; 2] = [io::LOCK_NOTE, "catalog-*"];

    /// Whether nothing is damaged.
    pub fn is_sound(&self) -> bool {
        self.damage.is_empty()
    }
}

/// What can be read of one checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointHealth {
    /// The number of its commit.
    pub number: u64,
    /// Its tag, if it has one that is known.
    pub tag: Option<String>,
    /// How many variables it holds; a partitioned one counts once.
    pub variables: u64,
    /// Names that cannot be read whole, sorted: variables, slices, and the partitioned variables and aliases that need
    /// them.
    pub damaged: Vec<String>,
    /// Whether it can be opened at all. Variables that are not among the damaged can be read then.
    pub readable: bool,
}

/// One place that is damaged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The file.
    pub path: PathBuf,
    /// Where in the file, in bytes from its start.
    pub offset_bytes: Option<u64>,
    /// What is wrong there: one sentence.
    pub what: String,
    /// The variables and slices that it hurts, as far as their names can be told; sorted.
    pub variables: Vec<String>,
    /// The numbers of the checkpoints that it hurts, ascending.
    pub checkpoints: Vec<u64>,
    /// What to do.
    pub advice: Option<String>,
}

/// Checks the store at `path`: one checkpoint and what it needs, or everything.
///
/// Every byte of every file is read and compared with its checksums, every chunk of every variable also with its keyed
/// hash, and every reference is followed. Nothing is written, and the store may be open for writing elsewhere. What is
/// not checked is [named](VerifyReport::NOT_COVERED).
///
/// Damage is no error but what the report is about; `progress` is called now and then.
///
/// ```no_run
/// let report = varkeep::verify("model.varkeep", None, &mut |_| {})?;
/// for damage in &report.damage {
///     eprintln!("{}: {} (hurts {:?})", damage.path.display(), damage.what, damage.variables);
/// }
/// assert!(report.is_sound());
/// # Ok::<(), varkeep::Error>(())
/// ```
///
/// # Errors
/// `store_not_found`, `not_a_store`; `unsupported_format`, if a newer version is needed; `tag_not_found` and
/// `restore_no_checkpoint`, if the checkpoint asked for is not there; `io`, if a folder cannot be read.
#[expect(clippy::needless_pass_by_value, reason = "`Some(Which::Head)` and `None` read better than references to them")]
pub fn verify(
    path: impl AsRef<Path>,
    which: Option<Which>,
    progress: &mut dyn FnMut(VerifyProgress),
) -> Result<VerifyReport> {
    let mut findings = Findings::default();
    let survey = Survey::take(path.as_ref(), which.as_ref(), &mut findings)?;
    check(&survey, which.is_none(), findings, progress)
}

/// Checks what a survey found; `everything` asks for what belongs to nobody besides.
fn check(
    survey: &Survey,
    everything: bool,
    mut findings: Findings,
    progress: &mut dyn FnMut(VerifyProgress),
) -> Result<VerifyReport> {
    let mut references = References::follow(survey, &mut findings);
    let mut damaged = shards::check(survey, &mut references, &mut findings, progress);
    strings::check(survey, &references, &mut damaged, &mut findings);
    hurt::attribute(&mut references, &damaged, &mut findings);
    let unused = if everything { unused::list(survey, &references)? } else { Vec::new() };
    Ok(VerifyReport { unused, ..findings.into_report(references) })
}

#[cfg(test)]
mod tests;
