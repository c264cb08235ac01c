"""Prints the figures of docs/metrics.md by torch-fidelity and SciPy: two folders of PNG images of one size, and a
TorchScript extractor that returns (features, logits). Needs `pip install torch-fidelity`.

    python3 bench/metrics/torch_fidelity_figures.py SAMPLES REFERENCE FILE.pt
    ./atelier metrics SAMPLES REFERENCE --extractor FILE.pt --json
"""

import json
import pathlib
import sys

import numpy as np
import torch
from PIL import Image
from scipy import linalg
from torch_fidelity.metric_isc import isc_features_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric
from torch_fidelity.metric_prc import prc_features_to_metric

samples, reference, extractor = sys.argv[1:]
network = torch.jit.load(extractor).eval()


def outputs(folder):
    files = sorted(pathlib.Path(folder).iterdir())
    x = torch.from_numpy(np.stack([np.asarray(Image.open(f).convert("RGB")) for f in files]))
    with torch.no_grad():
        parts = [network(batch) for batch in x.permute(0, 3, 1, 2).float().split(64)]
    return [torch.cat([part[i] for part in parts]).double() for i in (0, 1)]


(a, logits), (b, _) = outputs(samples), outputs(reference)
m1, m2 = a.numpy().mean(0), b.numpy().mean(0)
s1, s2 = np.cov(a.numpy(), rowvar=False), np.cov(b.numpy(), rowvar=False)
size = min(1000, len(a), len(b))
figures = {
    "frechetDistance": float(np.sum((m1 - m2) ** 2) + np.trace(s1 + s2 - 2 * linalg.sqrtm(s1 @ s2).real)),
    **kid_features_to_metric(a, b, kid_subsets=100, kid_subset_size=size, rng_seed=2020, verbose=False),
    **isc_features_to_metric(logits, 10, True, 2020),
    **prc_features_to_metric(a, b, prc_neighborhood=3, prc_batch_size=10000, save_cpu_ram=False, verbose=False),
}
print(json.dumps(figures, indent=1))
