//! What people see.

use crate::run::{answer, assert_text, command, run};
use crate::sample;

#[test]
fn log_lists_checkpoints_newest_first_and_marks_the_newest_state() {
    let folder = tempfile::tempdir().unwrap();
    let store = sample::digits(folder.path());
    assert_text(
        &answer(folder.path(), &["log", "digits.varkeep"], 0),
        "|   TAG       COMMIT  WHEN      LOCAL TIME           VARIABLES       NEW   SHARED     TOTAL
         |*  step-200       3  just now  YYYY-MM-DD HH:MM:SS          6   8.0 KiB  8.1 KiB  16.1 KiB
         |   step-100       2  just now  YYYY-MM-DD HH:MM:SS          6   8.0 KiB  8.1 KiB  16.1 KiB
         |   step-0         1  just now  YYYY-MM-DD HH:MM:SS          6  16.1 KiB      0 B  16.1 KiB",
    );
    let ran = run(folder.path(), &["log", "digits.varkeep", "--columns", "step,metrics.loss,no", "--width", "80"]);
    assert_text(
        &ran.out,
        "|   TAG       WHEN           NEW   SHARED     TOTAL  step  metrics.loss  no
         |*  step-200  just now   8.0 KiB  8.1 KiB  16.1 KiB   200         0.125   -
         |   step-100  just now   8.0 KiB  8.1 KiB  16.1 KiB   100          0.25   -
         |   step-0    just now  16.1 KiB      0 B  16.1 KiB     0           inf   -",
    );
    assert_eq!(ran.err, "(no room for COMMIT, LOCAL TIME, VARIABLES: see --width and --json)\n");
    // A deletion makes a commit of its own, which is no step of the history.
    store.delete("step-0").unwrap();
    let out = answer(folder.path(), &["log", "digits.varkeep"], 0);
    assert!(out.lines().nth(1).unwrap().starts_with("*  step-200"), "{out}");
    assert_eq!(out.lines().count(), 3, "{out}");
    sample::train(&store, 300);
    store.commit().unwrap();
    let out = answer(folder.path(), &["log", "digits.varkeep"], 0);
    assert!(out.lines().nth(1).unwrap().starts_with("*  (head)"), "{out}");
}

#[test]
fn log_says_where_history_branches() {
    let folder = tempfile::tempdir().unwrap();
    let store = sample::digits(folder.path());
    store.restore("step-0").unwrap();
    sample::train(&store, 1);
    store.save("branch").unwrap();
    assert_text(
        &answer(folder.path(), &["log", "digits.varkeep"], 0),
        "|     TAG       COMMIT  WHEN      LOCAL TIME           VARIABLES       NEW   SHARED     TOTAL  MADE FROM
         |*    branch         4  just now  YYYY-MM-DD HH:MM:SS          6   8.0 KiB  8.1 KiB  16.1 KiB  step-0
         |│ o  step-200       3  just now  YYYY-MM-DD HH:MM:SS          6   8.0 KiB  8.1 KiB  16.1 KiB
         |│ o  step-100       2  just now  YYYY-MM-DD HH:MM:SS          6   8.0 KiB  8.1 KiB  16.1 KiB
         |o─╯  step-0         1  just now  YYYY-MM-DD HH:MM:SS          6  16.1 KiB      0 B  16.1 KiB",
    );
}

#[test]
fn inspect_lists_variables_with_totals() {
    let folder = tempfile::tempdir().unwrap();
    let _store = sample::digits(folder.path());
    assert_text(
        &answer(folder.path(), &["inspect", "digits.varkeep"], 0),
        "|NAME           DTYPE    SHAPE       BYTES  TRAIN  SLICES  ALIAS OF
         |embedding      float32  [6, 2]       48 B  yes    3×1
         |hidden/b       float32  [4]          16 B  yes
         |hidden/w       float32  [64, 32]  8.0 KiB  yes
         |hidden/w/Adam  float32  [64, 32]  8.0 KiB
         |labels         string   [3]          39 B
         |step           int64    []            8 B
         |tied/w         float32  [64, 32]           yes            hidden/w
         |6 variables, 1 alias, 4,116 elements (2,064 trainable), 16.1 KiB
         |collections: slots 1, trainable_variables 3, variables 6",
    );
    assert_text(
        &answer(folder.path(), &["inspect", "digits.varkeep@step-0", "embedding", "--slices"], 0),
        "|NAME                DTYPE    SHAPE   BYTES  TRAIN  SLICES
         |embedding           float32  [6, 2]   48 B  yes    3×1
         |  embedding/part_0           [2, 2]   16 B         at [0, 0]
         |  embedding/part_1           [2, 2]   16 B         at [2, 0]
         |  embedding/part_2           [2, 2]   16 B         at [4, 0]
         |1 variable, 12 elements (all trainable), 48 B
         |collections: trainable_variables 1, variables 1",
    );
    // A slice that is asked for by its own name is listed by itself.
    let out = answer(folder.path(), &["inspect", "digits.varkeep", "embedding/part_1"], 0);
    assert!(out.contains("embedding/part_1  float32  [2, 2]"), "{out}");
}

