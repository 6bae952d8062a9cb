//! The seal of a catalog folder: what a clean close left there, byte for byte.
//!
//! sled 0.34 panics or hangs on many a damaged file. So its folder is checked before sled sees it, against a list of its
//! files with lengths and checksums that is written when the catalog is closed and removed before it is opened again.
//! A folder without a seal was in use when its process ended; it is not repaired but made anew.

use std::fmt::Write as _;

use crate::error::{Error, Result};
use crate::id::CommitId;
use crate::io::{Dir, How, Kind, PublishError, publish_bytes};

/// How the names of catalog folders begin.
pub(crate) const PREFIX: &str = "catalog-";
const SUFFIX: &str = ".seal";
const HEADING: &str = "varkeep catalog seal";
const READ_BYTES: usize = 1 << 20;

/// A seal that was found.
pub(crate) struct Sealed {
    pub(crate) folder: String,
    /// The commit whose names the catalog mirrors.
    pub(crate) names: CommitId,
    text: String,
}

impl Sealed {
    /// Whether the folder is as it was when it was sealed.
    pub(crate) fn holds(&self, root: &Dir) -> Result<bool> {
        Ok(describe(root, &self.folder, self.names)? == self.text)
    }
}

/// The seal there is; `None` if there is none that can be read, or more than one.
pub(crate) fn find(root: &Dir) -> Result<Option<Sealed>> {
    let files = root.list()?;
    let names = files.iter().filter_map(|file| file.file_name());
    let mut seals = names.filter(|name| name.starts_with(PREFIX) && name.ends_with(SUFFIX));
    let (Some(seal), None) = (seals.next(), seals.next()) else { return Ok(None) };
    let file = root.open_file(seal)?;
    let mut bytes = vec![0; file.len().min(READ_BYTES as u64) as usize];
    file.read_exact_at(&mut bytes, 0)?;
    let Ok(text) = String::from_utf8(bytes) else { return Ok(None) };
    let names = text.lines().nth(1).and_then(|line| CommitId::parse(line.strip_prefix("names ")?));
    let folder = seal.trim_end_matches(SUFFIX).to_owned();
    // A link would lead sled to wherever it points.
    let is_folder = files.iter().any(|entry| entry.kind == Kind::Folder && entry.name == *folder);
    Ok(names.filter(|_| is_folder).map(|names| Sealed { folder, names, text }))
}

/// Removes the seal of a folder, durably: from then on the folder counts as in use.
pub(crate) fn remove(root: &Dir, folder: &str) -> Result<()> {
    root.unlink(&format!("{folder}{SUFFIX}"))?;
    root.sync()
}

/// Removes every catalog there is.
pub(crate) fn remove_all(root: &Dir) -> Result<()> {
    for entry in root.list()? {
        let Some(name) = entry.name.to_str().filter(|name| name.starts_with(PREFIX)) else { continue };
        match entry.kind {
            Kind::Folder => root.child(name).remove_tree()?,
            Kind::File | Kind::Symlink | Kind::Other => root.unlink(name)?,
        }
    }
    Ok(())
}

/// Seals a folder that has just been closed.
pub(crate) fn write(root: &Dir, folder: &str, names: CommitId) -> Result<()> {
    let text = describe(root, folder, names)?;
    match publish_bytes(root, &format!("{folder}{SUFFIX}"), text.as_bytes(), How::Replace) {
        Ok(()) | Err(PublishError::NameTaken) => Ok(()),
        Err(PublishError::Before(error) | PublishError::Unknown(error)) => Err(error),
    }
}

/// The text of a seal: one line for each file with checksum, length and name, and one for each folder.
fn describe(root: &Dir, folder: &str, names: CommitId) -> Result<String> {
    let mut text = format!("{HEADING}\nnames {names}\n");
    describe_folder(&root.child(folder), "", &mut text)?;
    Ok(text)
}

fn describe_folder(dir: &Dir, path: &str, text: &mut String) -> Result<()> {
    for entry in dir.list()? {
        let name = entry.name.to_str().ok_or_else(|| Error::corrupt("a file in the catalog has no name in text"))?;
        let path = format!("{path}{name}");
        if entry.kind == Kind::Folder {
            writeln!(text, "folder {path}").expect("writing to a string cannot fail");
            describe_folder(&dir.child(name), &format!("{path}/"), text)?;
            continue;
        }
        let file = dir.open_file(name)?;
        let mut crc = crc32fast::Hasher::new();
        let mut bytes = vec![0; READ_BYTES];
        let mut offset = 0;
        while offset < file.len() {
            let count = (file.len() - offset).min(READ_BYTES as u64);
            let part = &mut bytes[..count as usize];
            file.read_exact_at(part, offset)?;
            crc.update(part);
            offset += count;
        }
        writeln!(text, "{:08x} {} {path}", crc.finalize(), file.len()).expect("writing to a string cannot fail");
    }
    Ok(())
}
