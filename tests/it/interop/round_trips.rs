//! Out of a store and in again: the identity, where a format can hold what the store has.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use ndarray::ArrayD;
use proptest::prelude::*;
use varkeep::interop::{self, Export, Format, Import, Names, Source};
use varkeep::scope::partitioner;
use varkeep::{Checkpoint, DType, ErrorKind, Save, SavedKind, Shape, Store, Tensor, init};

use super::fixtures::{all, check};

fn import(path: &Path, store: &Path) -> interop::ImportReport {
    Import::tag("imported").run(interop::open(path).unwrap(), store).unwrap()
}

fn of_store(path: &Path) -> Box<dyn Source> {
    Checkpoint::open(path, None).unwrap().to_source().unwrap()
}

#[test]
fn every_fixture_goes_into_a_store_and_out_again() {
    for (path, expected) in all() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("s.varkeep");
        if expected.is_empty() {
            let error = Import::tag("t").run(interop::open(&path).unwrap(), &store).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::SaverNoVariables);
            assert!(!store.exists());
            continue;
        }
        let report = import(&path, &store);
        assert_eq!(report.variables, expected.len() as u64);
        assert!(varkeep::verify(&store, None, &mut |_| {}).unwrap().is_sound());
        // What TensorFlow cut evenly stays cut; everything else is there in one piece.
        let stored = of_store(&store);
        check_values(&*stored, &expected);
        let format = Format::detect(&path).unwrap().unwrap();
        let again = folder.path().join("out").join(path.file_name().unwrap());
        let report = Export::new(format).run(&*stored, &again).unwrap();
        assert_eq!(report.variables, expected.len() as u64);
        let source = interop::open(&again).unwrap();
        if format == Format::TensorFlow && report.notes.iter().all(|note| !note.what.contains("one piece")) {
            check(&*source, &expected);
        } else {
            check_values(&*source, &expected);
        }
        let left: Vec<_> = fs::read_dir(again.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(left.len(), report.files.len(), "{left:?}");
    }
}

fn check_values(source: &dyn Source, expected: &serde_json::Map<String, serde_json::Value>) {
    assert_eq!(source.variables().len(), expected.len());
    for (i, variable) in source.variables().iter().enumerate() {
        let wanted = super::fixtures::expected_tensor(&expected[&variable.name]);
        assert_eq!(source.tensor(i).unwrap(), wanted, "{}", variable.name);
    }
}

/// TensorFlow writes files one way; ours are the same, byte for byte, where its saver had one data file.
#[test]
fn a_bundle_is_written_as_tensorflow_writes_it() {
    let mut same = 0;
    for (path, _) in all().into_iter().filter(|(path, _)| path.ends_with("model")) {
        let name = path.parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
        // These are of several data files, not in the order of names, or written by another writer on purpose.
        if ["sharded", "object_based", "small_blocks", "snappy_index"].contains(&&*name) {
            continue;
        }
        let folder = tempfile::tempdir().unwrap();
        let source = interop::open(&path).unwrap();
        Export::new(Format::TensorFlow).run(&*source, folder.path().join("model")).unwrap();
        for file in ["model.index", "model.data-00000-of-00001"] {
            let (ours, theirs) =
                (fs::read(folder.path().join(file)).unwrap(), fs::read(path.with_file_name(file)).unwrap());
            assert!(ours == theirs, "{name}/{file}: {} bytes, {} in TensorFlow's", ours.len(), theirs.len());
        }
        same += 1;
    }
    assert_eq!(same, 5);
}

