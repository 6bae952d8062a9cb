//! Any bytes as names, scopes and tags: never a panic; what is accepted is what the rule says in other words; every
//! text survives the encoding of catalog keys, and keys sort by scope.

#![no_main]

use libfuzzer_sys::fuzz_target;
use varkeep::hidden::{check_scope, check_tag, check_variable, decode_key, encode_key};

/// TensorFlow's rule, and no empty part.
fn is_variable(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_.-/".contains(c);
    name.chars().next().is_some_and(|c| c.is_ascii_alphanumeric() || c == '.')
        && name.chars().all(allowed)
        && !name.contains("//")
        && !name.ends_with('/')
        && name.len() <= varkeep::limits::NAME_BYTES_MAX
}

fn is_tag(tag: &str) -> bool {
    !tag.is_empty()
        && tag.len() <= varkeep::limits::TAG_BYTES_MAX
        && !tag.contains(|c: char| c.is_whitespace() || c.is_control() || c == '@' || c == ':')
}

fuzz_target!(|bytes: &[u8]| {
    // A key that decodes is the key of that name, and of no other.
    if let Some(name) = decode_key(bytes) {
        assert_eq!(encode_key(&name), bytes);
    }
    let text = String::from_utf8_lossy(bytes);
    // A line end, which no accepted name holds, parts two names.
    let (a, b) = text.split_once('\n').unwrap_or((&text, ""));
    for name in [a, b] {
        assert_eq!(decode_key(&encode_key(name)).as_deref(), Some(name));
        assert_eq!(check_variable(name, "").is_ok(), is_variable(name), "{name:?}");
        assert_eq!(check_tag(name).is_ok(), is_tag(name), "{name:?}");
        if check_scope("", name).is_ok() && !name.is_empty() {
            assert!(is_variable(name), "a scope at the root is named as a variable is: {name:?}");
        }
    }
    if check_scope("", b).is_ok() && check_scope(b, a).is_ok() {
        // What can be entered can hold variables.
        let scope = if b.is_empty() { a.to_owned() } else { format!("{b}/{a}") };
        let full = if scope.is_empty() { "v".to_owned() } else { format!("{scope}/v") };
        if full.len() <= varkeep::limits::NAME_BYTES_MAX {
            assert!(check_variable(&full, &scope).is_ok(), "{full:?} in {scope:?}");
        }
    }
    let parts = |name: &str| name.split('/').map(|part| part.as_bytes().to_vec()).collect::<Vec<_>>();
    assert_eq!(encode_key(a).cmp(&encode_key(b)), parts(a).cmp(&parts(b)), "{a:?} {b:?}");
});
