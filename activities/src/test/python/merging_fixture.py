"""Writes merging/weights.safetensors: weights of three models and their start, and what NumPy makes of them.

Run from activities/: python3 src/test/python/merging_fixture.py
"""

import numpy as np
from safetensors.numpy import save_file

SHAPES = {"conv.weight": (4, 3, 3, 3), "conv.bias": (4,), "linear.weight": (5, 4)}
WEIGHTS = [0.1, 0.2, 0.5]

rng = np.random.default_rng(7)
start = {n: rng.normal(size=s).astype(np.float32) for n, s in SHAPES.items()}
models = [
    {n: (w + rng.normal(scale=0.3, size=w.shape)).astype(np.float32) for n, w in start.items()}
    for _ in WEIGHTS
]


def double(tensors, name):
    return tensors[name].astype(np.float64)


out = {}
for name in SHAPES:
    out["start." + name] = start[name]
    for i, model in enumerate(models):
        out[f"model{i}.{name}"] = model[name]
    out["average." + name] = np.mean([double(m, name) for m in models], axis=0).astype(np.float32)
    delta = sum(w * (double(m, name) - double(start, name)) for w, m in zip(WEIGHTS, models))
    out["arithmetic." + name] = (double(start, name) + delta).astype(np.float32)
save_file(out, "src/test/resources/merging/weights.safetensors")