#[test]
fn slices_stay_slices_between_a_store_and_tensorflow() {
    let folder = tempfile::tempdir().unwrap();
    let path = super::fixtures::folder().join("tf/partitioned/model");
    let store = folder.path().join("s.varkeep");
    let report = import(&path, &store);
    let source = interop::open(&path).unwrap();
    let checkpoint = Checkpoint::open(&store, "imported").unwrap();
    for variable in source.variables() {
        let saved = checkpoint.get(&variable.name).unwrap();
        let is_noted = report.notes.iter().any(|note| note.variable.as_ref() == Some(&variable.name));
        assert_eq!(saved.kind() == SavedKind::Whole, variable.pieces.len() > 1 && !is_noted, "{}", variable.name);
    }
    assert!(report.notes.is_empty(), "{:?}", report.notes);
    // And a program finds them as if it had made them.
    let opened = Store::open(&store).unwrap();
    let (root, rows) = (opened.root(), source.index_of("m/ints").unwrap());
    let scope = root.scope("m").resume().partitioner(partitioner::fixed_size(3, 0)).enter().unwrap();
    let ints = scope.get_variable("ints").shape([9]).dtype(DType::I64).get().unwrap();
    assert_eq!(ints.tensor().unwrap(), source.tensor(rows).unwrap());
}

/// What one variable is, in a form that can be compared.
fn held(checkpoint: &Checkpoint) -> BTreeMap<String, String> {
    let describe = |saved: varkeep::SavedVariable| {
        let value = saved.tensor().unwrap();
        let text = format!(
            "{:?} {:?} {} declared {} {:?} {:?} {}",
            saved.kind(),
            saved.dtype(),
            saved.shape(),
            saved.declared_shape(),
            saved.partition_counts(),
            saved.collections(),
            saved.is_trainable(),
        );
        (saved.name().to_owned(), format!("{text} {:?}", value.bytes()))
    };
    checkpoint.variables("").map(|saved| describe(saved.unwrap())).collect()
}

/// Only names, values, shapes and types.
fn values(source: &dyn Source) -> BTreeMap<String, (DType, Shape, Vec<u8>)> {
    let value = |(i, held): (usize, &interop::SourceVariable)| {
        (held.name.clone(), (held.dtype, held.shape.clone(), source.tensor(i).unwrap().bytes().to_vec()))
    };
    source.variables().iter().enumerate().map(value).collect()
}

/// A variable to be made.
#[derive(Clone, Debug)]
struct Made {
    dtype: DType,
    sizes: Vec<u64>,
    seed: u64,
    slices: Option<(u64, usize)>,
    trainable: bool,
    also_in: bool,
}

fn made() -> impl Strategy<Value = Made> {
    let dtypes: Vec<DType> = DType::ALL.iter().copied().filter(|dtype| !dtype.is_raw()).collect();
    let sizes = prop::collection::vec(0_u64..7, 0..4);
    (
        prop::sample::select(dtypes),
        sizes,
        any::<u64>(),
        prop::option::of((1_u64..4, 0_usize..3)),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(dtype, sizes, seed, slices, trainable, also_in)| {
            let slices = slices
                .filter(|(count, axis)| sizes.get(*axis).is_some_and(|size| count <= size) && !sizes.contains(&0));
            Made { dtype, sizes, seed, slices, trainable, also_in }
        })
}

fn value(made: &Made) -> Tensor {
    let shape = Shape::new(made.sizes.clone()).unwrap();
    let elements = shape.elements() as usize;
    let mut state = made.seed;
    let mut next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    if made.dtype == DType::String {
        let texts: Vec<Vec<u8>> = (0..elements)
            .map(|_| {
                let len = next() % 5;
                (0..len).map(|_| next().max(1)).collect()
            })
            .collect();
        return Tensor::from_strings(&shape, &texts).unwrap();
    }
    let len = made.dtype.bytes_of(elements as u64).unwrap();
    let bytes: Vec<u8> = (0..len).map(|_| if made.dtype == DType::Bool { next() & 1 } else { next() }).collect();
    Tensor::from_bytes(made.dtype, shape, &bytes).unwrap()
}

