//! Addresses of checkpoints: `PATH`, `PATH@TAG`, `PATH@commit:N`.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use varkeep::Which;

use crate::failure::{Failure, Outcome};

/// What a commit's number follows.
const COMMIT: &str = "commit:";

/// A store, and which of its commits is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) path: PathBuf,
    pub(crate) which: Which,
}

impl Address {
    /// Reads an address. What exists as a path as it stands is a path: folders may have an `@` in their names. Tags
    /// have none, so otherwise the last one divides.
    pub(crate) fn parse(text: &OsStr) -> Outcome<Self> {
        let whole = Path::new(text);
        let bytes = text.as_bytes();
        let at = if whole.exists() { None } else { bytes.iter().rposition(|byte| *byte == b'@') };
        let Some(at) = at else { return Ok(Self { path: whole.to_owned(), which: Which::Head }) };
        let path = PathBuf::from(OsStr::from_bytes(&bytes[..at]));
        let shown = text.to_string_lossy();
        let tag = std::str::from_utf8(&bytes[at + 1..])
            .map_err(|_| Failure::usage(format!("the tag in {shown:?} is not UTF-8")))?;
        let which = match tag.strip_prefix(COMMIT) {
            Some(number) => Which::Number(number.parse().map_err(|_| {
                Failure::usage(format!("{number:?} in {shown:?} is not the number of a commit"))
                    .hint("`varkeep log` lists the numbers")
            })?),
            None if tag.is_empty() => {
                let hint = "name a tag after the `@`, or leave the `@` out for the newest state";
                return Err(Failure::usage(format!("there is no tag in {shown:?}")).hint(hint));
            }
            None => Which::Tag(tag.to_owned()),
        };
        Ok(Self { path, which })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.which {
            Which::Tag(tag) => write!(f, "{path}@{tag}"),
            Which::Number(number) => write!(f, "{path}@{COMMIT}{number}"),
            _ => write!(f, "{path}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Outcome<Address> {
        Address::parse(OsStr::new(text))
    }

    #[test]
    fn a_path_that_exists_is_a_path_whatever_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a@b");
        std::fs::write(&path, "").unwrap();
        let text = path.to_str().unwrap();
        assert_eq!(parse(text).unwrap(), Address { path: path.clone(), which: Which::Head });
        let tagged = parse(&format!("{text}@c")).unwrap();
        assert_eq!(tagged, Address { path, which: Which::from("c") });
    }

    #[test]
    fn tags_and_numbers_are_told_apart() {
        for (text, path, which) in [
            ("no/such", "no/such", Which::Head),
            ("no/such@t", "no/such", Which::from("t")),
            ("no@such@t", "no@such", Which::from("t")),
            ("no/such@commit:12", "no/such", Which::Number(12)),
        ] {
            let address = parse(text).unwrap();
            assert_eq!(address, Address { path: path.into(), which });
            assert_eq!(address.to_string(), text);
        }
        for bad in ["x@", "x@commit:", "x@commit:-1", "x@commit:one"] {
            assert_eq!(parse(bad).unwrap_err().kind, "usage", "{bad}");
        }
    }
}
