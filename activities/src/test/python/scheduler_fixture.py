"""Makes src/test/resources/network/schedulers.json: what diffusers' schedulers are by default, and their ᾱ.

defaults   {class: its config when nothing is given}: the classes that Atelier reads
flow       FlowMatchEulerDiscreteScheduler's config, as it writes it, with the shift of Stable Diffusion 3
schedules  [{config, alphas_cumprod}]: DDPMScheduler.alphas_cumprod, float32, at every tenth t
Needs: pip install torch diffusers
Run:   python scheduler_fixture.py OUTPUT_FILE
"""

import json
import sys

import diffusers

CLASSES = [
    "DDPMScheduler", "DDPMParallelScheduler", "DDIMScheduler", "DDIMParallelScheduler", "DDIMInverseScheduler",
    "HeunDiscreteScheduler", "PNDMScheduler", "DEISMultistepScheduler", "DPMSolverMultistepScheduler",
    "DPMSolverMultistepInverseScheduler", "DPMSolverSinglestepScheduler", "UniPCMultistepScheduler", "SASolverScheduler",
    "EulerDiscreteScheduler", "EulerAncestralDiscreteScheduler", "LMSDiscreteScheduler", "KDPM2DiscreteScheduler",
    "KDPM2AncestralDiscreteScheduler",
]
FIELDS = ["num_train_timesteps", "beta_start", "beta_end", "beta_schedule", "prediction_type", "clip_sample", "clip_sample_range"]


def main(out):
    defaults = {}
    for name in CLASSES:
        config = getattr(diffusers, name)().config
        defaults[name] = {field: config[field] for field in FIELDS if field in config}
    schedules = []
    for given in [
        dict(num_train_timesteps=1000),
        dict(num_train_timesteps=200, beta_start=0.0005, beta_end=0.08),
        dict(num_train_timesteps=50, beta_schedule="squaredcos_cap_v2"),
        dict(num_train_timesteps=1000, beta_schedule="squaredcos_cap_v2"),
        dict(num_train_timesteps=1000, beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012),
        dict(num_train_timesteps=1000, rescale_betas_zero_snr=True, prediction_type="v_prediction"),
    ]:
        scheduler = diffusers.DDPMScheduler(**given)
        config = json.loads(scheduler.to_json_string())
        schedules.append(dict(config=config, alphas_cumprod=[float(a) for a in scheduler.alphas_cumprod[::10]]))
    flow = json.loads(diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0).to_json_string())
    with open(out, "w") as file:
        json.dump(dict(diffusers=diffusers.__version__, defaults=defaults, flow=flow, schedules=schedules), file, indent=1)


if __name__ == "__main__":
    main(sys.argv[1])
