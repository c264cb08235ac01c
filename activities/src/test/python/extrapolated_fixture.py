"""Writes evaluation/extrapolated.json: distances to a reference, extrapolated over 1/n by NumPy and SciPy.

python extrapolated_fixture.py > ../resources/evaluation/extrapolated.json
"""

import json

import numpy as np
from scipy.linalg import sqrtm

rng = np.random.default_rng(15)


def frechet(x, mean, covariance):
    root = sqrtm(np.cov(x, rowvar=False) @ covariance).real
    d = x.mean(0) - mean
    return d @ d + np.trace(np.cov(x, rowvar=False)) + np.trace(covariance) - 2 * np.trace(root)


def case(name, n, scale):
    d = 5
    a = rng.standard_normal((d, d))
    mean, covariance = rng.standard_normal(d), a @ a.T
    x = (rng.standard_normal((n, d)) @ a.T * scale + mean).astype(np.float32)
    sixths = [-(-n * k // 6) for k in range(7)]  # image i is in block i * 6 // n
    inverse, distance = [], []
    for parts in (1, 2, 3):
        cuts = sixths[:: 6 // parts]
        rows = [x[a:b].astype(np.float64) for a, b in zip(cuts, cuts[1:])]
        inverse.append(np.mean([1 / len(r) for r in rows]))
        distance.append(np.mean([frechet(r, mean, covariance) for r in rows]))
    return {
        "name": name,
        "samples": [[float(v) for v in row] for row in x],
        "mean": mean.tolist(),
        "covariance": covariance.ravel().tolist(),
        "distance": np.polyfit(inverse, distance, 1)[1],
    }


print(json.dumps([case("even", 66, 1.0), case("uneven", 67, 0.7)]))