fn build(store: &Store, variables: &[Made]) {
    let root = store.root();
    for (i, made) in variables.iter().enumerate() {
        let name = format!("scope{}/v{i}", i % 3);
        let mut get = root.get_variable(&name).trainable(made.trainable).initializer(value(made));
        if made.also_in {
            get = get.also_in("mine");
        }
        get = get.dtype(made.dtype);
        let get = match made.slices {
            Some((count, axis)) => get.partitioner(partitioner::fixed_size(count, i64::try_from(axis).unwrap())),
            None => get,
        };
        get.get().unwrap_or_else(|error| panic!("{made:?}: {error}"));
    }
    if let Some(first) = store.find("scope0/v0").unwrap() {
        store.alias("tied", &first).unwrap();
    }
    store.save(Save::tag("made").metadata(&("step", 7, f64::NAN))).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_store_comes_back_from_any_format_that_can_hold_it(variables in prop::collection::vec(made(), 1..6)) {
        let folder = super::super::support::folder();
        let path = folder.path().join("from.varkeep");
        build(&Store::open(&path).unwrap(), &variables);
        let from = Checkpoint::open(&path, "made").unwrap();
        let source = from.to_source().unwrap();
        let has = |dtype: DType| variables.iter().any(|made| made.dtype == dtype);
        for (format, file) in [(Format::SafeTensors, "x.safetensors"), (Format::TensorFlow, "x"), (Format::Npz, "x.npz")] {
            let out = folder.path().join(file);
            let written = Export::new(format).run(&*source, &out);
            let cannot = match format {
                Format::SafeTensors => has(DType::String) || has(DType::C128),
                Format::Npz => has(DType::BF16),
                _ => false,
            };
            prop_assert_eq!(written.is_err(), cannot, "{:?}", written.map(|report| report.notes));
            if cannot {
                continue;
            }
            let back = folder.path().join(format!("{format}.varkeep"));
            let report = Import::tag("made").run(interop::open(&out).unwrap(), &back).unwrap();
            let to = Checkpoint::open(&back, "made").unwrap();
            let again = to.to_source().unwrap();
            prop_assert_eq!(values(&*source), values(&*again));
            if format == Format::SafeTensors {
                prop_assert!(report.notes.is_empty());
                prop_assert_eq!(held(&from), held(&to));
                let (a, b) = (from.info().metadata::<(String, i32, f64)>().unwrap().unwrap(), to.info().metadata::<(String, i32, f64)>().unwrap().unwrap());
                prop_assert_eq!((a.0, a.1, a.2.to_bits()), (b.0, b.1, b.2.to_bits()));
            }
            if format == Format::TensorFlow {
                // A single slice is no slice there.
                let cut = |source: &dyn Source| source.variables().iter().map(|held| held.pieces.clone().into_iter().map(|piece| (piece.offset, piece.shape)).collect::<Vec<_>>()).collect::<Vec<_>>();
                prop_assert_eq!(cut(&*source), cut(&*again));
            }
            // From one format into another, without a store between.
            let straight = folder.path().join("straight");
            let direct = Export::new(Format::TensorFlow).overwrite().run(&*interop::open(&out).unwrap(), &straight);
            prop_assert_eq!(values(&*source), values(&*interop::open(direct.unwrap().files.pop().unwrap()).unwrap()));
        }
    }
}

#[test]
fn names_may_hold_anything_and_are_mapped_only_if_none_meet() {
    let folder = tempfile::tempdir().unwrap();
    let path = super::fixtures::folder().join("safetensors/names.safetensors");
    let store = folder.path().join("s.varkeep");
    import(&path, &store);
    let checkpoint = Checkpoint::open(&store, None).unwrap();
    for name in ["", "名前", "sp ace \"q\" \\ \n", "model.layer.0.weight"] {
        assert!(checkpoint.find(name).unwrap().is_some(), "{name:?}");
    }
    let mapped = folder.path().join("mapped.varkeep");
    let all = interop::open(&path).unwrap();
    Import::tag("t").names(Names::DotsToSlashes).prefix("net/").run(all, &mapped).unwrap();
    assert!(Checkpoint::open(&mapped, None).unwrap().find("net/model/layer/0/weight").unwrap().is_some());
    let two = folder.path().join("two.varkeep");
    let made = Store::open(&two).unwrap();
    for name in ["a.b", "a/b"] {
        made.root().get_variable(name).shape([1]).get().unwrap();
    }
    made.save("t").unwrap();
    let error = Export::new(Format::SafeTensors)
        .names(Names::SlashesToDots)
        .run(&*of_store(&two), folder.path().join("x.safetensors"))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NameTaken);
}

