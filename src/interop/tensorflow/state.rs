//! The text file `checkpoint`, which names the newest prefix of its folder, and those kept.

use std::fmt::Write as _;
use std::path::Path;

use super::read;
use crate::error::{Error, ErrorKind, Result};
use crate::interop::file;
use crate::interop::source::Source;

const NEWEST: &str = "model_checkpoint_path";
const ALL: &str = "all_model_checkpoint_paths";

/// The largest such file that makes sense.
const STATE_BYTES_MAX: u64 = 16 << 20;

/// Opens the newest checkpoint that the file names.
pub(crate) fn open_newest(path: &Path) -> Result<Box<dyn Source>> {
    let bytes = file::read_small(path, STATE_BYTES_MAX)?;
    let prefix = newest(&String::from_utf8_lossy(&bytes)).ok_or_else(|| {
        let what = format!("the file names no checkpoint: it has no line `{NEWEST}: \"…\"`");
        Error::new(ErrorKind::Corrupt, what).in_file(path)
    })?;
    read::open(&path.parent().unwrap_or(Path::new("")).join(prefix))
}

/// What the file says the newest prefix is, relative to its folder unless absolute.
pub(crate) fn newest(text: &str) -> Option<String> {
    values(text, NEWEST).next()
}

/// The prefixes that are kept, oldest first.
pub(crate) fn kept(text: &str) -> Vec<String> {
    values(text, ALL).collect()
}

/// The file for these prefixes, the newest last.
pub(crate) fn text(kept: &[String]) -> String {
    let newest = kept.last().map(String::as_str).unwrap_or_default();
    let mut text = format!("{NEWEST}: \"{}\"\n", escaped(newest));
    for prefix in kept {
        writeln!(text, "{ALL}: \"{}\"", escaped(prefix)).expect("writing to a string succeeds");
    }
    text
}

fn values<'a>(text: &'a str, key: &'static str) -> impl Iterator<Item = String> + 'a {
    text.lines().filter_map(move |line| {
        let value = line.trim().strip_prefix(key)?.trim_start().strip_prefix(':')?.trim();
        let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
        unescaped(value.strip_prefix(quote)?.strip_suffix(quote)?)
    })
}

/// The text between quotes, as protocol buffers write it.
fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes().peekable();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        match rest.next()? {
            b'n' => bytes.push(b'\n'),
            b'r' => bytes.push(b'\r'),
            b't' => bytes.push(b'\t'),
            digit @ b'0'..=b'7' => {
                let mut value = u32::from(digit - b'0');
                for _ in 0..2 {
                    let Some(digit @ b'0'..=b'7') = rest.peek().copied() else { break };
                    value = value * 8 + u32::from(digit - b'0');
                    rest.next();
                }
                bytes.push(u8::try_from(value).ok()?);
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8(bytes).ok()
}

fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        match byte {
            b'\\' | b'"' | b'\'' => escaped.extend(['\\', char::from(byte)]),
            b'\n' => escaped.push_str("\\n"),
            b'\r' => escaped.push_str("\\r"),
            b'\t' => escaped.push_str("\\t"),
            0x20..0x7f => escaped.push(char::from(byte)),
            other => write!(escaped, "\\{other:03o}").expect("writing to a string succeeds"),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_prefixes_read_back(prefixes in prop::collection::vec("\\PC{0,12}|[\"'\\\\\n\t\0é]{0,6}", 1..4)) {
            let text = text(&prefixes);
            prop_assert_eq!(newest(&text), prefixes.last().cloned());
            prop_assert_eq!(kept(&text), prefixes);
        }

        #[test]
        fn any_text_is_read(text in any::<String>()) {
            let _either = (newest(&text), kept(&text));
        }
    }
}
