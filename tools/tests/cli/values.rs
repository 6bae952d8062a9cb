//! Values in the formats of others: what `numpy.load` and spreadsheets are given.

use std::path::Path;

use ndarray::{Array3, array};
use varkeep::{DType, Store, Tensor, init, scope::partitioner};

use crate::run::{command, json, run};

fn bytes(folder: &Path, args: &[&str]) -> Vec<u8> {
    let output = command(folder, &[&["show", "v.varkeep"], args].concat()).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn text(folder: &Path, args: &[&str]) -> String {
    String::from_utf8(bytes(folder, args)).unwrap()
}

fn store(folder: &Path) {
    let store = Store::open(folder.join("v.varkeep")).unwrap();
    let root = store.root();
    let cube = Array3::from_shape_fn((2, 3, 4), |(i, j, k)| (i * 100 + j * 10 + k) as f32 + 0.5);
    root.get_variable("cube").initializer(cube.clone()).get().unwrap();
    let cut = root.get_variable("cut").shape([2, 3, 4]).partitioner(partitioner::fixed_size(2, 2));
    cut.initializer(init::zeros()).get().unwrap().assign(cube).unwrap();
    root.get_variable("grid").initializer(array![[1.5_f64, f64::NAN], [f64::NEG_INFINITY, 1e-7]]).get().unwrap();
    root.get_variable("row").initializer(array![1_i64, -2, i64::MAX]).get().unwrap();
    let halves = [1.0_f32, 0.1].map(half::bf16::from_f32);
    root.get_variable("bf").initializer(ndarray::Array1::from(halves.to_vec())).get().unwrap();
    let words = Tensor::from_strings([3], &["a,b", "say \"x\"", "plain"]).unwrap();
    root.get_variable("words").dtype(DType::String).initializer(words).get().unwrap();
    let zeros = Tensor::from_strings([1], &["ends\0"]).unwrap();
    root.get_variable("zeros").dtype(DType::String).initializer(zeros).get().unwrap();
    root.get_variable("none").shape([0, 3]).initializer(init::zeros()).get().unwrap();
    root.get_variable("one").scalar().initializer(init::ones()).get().unwrap();
    store.save("a").unwrap();
}

#[test]
fn csv_has_a_line_for_each_row_and_all_digits() {
    let folder = tempfile::tempdir().unwrap();
    store(folder.path());
    let csv = |args: &[&str]| text(folder.path(), &[args, &["--format", "csv"]].concat());
    assert_eq!(csv(&["grid"]), "1.5,nan\n-inf,1e-07\n");
    assert_eq!(csv(&["row"]), "1\n-2\n9223372036854775807\n");
    assert_eq!(csv(&["one"]), "1.0\n");
    assert_eq!(csv(&["none"]), "");
    assert_eq!(csv(&["words"]), "\"a,b\"\n\"say \"\"x\"\"\"\nplain\n");
    assert_eq!(csv(&["cube", "1,1:"]), "110.5,111.5,112.5,113.5\n120.5,121.5,122.5,123.5\n");
    let cube = csv(&["cube"]);
    assert_eq!(cube.lines().nth(4), Some("1,1,110.5,111.5,112.5,113.5"));
    assert_eq!(cube, csv(&["cut"]), "however it is cut");
}

#[test]
fn npy_is_a_file_that_numpy_loads() {
    let folder = tempfile::tempdir().unwrap();
    store(folder.path());
    let npy = |args: &[&str]| bytes(folder.path(), &[args, &["--format", "npy"]].concat());
    for (args, descr, shape) in [
        (&["cube"][..], "<f4", "(2, 3, 4)"),
        (&["cut"], "<f4", "(2, 3, 4)"),
        (&["row"], "<i8", "(3,)"),
        (&["bf"], "<f4", "(2,)"),
        (&["words"], "|S7", "(3,)"),
        (&["none"], "<f4", "(0, 3)"),
        (&["one"], "<f4", "()"),
        (&["cube", "0,::2,-1"], "<f4", "(2,)"),
    ] {
        let file = npy(args);
        assert_eq!(&file[..8], b"\x93NUMPY\x01\x00");
        let end = 10 + usize::from(u16::from_le_bytes([file[8], file[9]]));
        assert_eq!((end % 64, file[end - 1]), (0, b'\n'), "{args:?}");
        let header = std::str::from_utf8(&file[10..end]).unwrap().trim_end();
        assert_eq!(header, format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}"));
        // Read back by a reader that is not ours.
        std::fs::write(folder.path().join("back.npy"), &file).unwrap();
        if descr != "|S7" {
            let shown = json(folder.path(), &["inspect", "back.npy"], 0);
            assert_eq!(shown["totals"]["variables"], 1, "{shown}");
        }
    }
    let file = npy(&["cube", "0,::2,-1"]);
    assert_eq!(file[file.len() - 8..], [3.5_f32.to_le_bytes(), 23.5_f32.to_le_bytes()].concat());
    let raw = |name: &str| bytes(folder.path(), &[name, "--format", "raw"]);
    assert_eq!(raw("cube"), raw("cut"));
    assert!(npy(&["cube"]).ends_with(&raw("cube")));
    let refused = run(folder.path(), &["show", "v.varkeep", "zeros", "--format", "npy"]);
    assert!(refused.code == 2 && refused.err.contains("ends with a zero"), "{refused:?}");
    for format in ["npy", "csv", "raw"] {
        let both = run(folder.path(), &["show", "v.varkeep", "row", "--json", "--format", format]);
        assert!(both.code == 2 && both.out.contains("different things"), "{both:?}");
    }
}
