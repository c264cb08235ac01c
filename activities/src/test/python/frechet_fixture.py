"""Writes src/test/resources/evaluation/frechet.json: Fréchet distances by SciPy's sqrtm in float64."""

import json
import pathlib

import numpy as np
from scipy import linalg


def frechet(a, b):
    m1, m2 = a.mean(0), b.mean(0)
    s1, s2 = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    return float(np.sum((m1 - m2) ** 2) + np.trace(s1 + s2 - 2 * linalg.sqrtm(s1 @ s2).real))


def case(name, a, b):
    a, b = a.astype(np.float32), b.astype(np.float32)
    round_trip = lambda x: [[float(v) for v in row] for row in x]
    return {
        "name": name,
        "a": round_trip(a),
        "b": round_trip(b),
        "mean": a.astype(np.float64).mean(0).tolist(),
        "covariance": np.cov(a.astype(np.float64), rowvar=False).ravel().tolist(),
        "distance": frechet(a.astype(np.float64), b.astype(np.float64)),
    }


rng = np.random.default_rng(7)
mix = rng.normal(size=(5, 5))
cases = [
    case("full rank", rng.normal(size=(40, 5)) @ mix, rng.normal(size=(30, 5)) + 0.5),
    case("far from the origin", rng.normal(size=(40, 4)) + 1000, rng.normal(size=(40, 4)) * 2 + 1001),
    case(
        "fewer images than features",
        rng.normal(size=(6, 9)),
        rng.normal(size=(7, 9)) + 0.1,
    ),
]
out = pathlib.Path(__file__).parents[1] / "resources/evaluation/frechet.json"
out.write_text(json.dumps(cases) + "\n")
