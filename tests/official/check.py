"""Reads what varkeep exports with the official libraries.

    cargo build --release -p varkeep-tools
    pip install numpy safetensors ml_dtypes tensorflow
    python tests/official/check.py target/release/varkeep

Every fixture is imported into a store and exported from it as each format that can hold it; numpy, safetensors and
TensorFlow (whichever is installed) must read the very bytes that the fixture's expected.json states. TensorFlow's Saver
also restores partitioned and whole variables from the exported checkpoints, and varkeep reads back what the libraries
write.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

FIXTURES = pathlib.Path(__file__).resolve().parent.parent / "fixtures"
VARKEEP = pathlib.Path(sys.argv[1]).resolve()
checked = {}


def varkeep(*args):
    done = subprocess.run([VARKEEP, *map(str, args)], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def optional(name):
    try:
        return __import__(name, fromlist=["_"])
    except ImportError:
        print(f"{name} is not installed: what it would check is left out")
        return None


np = __import__("numpy")
ml_dtypes = optional("ml_dtypes")
safetensors_numpy = optional("safetensors.numpy")
safe_open = optional("safetensors")
tf = optional("tensorflow")


def fixtures():
    st = json.loads((FIXTURES / "safetensors/expected.json").read_text())
    for name, expected in st.items():
        if isinstance(expected, dict) and "tensors" in expected:
            yield FIXTURES / "safetensors" / name, expected["tensors"]
    npz = json.loads((FIXTURES / "npz/expected.json").read_text())
    for name, expected in npz.items():
        if isinstance(expected, dict):
            yield FIXTURES / "npz" / name, expected["members"]
    for folder in sorted((FIXTURES / "tf").iterdir()):
        yield folder / "model", json.loads((folder / "expected.json").read_text())["tensors"]


def expected_of(tensor):
    """The raw bytes, or the list of byte strings."""
    if "data_hex" in tensor:
        return bytes.fromhex(tensor["data_hex"])
    if "strings_hex" in tensor:
        return [bytes.fromhex(text) for text in tensor["strings_hex"]]
    return [text.encode() for text in tensor["values"]]


def same(array, tensor, what):
    array = np.asarray(array)
    want = expected_of(tensor)
    assert list(array.shape) == tensor["shape"], (what, array.shape, tensor["shape"])
    if isinstance(want, bytes):
        assert np.ascontiguousarray(array).tobytes() == want, what
    else:
        found = [text if isinstance(text, bytes) else text.encode() for text in array.reshape(-1).tolist()]
        assert found == want, (what, found, want)
    checked[what[0]] = checked.get(what[0], 0) + 1


def export(store, path, *more):
    code, _, err = varkeep("export", store, path, *more)
    if code != 0:
        assert "cannot be written as" in err, err
        return False
    return True


def check_safetensors(store, folder, tensors):
    path = folder / "x.safetensors"
    if not (safe_open and export(store, path)):
        return
    with safe_open.safe_open(path, "np") as file:
        assert sorted(file.keys()) == sorted(tensors)
        for name, tensor in tensors.items():
            kind = file.get_slice(name).get_dtype()
            assert file.get_slice(name).get_shape() == tensor["shape"], name
            if kind.startswith("F8"):
                continue  # numpy has none of these; the bytes are compared below
            if kind == "BF16" and ml_dtypes is None:
                continue
            same(file.get_tensor(name), tensor, ("safetensors", name))
    for name, held in safe_open.deserialize(path.read_bytes()):
        assert bytes(held["data"]) == expected_of(tensors[name]), name


def check_npz(store, folder, tensors):
    for more in [(), ("--compress",)]:
        path = folder / f"x{len(more)}.npz"
        if not export(store, path, *more):
            return
        with np.load(path) as file:
            assert sorted(file.files) == sorted(tensors)
            for name, tensor in tensors.items():
                same(file[name], tensor, ("npz", name))


def check_tensorflow(store, folder, tensors):
    prefix = folder / "ckpt" / "x-1"
    if not (tf and export(store, prefix, "--as", "tensorflow", "--list")):
        return
    assert tf.train.latest_checkpoint(str(prefix.parent)) == str(prefix)
    reader = tf.train.load_checkpoint(str(prefix))
    assert sorted(reader.get_variable_to_shape_map()) == sorted(tensors)
    for name, tensor in tensors.items():
        if tensor.get("note"):
            continue  # of a dtype whose slices TensorFlow's own reader does not join
        if tensor["dtype"] == "string" if "dtype" in tensor else True:
            if tensor.get("slices"):
                continue  # the same
        same(reader.get_tensor(name), tensor, ("tensorflow", name))


def check_saver(folder):
    """What Saver wrote, through a store, is restored by Saver: partitioned, whole, and local left out."""
    if tf is None:
        return
    v1 = tf.compat.v1
    v1.disable_eager_execution()

    def graph():
        with v1.variable_scope("net", partitioner=v1.fixed_size_partitioner(3, axis=0)):
            cut = v1.get_variable("cut", [10, 4], initializer=v1.random_normal_initializer())
        whole = v1.get_variable("whole", [5], initializer=v1.random_normal_initializer())
        local = v1.get_local_variable("seen", [], dtype=tf.int64, initializer=v1.zeros_initializer())
        return cut.as_tensor(), whole, local

    with tf.Graph().as_default(), v1.Session() as session:
        cut, whole, _ = graph()
        session.run([v1.global_variables_initializer(), v1.local_variables_initializer()])
        written = session.run([cut, whole])
        prefix = v1.train.Saver().save(session, str(folder / "saver" / "model"))
    code, _, err = varkeep("import", prefix, f"{folder}/saver.varkeep@t")
    assert code == 0, err
    code, _, err = varkeep("export", f"{folder}/saver.varkeep@t", folder / "again/model", "--as", "tensorflow")
    assert code == 0, err
    with tf.Graph().as_default(), v1.Session() as session:
        cut, whole, _ = graph()
        v1.train.Saver().restore(session, str(folder / "again/model"))
        read = session.run([cut, whole])
    assert all(np.array_equal(a, b) for a, b in zip(written, read))
    # The same file into a graph that cuts otherwise, or not at all.
    with tf.Graph().as_default(), v1.Session() as session:
        whole_cut = v1.get_variable("net/cut", [10, 4])
        v1.train.Saver([whole_cut]).restore(session, str(folder / "again/model"))
        assert np.array_equal(session.run(whole_cut), written[0])
    checked["saver"] = 3


for path, tensors in fixtures():
    if not tensors:
        continue
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        store = folder / "s.varkeep"
        code, _, err = varkeep("import", path, store)
        assert code == 0, (path, err)
        for check in (check_safetensors, check_npz, check_tensorflow):
            check(store, folder, tensors)
    print("read alike:", path.relative_to(FIXTURES))
with tempfile.TemporaryDirectory() as folder:
    check_saver(pathlib.Path(folder))
print("values compared:", checked)
