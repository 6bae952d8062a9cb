//! Every fixture, written by the official libraries, reads as they say it is.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use varkeep::interop::{self, Format, Source};
use varkeep::{DType, Tensor};

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// The fixtures of all formats, each with what it holds: name → what is expected of the value.
pub(crate) fn all() -> Vec<(PathBuf, Map<String, Value>)> {
    let mut all = Vec::new();
    let safetensors = folder().join("safetensors");
    for (file, expected) in json(&safetensors.join("expected.json")).as_object().unwrap() {
        if let Some(tensors) = expected.get("tensors") {
            all.push((safetensors.join(file), tensors.as_object().unwrap().clone()));
        }
    }
    let npz = folder().join("npz");
    for (file, expected) in json(&npz.join("expected.json")).as_object().unwrap() {
        // Beside the files, who wrote them.
        if let Some(members) = expected.get("members") {
            all.push((npz.join(file), members.as_object().unwrap().clone()));
        }
    }
    for entry in fs::read_dir(folder().join("tf")).unwrap() {
        let path = entry.unwrap().path();
        let expected = json(&path.join("expected.json"));
        all.push((path.join("model"), expected["tensors"].as_object().unwrap().clone()));
    }
    assert!(all.len() >= 23, "fixtures are missing: {}", all.len());
    all.sort_by(|(a, _), (b, _)| a.cmp(b));
    all
}