#[test]
fn an_import_that_fails_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("s.varkeep");
    let bundle = folder.path().join("model");
    for file in ["model.index", "model.data-00000-of-00001"] {
        fs::copy(super::fixtures::folder().join("tf/partitioned").join(file), folder.path().join(file)).unwrap();
    }
    // The last value is damaged: everything before it has been read by then.
    let data = folder.path().join("model.data-00000-of-00001");
    let mut bytes = fs::read(&data).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&data, &bytes).unwrap();
    let import = |path: &Path| Import::tag("t").run(interop::open(&bundle).unwrap(), path);
    let error = import(&store).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.variable().is_some() && error.path() == Some(&*data), "{error}");
    assert!(!store.exists());
    let made = Store::open(&store).unwrap();
    made.root().get_variable("mine").shape([2]).initializer(init::zeros()).get().unwrap();
    made.save("mine").unwrap();
    drop(made);
    assert!(import(&store).is_err());
    let tags: Vec<_> = varkeep::checkpoints(&store).unwrap().iter().map(|info| info.tag().map(str::to_owned)).collect();
    assert_eq!(tags, [Some("mine".to_owned())]);
    assert_eq!(Checkpoint::open(&store, None).unwrap().variables("").count(), 1);
}

#[test]
fn a_second_import_writes_what_differs() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("s.varkeep");
    let file = folder.path().join("x.npy");
    let write = |rows: usize| {
        let made = folder.path().join("made.varkeep");
        let _gone = fs::remove_dir_all(&made);
        let opened = Store::open(&made).unwrap();
        let mut value = ArrayD::<f32>::from_shape_fn(vec![1000, 256], |at| (at[0] * 256 + at[1]) as f32);
        value.iter_mut().take(rows * 256).for_each(|x| *x = -1.0);
        opened.root().get_variable("x").initializer(Tensor::from(value)).get().unwrap();
        opened.save("t").unwrap();
        Export::new(Format::Npy).overwrite().run(&*of_store(&made), &file).unwrap();
    };
    write(0);
    let first = Import::tag("one").run(interop::open(&file).unwrap(), &store).unwrap();
    assert_eq!(first.save.bytes_new, 1_024_000);
    let taken = Import::tag("two").run(interop::open(&file).unwrap(), &store).unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::NameTaken);
    write(1);
    let second = Import::tag("two").replace().run(interop::open(&file).unwrap(), &store).unwrap();
    assert_eq!(second.save.bytes_new, 256 << 10, "one chunk of four differs");
    assert!(varkeep::verify(&store, None, &mut |_| {}).unwrap().is_sound());
    let one = Checkpoint::open(&store, "one").unwrap().get("x").unwrap().tensor().unwrap();
    let two = Checkpoint::open(&store, "two").unwrap().get("x").unwrap().tensor().unwrap();
    assert!(one != two && two.elements::<f32>().unwrap()[255] == -1.0);
}

#[test]
fn exports_replace_nothing_unless_told_to_and_sets_have_an_index() {
    let folder = tempfile::tempdir().unwrap();
    let source: Arc<dyn Source> =
        interop::open(super::fixtures::folder().join("safetensors/many.safetensors")).unwrap().into();
    let path = folder.path().join("new/m.safetensors");
    Export::new(Format::SafeTensors).run(&*source, &path).unwrap();
    let before = fs::read(&path).unwrap();
    assert_eq!(Export::new(Format::SafeTensors).run(&*source, &path).unwrap_err().kind(), ErrorKind::NameTaken);
    assert_eq!(fs::read(&path).unwrap(), before);
    let set = folder.path().join("set/m.safetensors");
    let report = Export::new(Format::SafeTensors).file_bytes(1000).run(&*source, &set).unwrap();
    assert!(report.files.len() > 3 && report.files.last().unwrap().ends_with("m.safetensors.index.json"));
    let again = interop::open(report.files.last().unwrap()).unwrap();
    assert_eq!(values(&*source), values(&*again));
    let list = folder.path().join("tf/model-7");
    let report = Export::new(Format::TensorFlow).list().run(&*source, &list).unwrap();
    assert!(report.files[0].ends_with("checkpoint"));
    assert_eq!(values(&*interop::open(folder.path().join("tf")).unwrap()), values(&*source));
}
