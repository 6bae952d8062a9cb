"""Writes numpy-stats.json: statistics and differences of many arrays as NumPy computes them in float64, for the tests of
`varkeep inspect --stats` and `varkeep diff`.

Run it with NumPy 2 and ml_dtypes installed: python numpy_stats.py > numpy-stats.json
"""
import json
import sys

import ml_dtypes
import numpy as np

rng = np.random.default_rng(11)
inf, nan = float("inf"), float("nan")
BINS, RTOL, ATOL = 10, 1e-2, 1e-3


def wide(a):
    """The elements as float64: of complex numbers their magnitudes, in which one NaN counts, and truth values as 0 and 1."""
    if np.iscomplexobj(a):
        size = np.abs(a.astype(np.complex128))
        return np.where(np.isnan(a.real) | np.isnan(a.imag), nan, size)
    return a.astype(np.float64)


def exact(a, x):
    """All digits, as text: parsers of JSON may round. An integer stays one."""
    return str(int(x)) if a.dtype.kind in "iub" else repr(float(x))


def stats(a):
    flat = a.ravel()
    x = wide(flat)
    finite = x[np.isfinite(x)]
    out = {"zeros": int((finite == 0).sum()), "nans": int(np.isnan(x).sum()), "infinities": int(np.isinf(x).sum())}
    if finite.size:
        own = flat if a.dtype.kind in "iub" else finite
        counts, edges = np.histogram(finite, bins=BINS)
        out |= {
            "min": exact(a, own.min()), "max": exact(a, own.max()),
            "mean": float(finite.mean()), "std": float(finite.std()), "l2": float(np.linalg.norm(finite)),
            "counts": counts.tolist(), "edges": [repr(float(edge)) for edge in edges],
        }
    return out


def bits(a):
    return np.frombuffer(a.tobytes(), dtype=np.uint8).reshape(a.size, a.dtype.itemsize)


def difference(a, b):
    a, b = a.ravel(), b.ravel()
    changed = (bits(a) != bits(b)).any(axis=1) if a.size else np.zeros(0, bool)
    out = {"changed": int(changed.sum())}
    if a.dtype == bool:
        return out
    is_complex = np.iscomplexobj(a)
    precise = np.complex128 if is_complex else np.float64
    wa, wb = a.astype(precise), b.astype(precise)
    with np.errstate(all="ignore"):
        delta = wide(wb - wa) if is_complex else np.abs(wb - wa)
        close = np.isclose(wa, wb, rtol=RTOL, atol=ATOL, equal_nan=True)
    out["not_close"] = int((~close & changed).sum())
    sa, sb = wide(a), wide(b)
    out["new_nans"] = int((changed & np.isnan(sb) & ~np.isnan(sa)).sum())
    out["new_infinities"] = int((changed & np.isinf(sb) & ~np.isinf(sa)).sum())
    use = changed & np.isfinite(delta)
    if use.any():
        at = int(np.flatnonzero(use)[np.argmax(delta[use])])
        if a.dtype.kind in "iu":
            exactly = [abs(int(y) - int(x)) if u else -1 for x, y, u in zip(a, b, use)]
            out["max_delta"] = str(max(exactly))
            out["at"] = exactly.index(max(exactly))
        else:
            out["max_delta"], out["at"] = repr(float(delta[at])), at
        la, lb = np.linalg.norm(wa[use]), np.linalg.norm(wb[use])
        out["l2_delta"] = float(np.linalg.norm(delta[use]))
        if la > 0:
            out["l2_relative"] = float(np.linalg.norm(delta[use]) / la)
        if la > 0 and lb > 0:
            out["cosine"] = float(np.vdot(wa[use], wb[use]).real / (la * lb))
    return out


cases = []


def add(a, b=None):
    a = np.asarray(a)
    b = a if b is None else np.asarray(b, dtype=a.dtype)
    name = {"complex64": "complex64", "complex128": "complex128"}.get(a.dtype.name, a.dtype.name)
    cases.append({
        "dtype": name, "shape": list(a.shape), "a": a.tobytes().hex(), "b": b.tobytes().hex(),
        "stats": stats(a), "difference": difference(a, b),
    })


def nudge(a, share=0.3):
    """Some elements moved a little, some by more."""
    b = a.astype(np.complex128 if np.iscomplexobj(a) else np.float64)
    pick = rng.random(a.shape) < share
    return np.where(pick, b * (1 + 0.02 * rng.standard_normal(a.shape)) + 0.002 * rng.standard_normal(a.shape), b).astype(a.dtype)


with np.errstate(all="ignore"):
    for t in (np.float16, ml_dtypes.bfloat16, np.float32, np.float64):
        for scale, shape in ((1.0, (40, 25)), (1e-3, (500,)), (300.0, (7, 11, 3)), (1.0, (1,)), (1.0, ())):
            a = (np.asarray(rng.standard_normal(shape)) * scale + 0.1 * scale).astype(t)
            add(a, nudge(a))
        a = rng.standard_normal((6, 5)).astype(t)
        b = a.copy()
        a[0, 0], a[1, 1], a[2, 2], a[3, 3] = nan, inf, -inf, 0.0
        b[0, 0], b[1, 1], b[4, 4], b[5, 0] = 1.0, inf, nan, -inf
        b[3, 3] = -0.0
        add(a, b)
        add(np.array([nan, inf], dtype=t), np.array([nan, -inf], dtype=t))
        add(np.zeros((0, 3), dtype=t))
        add(np.zeros(9, dtype=t), np.linspace(0, 1, 9).astype(t))
        add(np.full(5, 0.1).astype(t))
    for t in (np.complex64, np.complex128):
        a = (rng.standard_normal((9, 8)) + 1j * rng.standard_normal((9, 8))).astype(t)
        add(a, nudge(a))
        b = a.copy()
        a[0, 0], a[1, 1] = complex(nan, inf), complex(3, -inf)
        b[2, 2], b[3, 3] = complex(nan, 0), complex(inf, 1)
        add(a, b)
        add(np.array(3 + 4j, dtype=t), np.array(-4 + 3j, dtype=t))
        add(np.zeros(0, dtype=t))
for t in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"):
    limits = np.iinfo(t)
    a = rng.integers(limits.min, limits.max, size=(12, 10), dtype=t, endpoint=True)
    b = a.copy()
    b[::3] = rng.integers(limits.min, limits.max, size=b[::3].shape, dtype=t, endpoint=True)
    add(a, b)
    add(np.array([limits.min, limits.max], dtype=t), np.array([limits.max, limits.min], dtype=t))
    add(np.arange(100, dtype=t), np.arange(100, dtype=t)[::-1].copy())
    add(np.array(7, dtype=t), np.array(9, dtype=t))
    add(np.array([], dtype=t))
a = rng.integers(0, 2, size=(30, 4)).astype(bool)
add(a, ~a)
add(np.array(True))
add(np.array([], dtype=bool))
sys.stdout.write("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")