fn bytes_of(hex: &Value) -> Vec<u8> {
    let digits = hex.as_str().unwrap().as_bytes();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn numbers(value: &Value) -> Vec<u64> {
    value.as_array().unwrap().iter().map(|number| number.as_u64().unwrap()).collect()
}

/// The value as the fixture's author wrote it down.
pub(crate) fn expected_tensor(expected: &Value) -> Tensor {
    let shape = varkeep::Shape::new(numbers(&expected["shape"])).unwrap();
    if let Some(hex) = expected.get("data_hex") {
        let dtype = DType::from_name(expected["dtype"].as_str().unwrap()).unwrap();
        return Tensor::from_bytes(dtype, shape, &bytes_of(hex)).unwrap();
    }
    let strings: Vec<Vec<u8>> = match expected.get("strings_hex") {
        Some(hex) => hex.as_array().unwrap().iter().map(bytes_of).collect(),
        None => expected["values"]
            .as_array()
            .unwrap()
            .iter()
            .map(|text| text.as_str().unwrap().as_bytes().to_vec())
            .collect(),
    };
    Tensor::from_strings(&shape, &strings).unwrap()
}

/// Checks that a source holds just this.
pub(crate) fn check(source: &dyn Source, expected: &Map<String, Value>) {
    let names: Vec<&str> = source.variables().iter().map(|variable| variable.name.as_str()).collect();
    let mut wanted: Vec<&str> = expected.keys().map(String::as_str).collect();
    wanted.sort_unstable();
    assert_eq!(names, wanted, "{source:?}");
    for (i, variable) in source.variables().iter().enumerate() {
        let tensor = expected_tensor(&expected[&variable.name]);
        assert_eq!((variable.dtype, &variable.shape), (tensor.dtype(), tensor.shape()), "{}", variable.name);
        assert_eq!(source.tensor(i).unwrap(), tensor, "{}", variable.name);
        if let Some(slices) = expected[&variable.name].get("slices") {
            let mut slices: Vec<_> =
                slices.as_array().unwrap().iter().map(|s| (numbers(&s["start"]), numbers(&s["length"]))).collect();
            slices.sort();
            let pieces = variable.pieces.iter().map(|piece| (piece.offset.clone(), piece.shape.sizes().to_vec()));
            assert_eq!(pieces.collect::<Vec<_>>(), slices, "{}", variable.name);
        }
    }
}

#[test]
fn every_fixture_reads_as_its_author_wrote_it_down() {
    for (path, expected) in all() {
        let source = interop::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(source.refused().is_empty(), "{:?}", source.refused());
        check(&*source, &expected);
    }
}

#[test]
fn any_range_of_bytes_reads_as_the_whole_value_does() {
    for (path, _) in all() {
        let source = interop::open(&path).unwrap();
        for (i, variable) in source.variables().iter().enumerate().step_by(1 + source.variables().len() / 20) {
            if variable.pieces.len() > 1 && variable.dtype == DType::String {
                continue;
            }
            let whole = source.tensor(i).unwrap();
            let len = whole.bytes().len();
            for (start, end) in [(0, len), (len / 3, len - len / 4), (len / 2, (len / 2 + 1).min(len)), (len, len)] {
                let mut part = vec![0xa5; end - start];
                // A source that has read nothing yet.
                interop::open(&path).unwrap().read_into(i, start as u64, &mut part).unwrap();
                assert_eq!(part, whole.bytes()[start..end], "{} {start}..{end}", variable.name);
            }
            for (p, piece) in variable.pieces.iter().enumerate() {
                let mut bytes = vec![0; source.len_bytes(i, p).unwrap() as usize];
                let mut stream = source.stream(i, p).unwrap();
                for part in bytes.chunks_mut(7) {
                    stream.fill(part).unwrap();
                }
                let part = Tensor::from_bytes(variable.dtype, piece.shape.clone(), &bytes).unwrap();
                if variable.pieces.len() == 1 {
                    assert_eq!(part, whole, "{}", variable.name);
                }
                let mut more = [0];
                assert!(source.stream(i, p).is_ok() && stream.fill(&mut more).is_err(), "{}", variable.name);
            }
            assert!(source.read_into(i, len as u64, &mut [0]).is_err());
        }
    }
}

#[test]
fn metadata_and_places_are_told() {
    let source = interop::open(folder().join("safetensors/all_dtypes.safetensors")).unwrap();
    assert_eq!(source.metadata()["note"], "héllo 世界");
    let i = source.index_of("float64").unwrap();
    let place = source.variables()[i].pieces[0].place.clone().unwrap();
    assert_eq!((place.offset_bytes, place.len_bytes), (8 + 1080 + 64, 64));
    assert!(source.index_of("absent").is_none());
}

#[test]
fn formats_are_told_by_their_names_and_by_their_bytes() {
    let fixtures = folder();
    let copies = tempfile::tempdir().unwrap();
    let copied = |from: &str, to: &str| {
        let to = copies.path().join(to);
        fs::copy(fixtures.join(from), &to).unwrap();
        to
    };
    for (path, format) in [
        (fixtures.join("safetensors/many.safetensors"), Some(Format::SafeTensors)),
        (copied("safetensors/many.safetensors", "pytorch_model.bin"), Some(Format::SafeTensors)),
        (copied("npz/stored.npz", "arrays"), Some(Format::Npz)),
        (fixtures.join("tf/sharded/model"), Some(Format::TensorFlow)),
        (fixtures.join("tf/sharded/model.index"), Some(Format::TensorFlow)),
        (fixtures.join("tf/sharded/model.data-00001-of-00003"), Some(Format::TensorFlow)),
        (fixtures.join("tf/resource_vars/checkpoint"), Some(Format::TensorFlow)),
        (fixtures.join("tf/resource_vars"), Some(Format::TensorFlow)),
        (fixtures.join("tf/sharded"), None),
        (fixtures.join("npz/expected.json"), None),
        (fixtures.join("nothing"), None),
    ] {
        assert_eq!(Format::detect(&path).unwrap(), format, "{}", path.display());
        assert_eq!(interop::open(&path).is_ok(), format.is_some(), "{}", path.display());
    }
}

#[test]
fn a_set_of_files_is_one_checkpoint_by_its_index() {
    let folder_of_set = tempfile::tempdir().unwrap();
    let source = folder().join("safetensors");
    fs::copy(source.join("odd_order.safetensors"), folder_of_set.path().join("model-1.safetensors")).unwrap();
    fs::copy(source.join("padded_header.safetensors"), folder_of_set.path().join("model-2.safetensors")).unwrap();
    let index = folder_of_set.path().join("model.safetensors.index.json");
    let write = |map: Value| {
        fs::write(&index, serde_json::json!({ "metadata": { "total_size": 15 }, "weight_map": map }).to_string())
            .unwrap();
    };
    // Both files have an "a": the index says which one is meant.
    write(serde_json::json!({ "a": "model-2.safetensors", "z": "model-1.safetensors" }));
    let set = interop::open(folder_of_set.path()).unwrap();
    assert_eq!(set.files().len(), 2);
    let a = set.tensor(set.index_of("a").unwrap()).unwrap();
    assert_eq!(a.elements::<u16>().unwrap(), [7, 1]);
    assert_eq!((set.metadata()["total_size"].as_str(), set.metadata()["k"].as_str()), ("15", "1"));
    assert_eq!(set.refused().len(), 1);
    for (map, problem) in [
        (serde_json::json!({ "b": "model-1.safetensors" }), "not there"),
        (serde_json::json!({ "a": "../model-1.safetensors" }), "plain file name"),
        (serde_json::json!({ "a": "model-3.safetensors" }), "no such file"),
    ] {
        write(map);
        let error = interop::open(&index).unwrap_err();
        assert!(error.to_string().contains(problem), "{error}");
    }
}