#[test]
fn inspect_adds_statistics_and_leaves_out_what_does_not_fit() {
    let folder = tempfile::tempdir().unwrap();
    let _store = sample::digits(folder.path());
    let ran = run(folder.path(), &["inspect", "digits.varkeep", "--stats", "--width", "80"]);
    assert_text(
        &ran.out,
        "|NAME           DTYPE    SHAPE      MIN     MAX     MEAN     STD  NAN  HISTOGRAM
         |embedding      float32  [6, 2]       1       1        1       0    1       █
         |hidden/b       float32  [4]       -1.5       2     0.25    1.25       █   ██   █
         |hidden/w       float32  [64, 32]  -0.5  0.6055  0.05298  0.2907       ▅████████▅
         |hidden/w/Adam  float32  [64, 32]     0       0        0       0            █
         |labels         string   [3]
         |step           int64    []         200     200      200       0            █
         |tied/w         float32  [64, 32]
         |6 variables, 1 alias, 4,116 elements (2,064 trainable), 16.1 KiB
         |collections: slots 1, trainable_variables 3, variables 6",
    );
    assert_eq!(ran.err, "(no room for BYTES, TRAIN, SLICES, ALIAS OF, ZEROS: see --width and --json)\n");
    for width in ["40", "60", "80", "120"] {
        let ran = run(folder.path(), &["inspect", "digits.varkeep", "hidden", "--stats", "--width", width]);
        let widest = ran.out.lines().filter(|line| line.contains("float32")).map(|line| line.chars().count()).max();
        assert!(widest.unwrap() <= width.parse().unwrap(), "{}", ran.out);
    }
}

#[test]
fn show_prints_what_numpy_prints() {
    let folder = tempfile::tempdir().unwrap();
    let _store = sample::digits(folder.path());
    let show = |args: &[&str]| answer(folder.path(), &[&["show", "digits.varkeep"], args].concat(), 0);
    assert_eq!(show(&["hidden/b"]), "[ 0.5 -1.5  0.   2. ]\n");
    assert_eq!(show(&["hidden/b", "::-2"]), "[ 2.  -1.5]\n");
    assert_eq!(show(&["hidden/b", "-3"]), "-1.5\n");
    assert_eq!(show(&["step"]), "200\n");
    assert_eq!(show(&["labels"]), "[b'cat' b\"it's\" b'']\n");
    assert_eq!(show(&["embedding", "3:,:"]), "[[ 1.  1.]\n [ 1. nan]\n [ 1.  1.]]\n");
    assert_eq!(show(&["tied/w", "...,0"]), show(&["hidden/w", ":,0"]));
    assert_eq!(show(&["hidden/w", "0:0"]), "[]\n");
    assert_eq!(
        show(&["hidden/w"]),
        "[[-0.5        -0.49609375 -0.4921875  ... -0.38671875 -0.3828125
  -0.37890625]
 [-0.484375   -0.48046875 -0.4765625  ... -0.37109375 -0.3671875
  -0.36328125]
 [-0.46875    -0.46484375 -0.4609375  ... -0.35546875 -0.3515625
  -0.34765625]
 ...
 [ 0.453125    0.45703125  0.4609375  ...  0.56640625  0.5703125
   0.57421875]
 [ 0.46875     0.47265625  0.4765625  ...  0.58203125  0.5859375
   0.58984375]
 [ 0.484375    0.48828125  0.4921875  ...  0.59765625  0.6015625
   0.60546875]]\n"
    );
    let raw = command(folder.path(), &["show", "digits.varkeep", "hidden/b", "1:3", "--format", "raw"]);
    assert_eq!({ raw }.output().unwrap().stdout, [(-1.5_f32).to_le_bytes(), 0.0_f32.to_le_bytes()].concat());
    for name in ["hidden/w", "embedding"] {
        let whole =
            command(folder.path(), &["show", "digits.varkeep", name, "--format", "raw"]).output().unwrap().stdout;
        let part =
            command(folder.path(), &["show", "digits.varkeep", name, ":-1", "--format", "raw"]).output().unwrap();
        assert!(whole.starts_with(&part.stdout) && whole.len() > part.stdout.len());
    }
}

#[test]
fn diff_tells_what_and_how_much() {
    let folder = tempfile::tempdir().unwrap();
    let store = sample::digits(folder.path());
    sample::reshape(&store);
    assert_text(
        &answer(folder.path(), &["diff", "digits.varkeep@step-0", "digits.varkeep@step-100", "--width", "80"], 1),
        "|   NAME       DTYPE    SHAPE     CHANGED  MAX |Δ|  AT       REL L2  COSINE
         |~  step       int64    []           100%      100              inf
         |~  embedding  float32  [6, 2]       8.3%        2  [4, 1]        2  1.0000
         |~  hidden/w   float32  [64, 32]    <0.1%     0.25  [3, 17]   0.646  1.0000
         |3 changed, 3 equal (step-100 against step-0)",
    );
    assert_text(
        &answer(folder.path(), &["diff", "digits.varkeep@step-100", "digits.varkeep@other"], 1),
        "|   NAME               DTYPE    SHAPE     CHANGED  MAX |Δ|  AT       REL L2   COSINE  NEW NAN  OTHERWISE
         |>  hidden/w/Momentum  float32  [64, 32]                                                       was hidden/w/Adam
         |~  hidden/b           float64  [2]                                                            was float32 [4]
         |~  embedding          float32  [6, 2]       8.3%                                           1
         |~  hidden/w           float32  [64, 32]    <0.1%     0.25  [3, 17]    1.83  -1.0000
         |~  step               int64    []           100%      100                1   1.0000
         |1 renamed, 4 changed, 1 equal (other against step-100)",
    );
    let same = &["diff", "digits.varkeep@step-100", "digits.varkeep@commit:2"];
    assert_text(&answer(folder.path(), same, 0), "|equal: 6 variables, 16.1 KiB");
    let near = &["diff", "digits.varkeep@step-0", "digits.varkeep@step-100", "hidden", "--atol", "0.25"];
    assert_text(&answer(folder.path(), near, 0), "|equal within the tolerance: 3 variables, 16.0 KiB");
    let quiet = &["diff", "digits.varkeep@step-0", "digits.varkeep@step-100", "-q"];
    assert_eq!(answer(folder.path(), quiet, 1), "");
}
