//! What can be done with a store: reading, comparing, verifying, salvaging, printing, going on.

use std::ffi::OsStr;
use std::fs;

use arbitrary::Arbitrary;
use varkeep::{Checkpoint, DType, ReadMode, Result, SavedVariable, Store, Verification, Which};
use varkeep_tools::hidden::answer;

use crate::damage::sample::Sample;

/// Of so many verifications in 256 a salvage follows.
const SALVAGES_OF_256: u8 = 8;

/// Commits there may be; one more than there are.
const NUMBERS: u64 = 8;

/// One way of using a store.
#[derive(Arbitrary, Debug)]
pub enum Use {
    Read {
        which: u8,
        in_memory: bool,
    },
    Compare {
        a: u8,
        b: u8,
    },
    /// And salvages now and then: it makes whole stores, and is slow.
    Verify {
        salvages: u8,
    },
    Print {
        line: u8,
        as_json: bool,
    },
    GoOn {
        which: u8,
    },
}

/// What the command line prints of a store; `S` stands for its path.
const LINES: [&[&str]; 10] = [
    &["log", "S", "--columns", "step,0", "--plot", "1", "-v"],
    &["inspect", "S", "--stats", "--slices", "--width", "90"],
    &["inspect", "S", "--tree"],
    &["inspect", "S@two", "--sort", "bytes"],
    &["show", "S", "layer/big", ":3,::-7"],
    &["show", "S", "words"],
    &["diff", "S@one", "S"],
    &["verify", "S", "-v"],
    &["stat", "S"],
    &["prune", "S", "--keep-last", "1", "--dry-run"],
];

impl Use {
    /// Says whether other files than the damaged one may have changed. Errors are answers.
    pub fn run(&self, sample: &Sample) -> bool {
        match self {
            Self::Read { which, in_memory } => {
                let mode = if *in_memory { ReadMode::Memory } else { ReadMode::Map };
                drop(read(sample, &which_of(*which), mode));
            }
            Self::Compare { a, b } => drop(compare(sample, &which_of(*a), &which_of(*b))),
            Self::Verify { salvages } => {
                if let Ok(report) = varkeep::verify(&sample.path, None, &mut |_| {}) {
                    assert!(report.bytes <= 2 * size_of(sample), "more was read than there is");
                }
                if *salvages < SALVAGES_OF_256 {
                    salvage(sample);
                }
            }
            Self::Print { line, as_json } => print(sample, *line, *as_json),
            Self::GoOn { which } => {
                drop(go_on(sample, *which));
                return true;
            }
        }
        false
    }
}

fn which_of(which: u8) -> Which {
    match u64::from(which) % (NUMBERS + 2) {
        0 => Which::Head,
        1 => Which::Tag("four".to_owned()),
        number => Which::Number(number - 1),
    }
}

/// All bytes of the store's files, with what an edit may have added.
fn size_of(sample: &Sample) -> u64 {
    sample.files.iter().map(|(_, bytes)| bytes.len() as u64).sum::<u64>() + (1 << 20)
}

fn read(sample: &Sample, which: &Which, mode: ReadMode) -> Result<()> {
    let infos = varkeep::checkpoints(&sample.path);
    for info in infos.iter().flatten() {
        drop((info.time(), info.tag().map(str::len), info.metadata::<(String, i64)>()));
    }
    let checkpoint = Checkpoint::open_with(&sample.path, which.clone(), mode, Verification::FirstTouch)?;
    for name in ["layer/big", "emb", "tied", "no/such"] {
        drop(checkpoint.get(name));
    }
    for saved in checkpoint.variables("") {
        touch(&saved?);
    }
    Ok(())
}

/// Everything that can be asked of a variable.
fn touch(saved: &SavedVariable) {
    drop((saved.kind(), saved.declared_shape(), saved.is_trainable(), saved.first_commit(), saved.ordinal()));
    drop((saved.placements(), saved.slices(), saved.partition_counts().map(<[u64]>::len), saved.collections().len()));
    let tensor = saved.tensor();
    if let Ok(tensor) = &tensor {
        assert_eq!(tensor.shape(), saved.shape(), "{}", saved.name());
    }
    match saved.dtype() {
        DType::String => drop(saved.read_strings().map(|read| read.strings().len())),
        DType::F32 => drop(saved.read::<f32>()),
        DType::Bool => drop(saved.read::<bool>()),
        _ => {}
    }
    let mut room = [0; 100];
    for piece in saved.pieces() {
        let len = piece.len_bytes().min(room.len() as u64) as usize;
        drop(piece.read_into(piece.len_bytes() - len as u64, &mut room[..len]));
    }
}

fn compare(sample: &Sample, a: &Which, b: &Which) -> Result<()> {
    let (a, b) = (Checkpoint::open(&sample.path, a.clone())?, Checkpoint::open(&sample.path, b.clone())?);
    for ours in a.variables("") {
        let ours = ours?;
        let Some(theirs) = b.find(ours.name())? else { continue };
        std::hint::black_box(ours.is_known_equal(&theirs));
        for (one, other) in ours.pieces().iter().zip(theirs.pieces()) {
            for range in one.ranges_to_compare(&other) {
                assert!(range.end <= one.len_bytes(), "{}", one.name());
            }
        }
    }
    Ok(())
}

fn salvage(sample: &Sample) {
    let to = sample.folder.path().join("salvaged");
    if varkeep::salvage(&sample.path, &to, &mut |_| {}).is_ok() {
        varkeep::verify(&to, None, &mut |_| {}).expect("what was just salvaged is a store");
    }
    let _none = fs::remove_dir_all(&to);
}

fn print(sample: &Sample, line: u8, as_json: bool) {
    let path = sample.path.to_str().expect("the fuzzer's own folder has a plain name");
    let line = LINES[usize::from(line) % LINES.len()];
    let words = line.iter().map(|word| match word.strip_prefix('S') {
        Some(rest) => format!("{path}{rest}"),
        None => (*word).to_owned(),
    });
    let mut words: Vec<String> = std::iter::once("varkeep".to_owned()).chain(words).collect();
    words.extend(["--color".to_owned(), "never".to_owned()]);
    words.extend(as_json.then(|| "--json".to_owned()));
    let (_, out) = answer(&words.iter().map(OsStr::new).collect::<Vec<_>>());
    // Nothing in a file can steer a terminal.
    assert!(!out.contains(&0x1b), "{}", String::from_utf8_lossy(&out));
}

/// Opens the store for writing, changes something, and saves: what was saved then reads back.
fn go_on(sample: &Sample, which: u8) -> Result<()> {
    let mut options = Store::options().create(false).tidies_at_once(true);
    if let Which::Number(number) = which_of(which) {
        options = options.at_commit(number);
    }
    let store = options.open(&sample.path)?;
    let step = store.find("step")?;
    for name in ["layer/big", "emb", "words", "renamed", "tied"] {
        if let Ok(Some(variable)) = store.find(name) {
            drop(variable.tensor());
        }
    }
    drop(store.collection("mine", ""));
    drop(store.retention());
    if let Some(big) = store.find("layer/big")? {
        drop(big.update_rows::<f32>(7..8, |mut rows| rows.fill(1.0)));
    }
    let is_assigned = step.is_some_and(|step| step.assign(-1_i64).is_ok());
    store.save("next")?;
    drop(store.delete("one"));
    let saved = store.checkpoint("next")?;
    if is_assigned {
        assert_eq!(saved.get("step")?.read::<i64>()?.first(), Some(&-1));
    }
    drop(store);
    Ok(())
}
