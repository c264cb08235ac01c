"""Makes src/test/resources/diffusion/schedules.json: schedules and sampler timesteps in NumPy float64.

Timesteps are checked against diffusers' DDIMScheduler here, so that the fixture has two independent sources.
Needs: pip install numpy torch diffusers
Run:   python diffusion_fixtures.py OUTPUT_DIRECTORY
"""

import json
import math
import sys

import numpy as np
import torch
from diffusers import DDIMScheduler
from diffusers.schedulers.scheduling_ddim import rescale_zero_terminal_snr

T = 1000


def linear():
    return np.linspace(1e-4, 0.02, T)


def cosine():
    f = lambda u: math.cos((u + 0.008) / 1.008 * math.pi / 2) ** 2
    return np.array([min(1 - f((t + 1) / T) / f(t / T), 0.999) for t in range(T)])


def scaled_linear():
    return np.linspace(1e-4**0.5, 0.02**0.5, T) ** 2


def timesteps(spacing, steps):
    if spacing in ("uniform", "leading"):
        seq = np.arange(steps) * (T // steps)
    elif spacing == "quad":
        seq = (np.linspace(0, np.sqrt(T * 0.8), steps) ** 2).astype(np.int64)
    elif spacing == "linspace":
        seq = np.linspace(0, T - 1, steps).round().astype(np.int64)
    else:
        seq = np.round(np.arange(T, 0, -T / steps)).astype(np.int64) - 1
    return [int(t) for t in sorted(set(seq.tolist()), reverse=True)]


def main(out):
    betas = {"linear": linear(), "cosine": cosine(), "scaled_linear": scaled_linear()}
    acp = {name: np.cumprod(1 - b) for name, b in betas.items()}
    zero = {name: np.cumprod(1 - rescale_zero_terminal_snr(torch.tensor(b)).numpy()) for name, b in betas.items()}
    probes = [0, 1, 10, 250, 500, 900, 998, 999]
    fixture = {
        "probes": probes,
        "betas": {k: v[probes].tolist() for k, v in betas.items()},
        "zeroTerminal": {k: v[probes].tolist() for k, v in zero.items()},  # alphas_cumprod
        "alphasCumprod": {k: v[probes].tolist() for k, v in acp.items()},
        "timesteps": {f"{s}-{n}": timesteps(s, n) for s in ("uniform", "quad", "trailing", "linspace", "leading") for n in (10, 30, 100)},
    }
    for spacing, name in (("uniform", "leading"), ("trailing", "trailing"), ("linspace", "linspace")):
        scheduler = DDIMScheduler(beta_start=1e-4, beta_end=0.02, timestep_spacing=name, set_alpha_to_one=True, clip_sample=True)
        scheduler.set_timesteps(10)
        assert scheduler.timesteps.tolist() == fixture["timesteps"][f"{spacing}-10"], spacing
    # The standard deviation at eta = 1 of one step of a 10-step uniform plan.
    variance = scheduler._get_variance(500, 400).item()
    fixture["sigma500to400"] = math.sqrt(variance)
    with open(f"{out}/schedules.json", "w") as f:
        json.dump(fixture, f)


if __name__ == "__main__":
    main(sys.argv[1])
