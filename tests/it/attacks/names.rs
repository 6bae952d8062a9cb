//! Names: two of one name, out of order, none at all, no text, too long, or made to be taken for something else.

use varkeep::{Checkpoint, ReadMode, Store};

use crate::attacks::craft::{Commit, Crafted, Manifest, Variable, alias, whole};
use crate::support::folder;

fn with_names(names: &[&[u8]]) -> Crafted {
    let mut store = Crafted::new();
    let shard = store.shard(&[7; 100]);
    let manifest = Manifest::over(shard, &[7; 100]).entry("v", Variable::of_bytes(100).entry());
    let manifest = names.iter().fold(manifest, |manifest, name| manifest.entry(name, alias("v")));
    store.holding(&manifest)
}

#[test]
fn two_entries_of_one_name_and_names_out_of_order_are_found() {
    with_names(&[b"w", b"x"]).assert_sound("x", &[7; 100]);
    for names in [&[&b"w"[..], b"w"][..], &[b"v"], &[b"x", b"w"], &[b"a"], &[b""]] {
        let report = with_names(names).verify();
        assert!(report.damage.iter().any(|damage| damage.what.contains("does not follow")), "{names:?}: {report:?}");
        assert!(!report.is_sound());
    }
}

#[test]
fn names_that_are_no_text_or_too_long_are_refused() {
    for name in [&b"w\xff"[..], b"w\xc0\x80", b"w\xed\xa0\x80", &[b'w'; 4097], &vec![b'w'; 100_000]] {
        let store = with_names(&[name]);
        let checkpoint = Checkpoint::open(&store.path, None).unwrap();
        assert!(checkpoint.variables("").any(|saved| saved.is_err()));
        assert!(!store.verify().is_sound());
        assert!(Store::open(&store.path).and_then(|store| store.collection("variables", "")).is_err());
    }
    with_names(&[&[b'w'; 4096]]).assert_sound("v", &[7; 100]);
}

/// Names are not paths: nothing is ever made, read or removed under them.
#[test]
fn names_of_other_places_lead_nowhere_else() {
    let names = [&b"../../../../elsewhere/x"[..], b"/elsewhere/x", b"w\0/x", b"w/../../y", b"x\x1b[2J\n\r\x07"];
    let mut sorted = names;
    sorted.sort_unstable();
    // "v" has to stay the first: what is before it is tried alone.
    for name in sorted {
        let mut store = Crafted::new();
        let shard = store.shard(&[7; 100]);
        let manifest = Manifest::over(shard, &[7; 100]).entry(name, Variable::of_bytes(100).entry());
        let store = store.holding(&manifest);
        let text = std::str::from_utf8(name).unwrap();
        store.assert_sound(text, &[7; 100]);
        let folder = folder();
        let to = folder.path().join("to");
        varkeep::salvage(&store.path, &to, &mut |_| {}).unwrap();
        let open = Store::open(&to).unwrap();
        assert_eq!(open.find(text).unwrap().unwrap().tensor().unwrap().bytes(), [7; 100]);
        open.save("again").unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        // An error quotes it, with nothing in it that steers a terminal.
        let error = store.open(ReadMode::Map).unwrap().get(&format!("{text}?")).unwrap_err().to_string();
        assert!(!error.contains(char::is_control), "{error:?}");
    }
}

#[test]
fn tags_that_are_no_tags_or_twice_there_are_refused() {
    for tags in [&["a", "a"][..], &[""], &["a b"], &["a@b"], &["commit:1"], &["x\u{1b}[2J"], &["x\n"]] {
        let mut store = Crafted::new();
        let shard = store.shard(&[7; 100]);
        let reference = store.manifest(&Manifest::over(shard, &[7; 100]).entry("v", Variable::of_bytes(100).entry()));
        let commit = tags.iter().fold(Commit::new(1, &[reference]), |commit, tag| commit.tag(tag, 1));
        store.commit(&commit);
        let error = Checkpoint::open(&store.path, None).unwrap_err();
        assert!(!error.to_string().contains(char::is_control), "{error:?}");
        assert!(!store.verify().is_sound(), "{tags:?}");
    }
}

#[test]
fn aliases_of_aliases_in_circles_or_of_themselves_are_refused() {
    let build = |pairs: &[(&str, &str)]| {
        let mut store = Crafted::new();
        let shard = store.shard(&[7; 100]);
        let manifest = pairs
            .iter()
            .fold(Manifest::over(shard, &[7; 100]), |manifest, (name, target)| manifest.entry(name, alias(target)));
        store.holding(&manifest.entry("v", Variable::of_bytes(100).entry()))
    };
    build(&[("a", "v")]).assert_sound("a", &[7; 100]);
    build(&[("a", "b"), ("b", "v")]).assert_refused("a", "which is no variable");
    build(&[("a", "b"), ("b", "a")]).assert_refused("a", "which is no variable");
    build(&[("a", "b"), ("b", "c"), ("c", "a")]).assert_refused("c", "which is no variable");
    build(&[("a", "a")]).assert_refused("a", "its own target");
    build(&[("a", "")]).assert_refused("a", "which is no variable");
    // A whole that is made of an alias of itself.
    let mut store = Crafted::new();
    let shard = store.shard(&[7; 100]);
    let manifest = Manifest::over(shard, &[7; 100]).entry("a", alias("w"));
    let manifest = manifest.entry("v", Variable::of_bytes(100).entry());
    let store = store.holding(&manifest.entry("w", whole(&[100], &[1], &["a".to_owned()])));
    store.assert_refused("w", "is missing or of another shape");
    store.assert_refused("a", "is missing or of another shape");
}
