"""Writes src/test/resources/evaluation/metrics.json and features.safetensors: KID, Inception score, precision and
recall of torch-fidelity 0.4.0 (`pip install torch-fidelity`) in float64, Fréchet distances of its formula with SciPy's
sqrtm, density and coverage in NumPy, and permutations of NumPy's RandomState."""

import json
import pathlib

import numpy as np
import torch
from safetensors.numpy import save_file
from scipy import linalg
from torch_fidelity.metric_isc import isc_features_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric
from torch_fidelity.metric_prc import prc_features_to_metric

rng = np.random.default_rng(11)
mix = rng.normal(size=(12, 12)) / 3
features = {
    "samples": np.maximum(rng.normal(size=(150, 12)) @ mix + 0.2, 0).astype(np.float32),
    "reference": np.maximum(rng.normal(size=(180, 12)) @ mix, 0).astype(np.float32),
    "logits": (3 * rng.normal(size=(153, 10))).astype(np.float32),
}
a, b = (torch.from_numpy(features[k]).double() for k in ("samples", "reference"))


def frechet(a, b):
    m1, m2 = a.mean(0), b.mean(0)
    s1, s2 = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    return float(np.sum((m1 - m2) ** 2) + np.trace(s1 + s2 - 2 * linalg.sqrtm(s1 @ s2).real))


def density_coverage(real, fake, k):
    """As compute_prdc of the package prdc, by the authors of the paper."""
    apart = lambda x, y: np.sqrt(((x[:, None] - y[None]) ** 2).sum(-1))
    radii = np.sort(apart(real, real), 1)[:, k]  # 0 is the image itself
    near = apart(real, fake)
    return (near < radii[:, None]).sum(0).mean() / k, (near.min(1) < radii).mean()


density, coverage = density_coverage(b.numpy(), a.numpy(), 5)
kid = kid_features_to_metric(a, b, kid_subsets=100, kid_subset_size=100, rng_seed=2020, verbose=False)
isc = isc_features_to_metric(torch.from_numpy(features["logits"]), 10, True, 2020)
prc = prc_features_to_metric(a, b, prc_neighborhood=3, prc_batch_size=10000, save_cpu_ram=False, verbose=False)
resources = pathlib.Path(__file__).parents[1] / "resources/evaluation"
save_file(features, resources / "features.safetensors")
(resources / "metrics.json").write_text(
    json.dumps(
        {
            "frechet": frechet(a.numpy(), b.numpy()),
            "kid": [kid["kernel_inception_distance_mean"], kid["kernel_inception_distance_std"]],
            "kidSubsetSize": 100,
            "classScore": [isc["inception_score_mean"], isc["inception_score_std"]],
            "precision": prc["precision"],
            "recall": prc["recall"],
            "density": float(density),
            "coverage": float(coverage),
            "permutation2020": np.random.RandomState(2020).permutation(20).tolist(),
            "permutation7Long": np.random.RandomState(7).permutation(2000)[:20].tolist(),
        },
        indent=1,
    )
    + "\n"
)
