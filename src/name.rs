//! Names: how they are joined, which ones may be created, and how they sort as catalog keys.

use crate::error::{Error, ErrorKind, Result};
use crate::limits::{NAME_BYTES_MAX, TAG_BYTES_MAX};

/// What separates the parts of a scoped name.
pub(crate) const SEPARATOR: char = '/';

/// The full name of `name` inside `scope`; at the root (the empty scope) the name alone.
pub(crate) fn join(scope: &str, name: &str) -> String {
    if scope.is_empty() { name.to_owned() } else { format!("{scope}{SEPARATOR}{name}") }
}

/// [`join`], in the memory that holds `name` if there is room.
pub(crate) fn within(scope: &str, mut name: String) -> String {
    if !scope.is_empty() {
        name.reserve_exact(scope.len() + 1);
        name.insert(0, SEPARATOR);
        name.insert_str(0, scope);
    }
    name
}

/// The full name of the `ordinal`-th slice of the partitioned variable `whole`.
pub(crate) fn slice_of(whole: &str, ordinal: usize) -> String {
    match ordinal {
        // Asked for by every get.
        0 => [whole, "/part_0"].concat(),
        _ => format!("{whole}{SEPARATOR}part_{ordinal}"),
    }
}

/// The name of the partitioned variable whose first slice has this name; `None` if no first slice has.
pub(crate) fn whole_of_first_slice(name: &str) -> Option<&str> {
    name.strip_suffix("/part_0")
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'/')
}

fn starts_well(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'.'
}

fn ill_formed(what: &str, name: &str, rule: &str) -> Error {
    Error::new(ErrorKind::InvalidName, format!("{what} name {name:?} is not allowed")).advise(rule)
}

const RULE: &str = "names consist of letters, digits and `_.-/`, begin with a letter, a digit or a dot, and have no \
     empty part between slashes";

/// Checks the full name of a variable about to be created in `scope`: TensorFlow's rule, but that no part given as the
/// variable's own may be empty. (A scope below the root may begin with a slash, so full names can hold two.)
///
/// # Errors
/// `invalid_name`.
pub(crate) fn check_variable(full_name: &str, scope: &str) -> Result<()> {
    let bytes = full_name.as_bytes();
    let own = full_name.strip_prefix(scope).and_then(|rest| rest.strip_prefix(SEPARATOR)).unwrap_or(full_name);
    let well_formed = bytes.first().copied().is_some_and(starts_well)
        && bytes.iter().copied().all(is_name_byte)
        && own.split(SEPARATOR).all(|part| !part.is_empty());
    if !well_formed {
        return Err(ill_formed("variable", full_name, RULE));
    }
    check_stored(full_name)
}

/// Checks a scope's name as given, about to be entered below `parent` (empty at the root).
///
/// The empty name is allowed at the root, where it is the root again.
///
/// # Errors
/// `invalid_name`.
pub(crate) fn check_scope(parent: &str, name: &str) -> Result<()> {
    let bytes = name.as_bytes();
    let well_formed = match bytes.first() {
        None => parent.is_empty(),
        Some(first) => {
            (starts_well(*first) || (!parent.is_empty() && is_name_byte(*first)))
                && bytes.iter().copied().all(is_name_byte)
                && name.strip_prefix(SEPARATOR).unwrap_or(name).split(SEPARATOR).all(|part| !part.is_empty())
        }
    };
    if !well_formed {
        return Err(ill_formed("scope", name, RULE));
    }
    check_stored(&join(parent, name))
}

/// Checks a name that comes from a file: any text up to the limit, since real checkpoints hold any.
///
/// # Errors
/// `invalid_name`, if it is too long.
pub(crate) fn check_stored(name: &str) -> Result<()> {
    if name.len() > NAME_BYTES_MAX {
        let start: String = name.chars().take(40).collect();
        let what = format!("name \"{start}…\" is {} bytes long", name.len());
        return Err(
            Error::new(ErrorKind::InvalidName, what).advise(format!("names may have up to {NAME_BYTES_MAX} bytes"))
        );
    }
    Ok(())
}

/// Checks a tag.
///
/// # Errors
/// `invalid_tag`.
pub(crate) fn check_tag(tag: &str) -> Result<()> {
    let allowed = |c: char| !c.is_control() && !c.is_whitespace() && !matches!(c, '@' | ':');
    if tag.is_empty() || tag.len() > TAG_BYTES_MAX || !tag.chars().all(allowed) {
        return Err(Error::new(ErrorKind::InvalidTag, format!("{tag:?} cannot be a tag"))
            .advise(format!("a tag is 1 to {TAG_BYTES_MAX} bytes of text without white space, `@` and `:`")));
    }
    Ok(())
}

