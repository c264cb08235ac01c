"""Makes src/test/resources/diffusion/samplers.json: whole trajectories of diffusers' schedulers with an analytic eps.

The schedulers run their own code on float64 tables of alphas_cumprod (their float32 tables are an approximation of
the same schedule; how far that takes a trajectory is printed). DDIMScheduler can't visit timesteps of one's choice, so
DDIM with quad spacing, and trailing where steps doesn't divide T, comes from the closed form in NumPy, which is checked
here against DDIMScheduler wherever both exist.
Needs: pip install numpy torch diffusers
Run:   python sampler_fixtures.py OUTPUT_DIRECTORY
"""

import json
import sys

import numpy as np
import torch
from diffusers import DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler
from diffusers.schedulers import scheduling_ddpm

from diffusion_fixtures import T, cosine, linear, timesteps

BETAS = {"linear": linear(), "cosine": cosine()}
START = np.linspace(-2.5, 2.5, 6)


def eps_of(x, t):  # as eps in SamplerTest
    return np.tanh(1.3 * x + 0.1) + 0.3 * np.cos(2 * x + 0.004 * t)


def noise_of(i, k):  # as noise in SamplerTest: any fixed numbers do
    return 1.5 * np.sin(12.9898 * i + 78.233 * k + 1)


def run(step, seq):
    x = torch.tensor(START)[:, None, None]  # one row per pixel: thresholding reduces over what follows the first dimension
    for k, t in enumerate(seq):
        eps = torch.tensor(eps_of(x.double().numpy(), t))
        noise = torch.tensor(noise_of(np.arange(len(START)), k))[:, None, None]
        x = step(x, eps, t, noise)
    return x.double().numpy()[:, 0, 0]


def table(scheduler, name, float64):
    if float64:
        scheduler.alphas_cumprod = torch.tensor(np.cumprod(1 - BETAS[name]))
    return scheduler


def ddpm(name, seq, float64=True, clip=True):
    s = table(DDPMScheduler(trained_betas=BETAS[name], clip_sample=clip, variance_type="fixed_small"), name, float64)
    s.set_timesteps(timesteps=seq)

    def step(x, eps, t, noise):
        scheduling_ddpm.randn_tensor = lambda *args, **kwargs: noise
        return s.step(eps, t, x).prev_sample

    return run(step, seq)


def dpm(name, seq, float64=True, clip=True):
    s = DPMSolverMultistepScheduler(trained_betas=BETAS[name], algorithm_type="dpmsolver++", solver_order=2,
                                    solver_type="midpoint", final_sigmas_type="zero", thresholding=clip, sample_max_value=1.0)
    table(s, name, float64).set_timesteps(timesteps=seq)
    return run(lambda x, eps, t, noise: s.step(eps, t, x).prev_sample, seq)


def ddim(name, spacing, steps, eta, float64=True, clip=True):
    s = table(DDIMScheduler(trained_betas=BETAS[name], clip_sample=clip, set_alpha_to_one=True,
                            timestep_spacing={"uniform": "leading", "trailing": "trailing"}[spacing]), name, float64)
    s.set_timesteps(steps)
    assert s.timesteps.tolist() == timesteps(spacing, steps)
    return run(lambda x, eps, t, noise: s.step(eps, t, x, eta=eta, variance_noise=noise if eta > 0 else None).prev_sample,
               s.timesteps.tolist())


def ddim_closed_form(name, seq, eta):
    acp = np.cumprod(1 - BETAS[name])
    after = dict(zip(seq, seq[1:] + [-1]))

    def step(x, eps, t, noise):
        a, s = acp[t], acp[after[t]] if after[t] >= 0 else 1.0
        sigma = eta * np.sqrt((1 - s) / (1 - a) * (1 - a / s))
        x0 = torch.clamp((x - np.sqrt(1 - a) * eps) / np.sqrt(a), -1, 1)
        return np.sqrt(s) * x0 + np.sqrt(1 - s - sigma**2) * eps + sigma * noise

    return run(step, seq)


def main(out):
    cases = []
    worst = 0

    def case(kind, schedule, spacing, steps, eta, source, x, float32, clip=True):
        nonlocal worst
        if float32 is not None:
            worst = max(worst, np.abs(x - float32).max())
        cases.append({"kind": kind, "schedule": schedule, "spacing": spacing, "steps": steps, "eta": eta,
                      "source": source, "x": x.tolist(), **({} if clip else {"clip": False})})

    for schedule in BETAS:
        for spacing in ("uniform", "quad", "trailing"):
            for steps in (1, 2, 10, 25, 30, 100):
                seq = timesteps(spacing, steps)
                case("ddpm", schedule, spacing, steps, 0.0, "diffusers", ddpm(schedule, seq), ddpm(schedule, seq, False))
                case("dpm-solver++", schedule, spacing, steps, 0.0, "diffusers", dpm(schedule, seq), dpm(schedule, seq, False))
                for eta in (0.0, 0.5, 1.0):
                    closed = ddim_closed_form(schedule, seq, eta)
                    if spacing == "uniform" or spacing == "trailing" and T % steps == 0:
                        x = ddim(schedule, spacing, steps, eta)
                        assert np.abs(x - closed).max() < 1e-9, (schedule, spacing, steps, eta)
                        case("ddim", schedule, spacing, steps, eta, "diffusers", x, ddim(schedule, spacing, steps, eta, False))
                    else:
                        case("ddim", schedule, spacing, steps, eta, "closed form", closed, None)
    for schedule in BETAS:  # without clipping
        seq = timesteps("uniform", 10)
        case("ddpm", schedule, "uniform", 10, 0.0, "diffusers", ddpm(schedule, seq, clip=False), None, clip=False)
        case("dpm-solver++", schedule, "uniform", 10, 0.0, "diffusers", dpm(schedule, seq, clip=False), None, clip=False)
        for eta in (0.0, 1.0):
            case("ddim", schedule, "uniform", 10, eta, "diffusers", ddim(schedule, "uniform", 10, eta, clip=False), None, clip=False)
    seq = list(range(T - 1, -1, -1))
    case("ddpm", "linear", "uniform", T, 0.0, "diffusers", ddpm("linear", seq), ddpm("linear", seq, False))
    print(f"{len(cases)} trajectories; float32 tables would differ by at most {worst:.1e}")
    with open(f"{out}/samplers.json", "w") as f:
        json.dump({"start": START.tolist(), "cases": cases}, f)


if __name__ == "__main__":
    main(sys.argv[1])
