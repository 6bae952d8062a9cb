//! What programs see.

use serde_json::json;

use crate::run::json;
use crate::sample;

#[test]
fn log_and_inspect_are_exact() {
    let folder = tempfile::tempdir().unwrap();
    let store = sample::digits(folder.path());
    let log = json(folder.path(), &["log", "digits.varkeep"], 0);
    assert_eq!(log["schema"], "varkeep.log/1");
    let [newest, _, oldest] = log["checkpoints"].as_array().unwrap().as_slice() else { panic!("{log}") };
    assert_eq!((&newest["tag"], &newest["commit"], &newest["is_live"]), (&json!("step-200"), &json!(3), &json!(true)));
    assert_eq!(oldest["metadata"], json!({"step": 0, "metrics": {"loss": "Infinity", "accuracy": 0.9}}));
    assert_eq!((&oldest["parent"], &oldest["bytes_total"]), (&json!(null), &json!(16_495)));
    let inspection = json(folder.path(), &["inspect", "digits.varkeep", "embedding", "--stats"], 0);
    let embedding = &inspection["variables"][0];
    assert_eq!((&embedding["kind"], &embedding["partition"]), (&json!("partitioned"), &json!([3, 1])));
    assert_eq!(
        embedding["slices"][2],
        json!({"name": "embedding/part_2", "offset": [4, 0], "shape": [2, 2], "bytes": 16})
    );
    let mut stats = embedding["stats"].clone();
    let histogram = stats.as_object_mut().unwrap().remove("histogram").unwrap();
    assert_eq!(histogram["counts"], json!([0, 0, 0, 0, 0, 11, 0, 0, 0, 0]));
    assert_eq!((&histogram["edges"][0], &histogram["edges"][10]), (&json!(0.5), &json!(1.5)));
    let expected = json!({"min": 1.0, "max": 1.0, "mean": 1.0, "std": 0.0, "zeros": 0, "nans": 1, "infinities": 0});
    assert_eq!(stats, expected);
    assert_eq!(inspection["collections"], json!({"trainable_variables": 1, "variables": 1}));
    // A head that only records a deletion is told as such.
    store.delete("step-0").unwrap();
    let log = json(folder.path(), &["log", "digits.varkeep"], 0);
    let [head, live, _] = log["checkpoints"].as_array().unwrap().as_slice() else { panic!("{log}") };
    assert_eq!(
        (&head["is_head"], &head["is_live"], &head["repeats"]),
        (&json!(true), &json!(false), &json!("step-200"))
    );
    assert_eq!((&live["is_head"], &live["is_live"]), (&json!(false), &json!(true)));
}

#[test]
fn show_gives_all_values_with_their_own_digits() {
    let folder = tempfile::tempdir().unwrap();
    let _store = sample::digits(folder.path());
    let show = |args: &[&str]| json(folder.path(), &[&["show", "digits.varkeep"], args].concat(), 0);
    let shown = show(&["embedding", "4:"]);
    assert_eq!(shown["values"], json!([[1.0, "NaN"], [1.0, 1.0]]));
    assert_eq!(
        (&shown["shape"], &shown["values_shape"], &shown["slice"]),
        (&json!([6, 2]), &json!([2, 2]), &json!("4:"))
    );
    assert_eq!(show(&["labels"])["values"], json!(["cat", "it's", ""]));
    assert_eq!(show(&["step"])["values"], json!(200));
    let all = show(&["hidden/w"]);
    assert_eq!(all["values"].as_array().unwrap().len(), 64);
    assert_eq!(all["values"][0].as_array().unwrap().len(), 32);
}

#[test]
fn diff_reads_only_chunks_that_may_differ() {
    let folder = tempfile::tempdir().unwrap();
    let store = sample::digits(folder.path());
    let diff = json(folder.path(), &["diff", "digits.varkeep@step-100", "digits.varkeep@step-200"], 1);
    assert_eq!(diff["counts"], json!({"added": 0, "removed": 0, "renamed": 0, "changed": 3, "equal": 3}));
    // One slice of the embedding, the weights and the step; no optimizer slot, no label.
    assert_eq!(diff["bytes_read"], json!(16 + 8192 + 8));
    let embedding = &diff["changed"][0];
    assert_eq!((&embedding["name"], &embedding["how"]), (&json!("embedding"), &json!(["values"])));
    assert_eq!((&embedding["values"]["new_nans"], &embedding["values"]["max_delta"]), (&json!(1), &json!(null)));
    let step = diff["changed"].as_array().unwrap().iter().find(|one| one["name"] == "step").unwrap();
    assert_eq!((&step["values"]["max_delta"], &step["values"]["l2_relative"]), (&json!(100), &json!(1.0)));
    // Cut otherwise, the values are compared all the same.
    store.remove("embedding").unwrap();
    let root = store.root();
    let cut = varkeep::scope::partitioner::fixed_size(2, 0);
    let again = root.get_variable("embedding").shape([6, 2]).partitioner(cut);
    again.initializer(varkeep::init::ones()).get().unwrap();
    store.save("cut").unwrap();
    let diff = json(folder.path(), &["diff", "digits.varkeep@step-100", "digits.varkeep@cut", "embedding"], 1);
    let embedding = &diff["changed"][0];
    assert_eq!(embedding["how"], json!(["partition", "values"]));
    assert_eq!((&embedding["values"]["changed"], &embedding["values"]["max_at"]), (&json!(1), &json!([4, 1])));
}