/// The names nearest to `wanted` among `names`: what a message offers after a miss.
pub(crate) fn nearest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut near: Vec<(f64, &str)> = names
        .into_iter()
        .map(|name| (strsim::jaro_winkler(wanted, name), name))
        .filter(|(likeness, _)| *likeness > 0.7)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    near.into_iter().take(3).map(|(_, name)| name.to_owned()).collect()
}

/// Catalog keys: byte strings that sort a scope's names right behind the scope, before any longer sibling.
///
/// A slash becomes the byte 1, below every byte that a name may start or go on with; bytes up to 2, which imported
/// names may hold, are escaped by 2.
pub(crate) mod key {
    const SLASH: u8 = 1;
    const ESCAPE: u8 = 2;

    /// The key of a name.
    pub(crate) fn encode(name: &str) -> Vec<u8> {
        let mut key = Vec::with_capacity(name.len());
        for byte in name.bytes() {
            match byte {
                b'/' => key.push(SLASH),
                0..=ESCAPE => key.extend([ESCAPE, byte + SLASH]),
                _ => key.push(byte),
            }
        }
        key
    }

    #[cfg(any(test, fuzzing))]
    /// The name of a key; `None` if no name has this key.
    pub(crate) fn decode(key: &[u8]) -> Option<String> {
        let mut name = Vec::with_capacity(key.len());
        let mut bytes = key.iter();
        while let Some(byte) = bytes.next() {
            match *byte {
                SLASH => name.push(b'/'),
                ESCAPE => match *bytes.next()? {
                    escaped @ 1..=3 => name.push(escaped - SLASH),
                    _ => return None,
                },
                0 | b'/' => return None,
                other => name.push(other),
            }
        }
        String::from_utf8(name).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn variable_names_follow_tensorflow() {
        for good in ["v", "a/b", ".x", "0", "A-_.9/part_0", "a/_b"] {
            check_variable(good, "").unwrap();
        }
        for bad in ["", "_v", "-v", "/v", "v/", "a//b", "a b", "ä", "a:0", "a>b", "a\\b"] {
            assert_eq!(check_variable(bad, "").unwrap_err().kind(), ErrorKind::InvalidName, "{bad}");
        }
        assert!(check_variable(&"a".repeat(NAME_BYTES_MAX + 1), "").is_err());
        check_variable("b//a/v", "b//a").unwrap();
        for bad in ["b//a//v", "b//a/"] {
            assert!(check_variable(bad, "b//a").is_err(), "{bad}");
        }
    }

    #[test]
    fn scope_names_are_freer_below_the_root() {
        for (parent, good) in [("", ""), ("", "a"), ("a", "_x"), ("a", "-y"), ("", "a/b"), ("a", "/b")] {
            check_scope(parent, good).unwrap();
        }
        for (parent, bad) in [("", "_x"), ("", "-y"), ("a", ""), ("a", "b/"), ("", "/b"), ("a", "/"), ("", "a b")] {
            assert!(check_scope(parent, bad).is_err(), "{parent:?} {bad:?}");
        }
    }

    #[test]
    fn a_miss_offers_the_nearest_names() {
        assert_eq!(nearest("stp-10", ["step-10", "step-20", "other"])[0], "step-10");
        assert!(nearest("zzz", ["step-10"]).is_empty());
    }

    proptest! {
        #[test]
        fn keys_read_back(name in any::<String>()) {
            prop_assert_eq!(key::decode(&key::encode(&name)), Some(name));
        }

        #[test]
        fn keys_sort_by_scope(a in "[a-b_./-]{0,6}", b in "[a-b_./-]{0,6}") {
            let parts = |name: &str| name.split('/').map(str::to_owned).collect::<Vec<_>>();
            prop_assert_eq!(key::encode(&a).cmp(&key::encode(&b)), parts(&a).cmp(&parts(&b)));
        }

        #[test]
        fn any_bytes_decode_without_a_panic(bytes in any::<Vec<u8>>()) {
            if let Some(name) = key::decode(&bytes) {
                prop_assert_eq!(key::encode(&name), bytes);
            }
        }
    }
}
