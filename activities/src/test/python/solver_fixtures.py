"""Makes src/test/resources/diffusion/solvers.json: trajectories of further schedulers of diffusers, with an analytic eps.

As sampler_fixtures.py. These schedulers keep x / signal, and so get the start times sqrt(1 + sigma^2); their sigmas are
replaced by those of the float64 tables.
Needs: pip install numpy torch diffusers
Run:   python solver_fixtures.py OUTPUT_DIRECTORY
"""

import json
import sys

import numpy as np
import torch
from diffusers import EulerDiscreteScheduler, FlowMatchEulerDiscreteScheduler, HeunDiscreteScheduler, PNDMScheduler
from diffusers.schedulers import scheduling_euler_discrete, scheduling_flow_match_euler_discrete

import sampler_fixtures as samplers
from diffusion_fixtures import T, timesteps


def in_sigma(s, schedule, seq):
    s.set_timesteps(timesteps=seq)
    acp = np.cumprod(1 - samplers.BETAS[schedule])[seq]
    sigmas = torch.tensor(np.append(np.sqrt((1 - acp) / acp), 0))
    assert torch.allclose(s.sigmas.double().unique(), sigmas.unique(), rtol=1e-3)
    twice = len(s.sigmas) > len(sigmas)
    s.sigmas = torch.cat([sigmas[:1], sigmas[1:-1].repeat_interleave(2), sigmas[-1:]]) if twice else sigmas
    x = torch.tensor(samplers.START) * torch.sqrt(1 + sigmas[0] ** 2)
    for t in s.timesteps:
        y = samplers.eps_of(s.scale_model_input(x, t).numpy(), t.item())
        x = s.step(torch.tensor(y), t, x).prev_sample
    assert x.dtype == torch.float64
    return x.numpy()


def heun(schedule, seq, clip):
    return in_sigma(HeunDiscreteScheduler(trained_betas=samplers.BETAS[schedule], clip_sample=clip), schedule, seq)


class Double:
    """torch without its float32, to which some schedulers round."""

    float32 = torch.float64

    def __getattr__(self, name):
        return getattr(torch, name)


def euler(schedule, seq, clip):
    if clip:
        return None  # diffusers' has no clipping
    s = EulerDiscreteScheduler(trained_betas=samplers.BETAS[schedule])
    scheduling_euler_discrete.torch = Double()
    try:
        return in_sigma(s, schedule, seq)
    finally:
        scheduling_euler_discrete.torch = torch


def multistep(schedule, seq, clip, spacing, skips):
    if clip or len(seq) < 4 and not skips or spacing == "quad":
        return None  # diffusers' has none of it
    s = PNDMScheduler(trained_betas=samplers.BETAS[schedule], skip_prk_steps=skips, set_alpha_to_one=True,
                      timestep_spacing={"uniform": "leading", "trailing": "trailing"}[spacing])
    samplers.table(s, schedule, True).set_timesteps(len(seq))
    if skips:
        assert sorted(set(s.timesteps.tolist()), reverse=True) == seq
    x = torch.tensor(samplers.START)
    for t in s.timesteps.tolist():
        x = s.step(torch.tensor(samplers.eps_of(x.numpy(), t)), t, x).prev_sample
    assert x.dtype == torch.float64
    return x.numpy()


SOLVERS = {
    "heun": lambda schedule, seq, clip, spacing: heun(schedule, seq, clip),
    "euler": lambda schedule, seq, clip, spacing: euler(schedule, seq, clip),
    "pndm": lambda schedule, seq, clip, spacing: multistep(schedule, seq, clip, spacing, False),
    "plms": lambda schedule, seq, clip, spacing: multistep(schedule, seq, clip, spacing, True),
}


def flow(seq):
    """The network answers with noise - x_0, at t = sigma T - 1."""
    s = FlowMatchEulerDiscreteScheduler()
    assert torch.allclose(s.sigmas, torch.arange(T, 0, -1) / T)
    sigmas = [(t + 1) / T for t in seq]
    scheduling_flow_match_euler_discrete.torch = Double()
    try:
        s.set_timesteps(sigmas=sigmas)
        s.sigmas = torch.tensor(sigmas + [0.0], dtype=torch.float64)
        x = torch.tensor(samplers.START)
        for t, step in zip(seq, s.timesteps):
            x = s.step(torch.tensor(samplers.eps_of(x.numpy(), t)), step, x).prev_sample
    finally:
        scheduling_flow_match_euler_discrete.torch = torch
    assert x.dtype == torch.float64
    return x.numpy()


def main(out):
    cases = []
    for spacing, steps in (("trailing", 1), ("trailing", 10), ("trailing", 30), ("uniform", 25)):
        cases.append({"kind": "euler", "schedule": "flow", "spacing": spacing, "steps": steps, "eta": 0.0, "source": "diffusers",
                      "clip": False, "prediction": "flow", "x": flow(timesteps(spacing, steps)).tolist()})
    for kind, solver in SOLVERS.items():
        for schedule in samplers.BETAS:
            for spacing, steps in (("uniform", 1), ("uniform", 2), ("uniform", 10), ("quad", 25), ("trailing", 50)):
                for clip in (True, False):
                    if schedule == "cosine" and spacing == "trailing" and not clip:
                        continue  # it starts where x_0 is 20,000 x, and pixels are float32
                    x = solver(schedule, timesteps(spacing, steps), clip, spacing)
                    if x is None:
                        continue
                    cases.append({"kind": kind, "schedule": schedule, "spacing": spacing, "steps": steps, "eta": 0.0,
                                  "source": "diffusers", "clip": clip, "x": x.tolist()})
    print(f"{len(cases)} trajectories")
    with open(f"{out}/solvers.json", "w") as f:
        json.dump({"cases": cases}, f, indent=0)
        f.write("\n")


if __name__ == "__main__":
    main(sys.argv[1])
