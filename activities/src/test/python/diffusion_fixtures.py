"""Makes src/test/resources/diffusion/*: schedules, sampler timesteps and DDIM trajectories in NumPy float64.

DDIM is checked against diffusers' DDIMScheduler here, so that the fixture has two independent sources.
Needs: pip install numpy torch diffusers safetensors
Run:   python diffusion_fixtures.py OUTPUT_DIRECTORY
"""

import json
import math
import sys

import numpy as np
import torch
from diffusers import DDIMScheduler

T = 1000


def linear():
    return np.linspace(1e-4, 0.02, T)


def cosine():
    f = lambda u: math.cos((u + 0.008) / 1.008 * math.pi / 2) ** 2
    return np.array([min(1 - f((t + 1) / T) / f(t / T), 0.999) for t in range(T)])


def timesteps(spacing, steps):
    if spacing == "uniform":
        seq = np.arange(steps) * (T // steps)
    elif spacing == "quad":
        seq = (np.linspace(0, np.sqrt(T * 0.8), steps) ** 2).astype(np.int64)
    else:
        seq = np.round(np.arange(T, 0, -T / steps)).astype(np.int64) - 1
    return [int(t) for t in sorted(set(seq.tolist()), reverse=True)]


def ddim(x, eps_of, seq, acp):
    for k, t in enumerate(seq):
        a, s = acp[t], acp[seq[k + 1]] if k + 1 < len(seq) else 1.0
        eps = eps_of(x)
        x0 = np.clip((x - np.sqrt(1 - a) * eps) / np.sqrt(a), -1, 1)
        x = np.sqrt(s) * x0 + np.sqrt(1 - s) * eps
    return x


def main(out):
    acp = {"linear": np.cumprod(1 - linear()), "cosine": np.cumprod(1 - cosine())}
    probes = [0, 1, 10, 250, 500, 900, 998, 999]
    eps_of = lambda x: np.tanh(1.3 * x + 0.1)
    x_start = np.linspace(-2.5, 2.5, 12)
    fixture = {
        "probes": probes,
        "betas": {"linear": linear()[probes].tolist(), "cosine": cosine()[probes].tolist()},
        "alphasCumprod": {k: v[probes].tolist() for k, v in acp.items()},
        "timesteps": {f"{s}-{n}": timesteps(s, n) for s in ("uniform", "quad", "trailing") for n in (10, 30, 100)},
        "ddimStart": x_start.tolist(),
        "ddim": {s: ddim(x_start, eps_of, timesteps(s, 10), acp["linear"]).tolist() for s in ("uniform", "quad", "trailing")},
    }
    for spacing, name in (("uniform", "leading"), ("trailing", "trailing")):
        scheduler = DDIMScheduler(beta_start=1e-4, beta_end=0.02, timestep_spacing=name, set_alpha_to_one=True, clip_sample=True)
        scheduler.set_timesteps(10)
        assert scheduler.timesteps.tolist() == fixture["timesteps"][f"{spacing}-10"], spacing
        x = torch.tensor(x_start)
        for t in scheduler.timesteps:
            x = scheduler.step(torch.tanh(1.3 * x + 0.1), t, x).prev_sample
        assert np.abs(x.numpy() - fixture["ddim"][spacing]).max() < 1e-5, spacing
    # The standard deviation at eta = 1 of one step of a 10-step uniform plan.
    variance = scheduler._get_variance(500, 400).item()
    fixture["sigma500to400"] = math.sqrt(variance)
    with open(f"{out}/schedules.json", "w") as f:
        json.dump(fixture, f)


main(sys.argv[1])
