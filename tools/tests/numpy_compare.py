"""How long NumPy takes to compare two checkpoints of one store that were written as safetensors files, and how long
`varkeep diff` takes on the store: numpy_compare.py VARKEEP STORE A B FOLDER

Needs numpy and safetensors. The files are written into FOLDER if they are not there yet.
"""
import json
import os
import struct
import subprocess
import sys
import time

import numpy as np
from safetensors import safe_open

varkeep, store, a, b, folder = sys.argv[1:]


def export(tag):
    """All float32 variables of a checkpoint as one safetensors file, a variable at a time."""
    path = os.path.join(folder, f"{tag}.safetensors")
    if os.path.exists(path):
        return path
    listed = json.loads(subprocess.check_output([varkeep, "inspect", f"{store}@{tag}", "--json"]))
    header, at = {}, 0
    for one in listed["variables"]:
        header[one["name"]] = {"dtype": "F32", "shape": one["shape"], "data_offsets": [at, at + one["bytes"]]}
        at += one["bytes"]
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        for one in listed["variables"]:
            out.write(subprocess.check_output([varkeep, "show", f"{store}@{tag}", one["name"], "--format", "raw"]))
    return path


files = [export(tag) for tag in (a, b)]
for round in range(3):
    start = time.perf_counter()
    subprocess.run([varkeep, "diff", f"{store}@{a}", f"{store}@{b}", "-q"], check=False)
    ours = time.perf_counter() - start
    start = time.perf_counter()
    with safe_open(files[0], "np") as first, safe_open(files[1], "np") as second:
        changed = sum(int((first.get_tensor(name) != second.get_tensor(name)).sum()) for name in first.keys())
    numpy = time.perf_counter() - start
    print(f"round {round}: varkeep {ours:.3f} s, NumPy {numpy:.3f} s ({changed} elements differ), {numpy / ours:.0f} times")
