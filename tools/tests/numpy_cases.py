"""Writes numpy-2.4.json: what NumPy prints for many arrays, for the tests of `varkeep show`.

Run it with NumPy 2.4 and ml_dtypes 0.6 installed: python numpy_cases.py > numpy-2.4.json
bfloat16, which NumPy does not know, is printed as float32.
"""
import json
import sys

import numpy as np, ml_dtypes
rng = np.random.default_rng(7)
cases = []
def add(a, dtype=None):
    a = np.ascontiguousarray(a) if a.ndim else a
    dtype = dtype or a.dtype.name
    if dtype == "string":
        data = [bytes(x).hex() for x in a.ravel()]
        text = str(a)
    elif dtype == "bfloat16":
        data = a.tobytes().hex()
        text = str(a.astype(np.float32))
    else:
        data = a.tobytes().hex()
        text = str(a)
    cases.append({"dtype": dtype, "shape": list(a.shape), "data": data, "text": text})
inf, nan = float("inf"), float("nan")
lists = [
 [1.0], [1.5, 2.25, 3.0], [0.1, 0.2, 0.3], [1/3, 2/3], [1e-5, 1.0], [1e8], [99999999.0, 0.1], [1e7, 1.0], [123456.0, 1.5], [999.0, 1.0], [1000.0, 1.0], [1001.0, 1.0],
 [0.0, 0.0], [-0.0, 0.0], [nan], [inf], [-inf], [nan, inf, -inf], [nan, 1.5], [inf, 1.5], [-inf, 1.5], [nan, 1e-10], [-inf, 1e10, 3.14159], [1e-4, 1.0], [9.9e-5, 1.0], [1e-3, 1.0], [9.99e-4, 1.0], [0.12345678901234, 1.0],
 [1e15, 1e16], [123456789.123456789], [12345678.123456789, 1.0], [5e-324], [1e300, 1e-300], [0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625, 0.0078125, 0.00390625, 0.001953125], [-1.0, 2.0], [-1e-7, 2.0], [2.5e-8], [0.123456785, 1.0], [0.123456775, 1.0], [0.000000005, 0.5][1:], [100.0, 200.0, 300.5], [1.0, 10.0, 100.0], [65504.0, 1.0], [6e-8, 1.0], [6.1e-5], [3.0, 0.33325195], [33554432.0, 16777217.0],
]
with np.errstate(all="ignore"):
    for t in (np.float16, np.float32, np.float64, ml_dtypes.bfloat16):
        for l in lists:
            a = np.array(l, dtype=np.float64).astype(t)
            add(a)
            if len(l) > 1:
                add(a[:1].reshape(()))
        for x in [0.0, -0.0, 1.0, -1.5, 0.1, 1e-4, 9.9e-5, 1e-5, 1e15, 1e16, 1.5e16, 123456789.0, 5e-324, 1.7e308, nan, inf, -inf, 1/3, 65504.0, 6e-8]:
            add(np.array(x, dtype=np.float64).astype(t))
        for s in [(3, 4), (2, 3, 4), (2, 2, 2, 2), (1, 1), (40,), (7, 11), (1001,), (1000,), (7, 150), (150, 7), (3, 2, 170), (10, 10, 11), (0,), (3, 0), (1, 1001), (3, 7, 7, 7)]:
            big = int(np.prod(s)) > 300
            if big and t is not np.float32 and s != (1001,): continue
            for scale in (1.0,) if big else (1.0, 1e-3, 1e5):
                add((rng.standard_normal(s) * scale).astype(t))
        a = rng.standard_normal((5, 5)).astype(t); a[2, 2] = nan; a[0, 1] = -inf; a[4, 4] = inf; add(a)
    # every half there is, in rows, and single
    bits = np.arange(0, 65536, 37, dtype=np.uint16).view(np.float16)
    for row in bits.reshape(-1)[:1760].reshape(-1, 8): add(row)
    powers = np.array([2.0**e for e in range(-24, 16)], dtype=np.float16)
    for p in powers: add(p.reshape(())); add(np.array([p]))
    for seed in range(60):
        r = np.random.default_rng(seed)
        for t, u in ((np.float32, np.uint32), (np.float64, np.uint64)):
            a = r.integers(0, np.iinfo(u).max, size=5, dtype=u).view(t)
            add(a); add(a[:1].reshape(()))
            add((r.standard_normal(6) * 10.0 ** r.integers(-6, 9)).astype(t))
for t in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"):
    i = np.iinfo(t)
    add(np.array([i.min, i.max], dtype=t)); add(np.array([0, 1, 2], dtype=t)); add(np.array(i.max, dtype=t)); add(np.array([], dtype=t))
    add(rng.integers(i.min, i.max, size=(4, 5), dtype=t)); add(np.arange(1200).astype(t).reshape(40, 30) if t in ("int16", "uint64") else np.arange(100).astype(t)); add(np.array([[i.min, 1]], dtype=t))
add(np.array([True, False])); add(np.array(True)); add(np.array(False)); add(np.array([[True, True], [False, True]])); add(rng.integers(0, 2, size=(30, 40)).astype(bool)); add(np.array([], dtype=bool)); add(np.ones(30, dtype=bool))
for t in (np.complex64, np.complex128):
    for l in [[1+2j], [1.5-2.25j, 3], [1e-5+1j, 2], [complex(nan, inf), 1+1j], [complex(-inf, nan), 1.5-1j], [1e10+1e-10j, 0], [0, -0.0], [1/3+2/3j, -1/3], [complex(-0.0, -0.0)]]:
        a = np.array(l, dtype=t); add(a); add(a[:1].reshape(()))
    for x in [0, 1j, -1j, 1, 1e20+1e-20j, complex(0, nan), complex(nan, 0), complex(inf, -inf), complex(0, -inf), complex(-0.0, 1), 2.5+0.1j]:
        add(np.array(x, dtype=t))
    add((rng.standard_normal((5, 6)) + 1j * rng.standard_normal((5, 6))).astype(t)); add((rng.standard_normal((11, 92)) + 1j * rng.standard_normal((11, 92))).astype(t)); add(np.zeros((0, 2), dtype=t))
def strings(l, shape):
    a = np.empty(len(l), dtype=object)
    for i, x in enumerate(l): a[i] = x
    return a.reshape(shape)
add(strings([b"a", b"bc", b""], (3,)), "string"); add(strings([b"it's"], (1,)), "string"); add(strings([b"it's \"x\"", b"\\ \t\n\r\x00\xff"], (2,)), "string")
add(strings(["日本".encode()], ()), "string"); add(strings([b"x"], ()), "string"); add(strings([b"word%d" % i for i in range(60)], (6, 10)), "string"); add(strings([b"word%d" % i for i in range(1100)], (1100,)), "string"); add(strings([], (0,)), "string")
add(strings([b"a" * 100, b"b" * 3], (2,)), "string")
sys.stdout.write("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")
