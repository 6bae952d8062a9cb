//! "Ten minutes with the inspector": every command there runs on a store like the one it is about, and prints a table with
//! the headings that are shown.

use std::path::Path;

use serde::Serialize;
use varkeep::{DType, Save, Store, init};

use crate::run::command;

#[derive(Serialize)]
struct Facts {
    step: u64,
    loss: f64,
    accuracy: f64,
}

/// The variables and checkpoints of the example, without the training.
fn digits(folder: &Path) {
    let store = Store::open(folder.join("digits.varkeep")).unwrap();
    let root = store.root();
    for (layer, inputs, outputs) in [("hidden", 64_u64, 256_u64), ("output", 256, 10)] {
        for (name, shape) in [("weights", vec![inputs, outputs]), ("bias", vec![outputs])] {
            let model = root.get_variable(&format!("model/{layer}/{name}")).shape(shape.clone());
            model.initializer(init::random_normal(0.0, 0.3)).get().unwrap();
            for slot in ["mean", "square"] {
                let slot = format!("model/{layer}/adam/{name}_{slot}");
                let slot = root.get_variable(&slot).shape(shape.clone()).trainable(false);
                slot.initializer(init::zeros()).get().unwrap();
            }
        }
    }
    for name in ["drawn", "seed", "step"] {
        let counter = root.get_variable(&format!("training/{name}")).scalar().dtype(DType::U64).trainable(false);
        counter.initializer(init::zeros()).get().unwrap();
    }
    let order = root.get_variable("training/order").shape([1437]).dtype(DType::U32).trainable(false);
    order.initializer(init::zeros()).get().unwrap();
    for (i, tag) in ["step-017000", "step-017750", "final"].into_iter().enumerate() {
        for name in ["model/hidden/weights", "model/output/weights", "model/hidden/bias", "model/output/bias"] {
            store.find(name).unwrap().unwrap().update::<f32>(|mut w| w.mapv_inplace(|x| x * 1.01 + 0.001)).unwrap();
        }
        let facts = Facts { step: 17_000 + i as u64, loss: 0.1 / (i + 1) as f64, accuracy: 0.9 + 0.01 * i as f64 };
        store.save(Save::tag(tag).metadata(&facts)).unwrap();
    }
}

/// The words of a heading, or nothing if the line is none.
fn heading(line: &str) -> Option<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let is_heading = ["NAME", "TAG"].contains(words.first()?) && words.len() > 2;
    is_heading.then(|| words.join(" "))
}

#[test]
fn every_command_of_the_readme_runs_and_prints_the_headings_shown() {
    let folder = tempfile::tempdir().unwrap();
    digits(folder.path());
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md")).unwrap();
    let section = readme.split("## Ten minutes with the inspector").nth(1).unwrap().split("\n## ").next().unwrap();
    let mut ran = Vec::new();
    for block in section.split("$ varkeep ").skip(1) {
        let (line, shown) = block.split_once('\n').unwrap();
        let line = line.split('#').next().unwrap().split('>').next().unwrap();
        let mut args: Vec<String> = line.split_whitespace().map(|word| word.trim_matches('\'').to_owned()).collect();
        args.extend(["--width", "110"].map(str::to_owned));
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let output = command(folder.path(), &args).output().unwrap();
        let out = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_ne!(output.status.code(), Some(2), "varkeep {line}: {}", String::from_utf8_lossy(&output.stderr));
        if let Some(expected) = shown.lines().next().and_then(heading) {
            let found = out.lines().next().and_then(heading).unwrap_or_default();
            let missing: Vec<&str> = expected.split(' ').filter(|word| !found.contains(word)).collect();
            assert!(missing.is_empty(), "varkeep {line} prints\n{found}\nwithout {missing:?}");
        }
        ran.push(args[0].to_owned());
    }
    for wanted in ["log", "inspect", "show", "diff", "verify", "stat", "restore", "report"] {
        assert!(ran.iter().any(|command| command == wanted), "the README shows no {wanted}");
    }
}
