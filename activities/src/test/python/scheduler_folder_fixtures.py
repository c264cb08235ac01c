"""Makes src/test/resources/diffusion/scheduler-folders.json: what diffusers runs with a folder's scheduler_config.json.

cases  [{config, steps, model, timesteps, x}]: the file as diffusers writes it; num_inference_steps; what the network
       predicts, as a spec says it; the timesteps that it is asked at, and the image at the end. All goes as a pipeline
       does it: from noise times init_noise_sigma, through scale_model_input and step.
refused [{config, steps, timesteps}]: what the class does that networks of whole timesteps, or we, can't.

The schedulers run their own code in float64 (torch's and NumPy's float32 are replaced in their modules).
Needs: pip install numpy torch diffusers
Run:   python scheduler_folder_fixtures.py OUTPUT_DIRECTORY
"""

import importlib
import json
import sys

import diffusers
import numpy as np
import torch

import sampler_fixtures as samplers

SD = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
SD_SAMPLER = dict(SD, steps_offset=1, set_alpha_to_one=False)
V = dict(prediction_type="v_prediction")
FOLDERS = [
    # Stable Diffusion 1.4 and 1.5, and what others have of it
    ("PNDMScheduler", dict(SD_SAMPLER, skip_prk_steps=True), (1, 2, 5, 20, 50)),
    ("PNDMScheduler", dict(SD_SAMPLER, skip_prk_steps=True, **V), (20, 50)),
    ("PNDMScheduler", dict(SD_SAMPLER, skip_prk_steps=False), (4, 20, 50)),
    ("PNDMScheduler", dict(SD_SAMPLER, skip_prk_steps=False, **V), (20,)),
    ("PNDMScheduler", dict(SD, skip_prk_steps=True, set_alpha_to_one=True, timestep_spacing="trailing"), (20,)),
    ("DDIMScheduler", dict(SD_SAMPLER, clip_sample=False), (20, 50)),
    ("DDIMScheduler", dict(SD_SAMPLER, clip_sample=False, **V), (50,)),
    ("DDIMScheduler", dict(SD, clip_sample=False, timestep_spacing="trailing", rescale_betas_zero_snr=True, **V), (25,)),
    ("EulerDiscreteScheduler", dict(SD, steps_offset=1, timestep_spacing="leading"), (20, 50)),
    ("EulerDiscreteScheduler", dict(SD, steps_offset=1, timestep_spacing="leading", **V), (20,)),
    ("EulerDiscreteScheduler", dict(SD, timestep_spacing="trailing"), (1, 4, 30)),
    ("EulerDiscreteScheduler", dict(SD, timestep_spacing="trailing", rescale_betas_zero_snr=True, **V), (28,)),
    ("EulerDiscreteScheduler", dict(SD), (10, 28)),
    ("EulerDiscreteScheduler", dict(SD, timestep_spacing="leading", steps_offset=1, final_sigmas_type="sigma_min"), (20,)),
    ("EulerDiscreteScheduler", dict(SD, timestep_spacing="leading", prediction_type="sample"), (20,)),
    ("HeunDiscreteScheduler", dict(SD, steps_offset=1, timestep_spacing="leading"), (20,)),
    ("HeunDiscreteScheduler", dict(SD, timestep_spacing="trailing", **V), (20,)),
    ("HeunDiscreteScheduler", dict(SD), (10, 28)),
    ("HeunDiscreteScheduler", dict(SD, timestep_spacing="leading", clip_sample=True, prediction_type="sample"), (20,)),
    ("DPMSolverMultistepScheduler", dict(SD, steps_offset=1), (10, 14, 20, 25)),
    ("DPMSolverMultistepScheduler", dict(SD, steps_offset=1, timestep_spacing="leading"), (1, 20)),
    ("DPMSolverMultistepScheduler", dict(SD, timestep_spacing="trailing", **V), (25,)),
    ("DPMSolverMultistepScheduler", dict(SD, timestep_spacing="trailing", rescale_betas_zero_snr=True, **V), (25,)),
    ("DPMSolverMultistepScheduler", dict(SD, final_sigmas_type="sigma_min"), (10, 20)),
    ("DPMSolverMultistepScheduler", dict(thresholding=True, prediction_type="sample"), (20,)),
    ("DPMSolverMultistepScheduler", dict(beta_schedule="squaredcos_cap_v2", thresholding=True), (20,)),
    ("UniPCMultistepScheduler", dict(SD, steps_offset=1), (1, 2, 3, 10, 14, 25)),
    ("UniPCMultistepScheduler", dict(SD, steps_offset=1, timestep_spacing="leading"), (20,)),
    ("UniPCMultistepScheduler", dict(SD, timestep_spacing="trailing", **V), (20,)),
    ("UniPCMultistepScheduler", dict(SD, timestep_spacing="trailing", rescale_betas_zero_snr=True, **V), (20,)),
    ("UniPCMultistepScheduler", dict(SD, final_sigmas_type="sigma_min"), (10, 20)),
    ("UniPCMultistepScheduler", dict(thresholding=True, prediction_type="sample"), (20,)),
    ("UniPCMultistepScheduler", dict(beta_schedule="squaredcos_cap_v2", thresholding=True), (20,)),
    # google/ddpm-* and others of pixels
    ("DDPMScheduler", dict(variance_type="fixed_large"), (10, 100)),
    ("DDPMScheduler", dict(variance_type="fixed_large", timestep_spacing="trailing"), (10,)),
    ("DDPMScheduler", dict(variance_type="fixed_small_log"), (10,)),
    ("DDPMScheduler", dict(variance_type="fixed_small", timestep_spacing="linspace"), (30,)),
    ("DDPMScheduler", dict(beta_schedule="squaredcos_cap_v2", steps_offset=1), (10,)),
    ("DDPMScheduler", dict(num_train_timesteps=200, thresholding=True), (10,)),
    ("DDIMScheduler", dict(), (10, 50)),
    ("FlowMatchEulerDiscreteScheduler", dict(), (4, 10, 28)),
]
REFUSED = [
    ("EulerDiscreteScheduler", dict(SD), 30),
    ("HeunDiscreteScheduler", dict(SD), 50),
    ("FlowMatchEulerDiscreteScheduler", dict(), 30),
    ("DDIMScheduler", dict(timestep_spacing="trailing"), 48),
    ("EulerDiscreteScheduler", dict(timestep_spacing="trailing"), 61),
    ("DDIMScheduler", dict(timestep_spacing="trailing"), 30),
    ("DDIMScheduler", dict(timestep_spacing="linspace"), 50),
    ("PNDMScheduler", dict(skip_prk_steps=True, timestep_spacing="linspace"), 50),
    ("DDIMScheduler", dict(steps_offset=1), 600),
]
MODELS = {"epsilon": "eps", "sample": "x0", "v_prediction": "v"}
DIRECT = {"FlowMatchEulerDiscreteScheduler": "flow"}


