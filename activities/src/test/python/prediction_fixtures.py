"""Makes src/test/resources/diffusion/predictions.json: trajectories of diffusers' schedulers for networks that don't predict eps.

As sampler_fixtures.py, whose network here answers with what the case says.
Needs: pip install numpy torch diffusers
Run:   python prediction_fixtures.py OUTPUT_DIRECTORY
"""

import json
import sys

import numpy as np
import torch
from diffusers import DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler
from diffusers.schedulers import scheduling_ddpm
from diffusers.schedulers.scheduling_ddim import rescale_zero_terminal_snr

import sampler_fixtures as samplers
from diffusion_fixtures import timesteps

PREDICTIONS = {"x0": "sample", "v": "v_prediction"}


def schedulers(schedule, predicted, clip):
    """Each with its table in float64, and its step."""
    common = dict(trained_betas=samplers.BETAS[schedule], prediction_type=predicted)
    ddpm = DDPMScheduler(**common, clip_sample=clip, variance_type="fixed_small")
    ddim = DDIMScheduler(**common, clip_sample=clip, set_alpha_to_one=True, timestep_spacing="leading")
    dpm = DPMSolverMultistepScheduler(**common, algorithm_type="dpmsolver++", solver_order=2, solver_type="midpoint",
                                      final_sigmas_type="zero", thresholding=clip, sample_max_value=1.0)
    for kind, s in (("ddpm", ddpm), ("ddim", ddim), ("dpm-solver++", dpm)):
        yield kind, samplers.table(s, schedule, True)


def trajectory(kind, s, seq):
    if kind == "ddim":
        s.set_timesteps(len(seq))
        assert s.timesteps.tolist() == seq
    else:
        s.set_timesteps(timesteps=seq)

    def step(x, y, t, noise):
        scheduling_ddpm.randn_tensor = lambda *args, **kwargs: noise
        return s.step(y, t, x).prev_sample

    return samplers.run(step, seq)


def ending_in_noise(kind, schedule, seq):
    """Of v, with betas rescaled to a terminal signal-to-noise ratio of zero."""
    options = dict(trained_betas=samplers.BETAS[schedule], rescale_betas_zero_snr=True, prediction_type="v_prediction", clip_sample=True)
    s = {
        "ddpm": lambda: DDPMScheduler(**options, variance_type="fixed_small"),
        "ddim": lambda: DDIMScheduler(**options, set_alpha_to_one=True, timestep_spacing="trailing"),
    }[kind]()
    betas = rescale_zero_terminal_snr(torch.tensor(samplers.BETAS[schedule]))
    s.alphas_cumprod = torch.cumprod(1 - betas, 0)
    return trajectory(kind, s, seq)


def main(out):
    cases = []
    for kind in ("ddpm", "ddim"):
        for schedule in samplers.BETAS:
            seq = timesteps("trailing", 10)
            cases.append({"kind": kind, "schedule": schedule, "spacing": "trailing", "steps": len(seq), "eta": 0.0,
                          "source": "diffusers", "endsInNoise": True, "prediction": "v",
                          "x": ending_in_noise(kind, schedule, seq).tolist()})
    seq = timesteps("uniform", 10)
    for schedule in samplers.BETAS:
        for prediction, predicted in PREDICTIONS.items():
            for clip in (True, False):
                for kind, s in schedulers(schedule, predicted, clip):
                    cases.append({"kind": kind, "schedule": schedule, "spacing": "uniform", "steps": len(seq), "eta": 0.0,
                                  "source": "diffusers", "clip": clip, "prediction": prediction,
                                  "x": trajectory(kind, s, seq).tolist()})
    print(f"{len(cases)} trajectories")
    with open(f"{out}/predictions.json", "w") as f:
        json.dump({"cases": cases}, f, indent=0)
        f.write("\n")


if __name__ == "__main__":
    main(sys.argv[1])
