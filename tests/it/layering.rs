//! The layers of ARCHITECTURE.md, kept: imports point down only, and what only some files may do, only they do.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The modules of the table of layers, each with the number of its layer; the top one is 0.
fn layers() -> BTreeMap<String, usize> {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let mut rows = text.lines().skip_while(|line| !line.starts_with("| layer | modules |")).skip(2);
    let mut layers = BTreeMap::new();
    for (number, row) in rows.by_ref().take_while(|line| line.starts_with('|')).enumerate() {
        let modules = row.split('|').nth(2).unwrap();
        for module in modules.split(',') {
            let before = layers.insert(module.trim().trim_matches('`').to_owned(), number);
            assert_eq!(before, None, "{module} is in two layers");
        }
    }
    layers
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every source file of the library, by its path below `src/`, without comments and without its tests.
fn sources() -> BTreeMap<String, String> {
    let mut sources = BTreeMap::new();
    let mut folders = vec![root().join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let below = path.strip_prefix(root().join("src")).unwrap().to_str().unwrap().to_owned();
                if !is_test(Path::new(&below)) {
                    sources.insert(below, code_of(&fs::read_to_string(&path).unwrap()));
                }
            }
        }
    }
    sources
}

/// Whether a file is compiled for tests only.
fn is_test(below: &Path) -> bool {
    let is_tests = below.iter().any(|part| part == "tests" || part == "tests.rs");
    is_tests || [Path::new("io/faults.rs"), Path::new("interop/fuzzing.rs")].contains(&below)
}

fn code_of(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    let lines = code.lines().map(|line| match line.find("//") {
        Some(at) => &line[..at],
        None => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The module at the top of the crate that a file belongs to.
fn module_of(below: &str) -> &str {
    below.split('/').next().unwrap().trim_end_matches(".rs")
}

/// The modules at the top of the crate that some code names, be it in an import or in a path.
fn named(code: &str) -> Vec<String> {
    named_in(code, "crate::")
}

/// What some code names that is in this module, which is written with the colons behind it.
fn named_in(code: &str, module: &str) -> Vec<String> {
    let mut named = Vec::new();
    for (at, _) in code.match_indices(module) {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
            continue;
        }
        let rest = &code[at + module.len()..];
        if let Some(list) = rest.strip_prefix('{') {
            named.extend(heads(list));
            continue;
        }
        named.push(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
    }
    named
}

/// The first word of each item of a list in braces, whose opening brace has been taken off.
fn heads(list: &str) -> Vec<String> {
    let (mut depth, mut heads, mut head) = (0, Vec::new(), String::new());
    let mut is_head = true;
    for c in list.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                heads.push(std::mem::take(&mut head));
                is_head = true;
            }
            ':' => is_head = is_head && depth > 0,
            c if is_head && depth == 0 && !c.is_whitespace() => head.push(c),
            _ => {}
        }
    }
    heads.push(head);
    heads.retain(|head| !head.is_empty());
    heads
}

#[test]
fn imports_point_down_only() {
    let layers = layers();
    assert!(layers.len() > 15, "the table was not understood: {layers:?}");
    let sources = sources();
    assert!(sources.len() > 80, "the sources were not found");
    let mut wrong = Vec::new();
    for (file, code) in &sources {
        let module = module_of(file);
        if module == "lib" {
            continue;
        }
        let Some(layer) = layers.get(module) else { panic!("ARCHITECTURE.md says nothing of module {module}") };
        for other in named(code) {
            // What is no module is re-exported at the top for users; inside, everything is named where it lives.
            match layers.get(&other) {
                Some(below) if below >= layer => {}
                Some(_) => wrong.push(format!("{file} names {other}, which is above it")),
                None => wrong.push(format!("{file} names crate::{other}, which is no module")),
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn sled_the_disk_and_unsafe_are_where_they_belong() {
    let mut wrong = Vec::new();
    for (file, code) in sources() {
        for (word, allowed) in [
            ("sled::", file == "catalog/tree.rs"),
            ("std::fs", module_of(&file) == "io"),
            ("fs::", module_of(&file) == "io"),
            ("File::", module_of(&file) == "io"),
            (".exists()", module_of(&file) == "io"),
            (".is_dir()", module_of(&file) == "io"),
            (".is_file()", module_of(&file) == "io"),
            ("memmap2", file == "io/map.rs"),
            ("unsafe ", file == "io/map.rs"),
        ] {
            if !allowed && names(&code, word) {
                wrong.push(format!("{file}: {word}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn locks_and_threads_are_those_a_model_can_schedule() {
    let mut wrong = Vec::new();
    for (file, code) in sources() {
        // sled has threads of its own, and models do without it.
        if ["sync", "catalog"].contains(&module_of(&file)) {
            continue;
        }
        let shared = named_in(&code, "std::sync::");
        let unscheduled =
            shared.iter().filter(|name| !["Arc", "Weak", "OnceLock", "LazyLock"].contains(&name.as_str()));
        wrong.extend(unscheduled.map(|name| format!("{file}: std::sync::{name}")));
        let words = ["std::thread", "crossbeam_utils", "shuttle::"].into_iter().filter(|word| names(&code, word));
        wrong.extend(words.map(|word| format!("{file}: {word}")));
    }
    assert!(wrong.is_empty(), "crate::sync has what is wanted here: {wrong:#?}");
}

/// Whether code holds a word that is not the end of a longer one.
fn names(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        word.starts_with('.') || !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

#[test]
fn what_the_checks_look_for_is_found() {
    let code = "use crate::store::{self, Store};\nuse crate::{io::{Dir, File}, error, scope::Tiles};\nlet x = crate::name::join();";
    assert_eq!(named(code), ["store", "io", "error", "scope", "name"]);
    assert_eq!(
        named_in("use std::sync::{Arc, Mutex};\nstd::sync::mpsc::channel()", "std::sync::"),
        ["Arc", "Mutex", "mpsc"]
    );
    assert!(names("let f = fs::read(x)", "fs::") && !names("let f = offs::read(x)", "fs::"));
    assert_eq!(code_of("a // b\nc\n#[cfg(test)]\nmod tests {\n d }"), "a \nc");
}