class Double:
    """A module whose float32 is float64."""

    def __init__(self, module):
        self.module = module
        self.float32 = module.float64

    def __getattr__(self, name):
        return getattr(self.module, name)


def scheduler(name, options):
    kind = getattr(diffusers, name)
    module = importlib.import_module(kind.__module__)
    module.torch = Double(torch)
    module.np = Double(np)
    torch.set_default_dtype(torch.float64)
    return kind(**options), module


def run(name, options, steps):
    s, module = scheduler(name, options)
    s.set_timesteps(steps)
    # A pixel a row: thresholding reduces over what follows the first dimension.
    x = torch.tensor(samplers.START)[:, None, None] * getattr(s, "init_noise_sigma", 1)
    noise = iter(range(steps))
    module.randn_tensor = lambda *args, **kwargs: torch.tensor(samplers.noise_of(np.arange(len(x)), next(noise)))[:, None, None]
    flow = name in DIRECT
    for t in s.timesteps:
        told = t.item() - (1 if flow else 0)  # T sigma there
        seen = x if flow else s.scale_model_input(x, t)
        x = s.step(torch.tensor(samplers.eps_of(seen.numpy(), told)), t, x).prev_sample
    assert x.dtype == torch.float64
    return x.numpy()[:, 0, 0]


def timesteps(name, options, steps):
    s, _ = scheduler(name, options)
    s.set_timesteps(steps)
    return s.timesteps.tolist()


def config(name, options):
    full = json.loads(getattr(diffusers, name)(**options).to_json_string())
    # Written as -Infinity, which strict readers of JSON refuse; TeacherImportTest has a file with it.
    return {key: value for key, value in full.items() if key not in ("lambda_min_clipped", "_diffusers_version")}


def main(out):
    cases = []
    for name, options, all_steps in FOLDERS:
        for steps in all_steps:
            written = config(name, options)
            cases.append({"config": written, "steps": steps,
                          "model": DIRECT.get(name) or MODELS[written["prediction_type"]],
                          "timesteps": timesteps(name, options, steps), "x": run(name, options, steps).tolist()})
    refused = [{"config": config(name, options), "steps": steps, "timesteps": timesteps(name, options, steps)}
               for name, options, steps in REFUSED]
    print(f"{len(cases)} trajectories, {len(refused)} others")
    with open(f"{out}/scheduler-folders.json", "w") as f:
        json.dump({"diffusers": diffusers.__version__, "cases": cases, "refused": refused}, f)
        f.write("\n")


if __name__ == "__main__":
    main(sys.argv[1])
