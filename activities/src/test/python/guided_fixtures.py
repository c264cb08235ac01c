"""Makes src/test/resources/diffusion/guided.safetensors: two text U-Nets that take turns, sampled with guidance by diffusers.

A loop as StableDiffusionPipeline has it: noise times init_noise_sigma; at each timestep of the scheduler scale_model_input,
the U-Net that owns it (the narrow one below 500) asked with and without the text, without + w (with - without), and step.
CASE [frames, N, 4, 8, 8] is what a U-Net sees before each step, and the latents at the end; the scheduler's config.json,
the steps and eta lie in the metadata. decoded is what the autoencoder of pipeline/sd1 makes of the first case's latents.

Weights and texts are the closed forms of unet_fixtures.py, noise that of seeded_random.py. All runs in float64.
Needs: pip install numpy torch diffusers safetensors
Run:   python guided_fixtures.py OUTPUT_DIRECTORY PIPELINE_DIRECTORY
"""

import json
import sys

import scheduler_folder_fixtures as folders
import torch
from diffusers import AutoencoderKL
from feature_places_fixture import text
from safetensors.torch import save_file
from seeded_random import SAMPLE_STEP_NOISE, SAMPLE_XT, gaussians
from unet_fixtures import closed_form, fill

SEED, IMAGES = 9, 2
GUIDANCE = 3.0
STEPS = 6
SHAPE = (4, 8, 8)
SD = dict(folders.SD, timestep_spacing="leading", steps_offset=1)
CASES = {
    "ddim": ("DDIMScheduler", dict(SD, clip_sample=False, set_alpha_to_one=False), 0.0),
    "ddim-eta": ("DDIMScheduler", dict(SD, clip_sample=False), 0.5),
    "ddim-v": ("DDIMScheduler", dict(SD, clip_sample=False, prediction_type="v_prediction"), 0.0),
    "ddpm": ("DDPMScheduler", dict(folders.SD, clip_sample=True, timestep_spacing="trailing"), 0.0),
    "dpm-solver++": ("DPMSolverMultistepScheduler", dict(folders.SD, timestep_spacing="trailing"), 0.0),
    "unipc": ("UniPCMultistepScheduler", dict(SD), 0.0),
    "heun": ("HeunDiscreteScheduler", dict(SD), 0.0),
    "euler": ("EulerDiscreteScheduler", dict(folders.SD, timestep_spacing="trailing"), 0.0),
    "pndm": ("PNDMScheduler", dict(SD, skip_prk_steps=False), 0.0),
    "plms": ("PNDMScheduler", dict(SD, skip_prk_steps=True), 0.0),
}


def noise(purpose, position):
    n = SHAPE[0] * SHAPE[1] * SHAPE[2]
    drawn = [gaussians(SEED, purpose, i, position, n) for i in range(IMAGES)]
    return torch.tensor(drawn, dtype=torch.float64).reshape(IMAGES, *SHAPE)


def first_guesses(case, evaluations):
    """Which evaluations begin a step: the others ask again on its way."""
    if case == "heun":
        return range(0, evaluations, 2)
    if case == "pndm":
        return [0, 4, 8, *range(12, evaluations)]
    return [k for k in range(evaluations) if case != "plms" or k != 1]


def run(case, models, told, none):
    name, options, eta = CASES[case]
    scheduler, module = folders.scheduler(name, options)
    scheduler.set_timesteps(STEPS)
    now = []
    module.randn_tensor = lambda *args, **kwargs: noise(SAMPLE_STEP_NOISE, now[0])
    x = noise(SAMPLE_XT, 0).float().double() * scheduler.init_noise_sigma
    seen = []
    for t in scheduler.timesteps:
        now[:] = [t.item()]
        model = models[0] if t < 500 else models[1]
        doubled = scheduler.scale_model_input(torch.cat([x, x]), t)
        answers = model(doubled, t, encoder_hidden_states=torch.cat([none, told])).sample
        without, with_text = answers.chunk(2)
        y = without + GUIDANCE * (with_text - without)
        seen.append(doubled[:IMAGES])
        extra = {"eta": eta, "variance_noise": noise(SAMPLE_STEP_NOISE, now[0])} if eta else {}
        x = scheduler.step(y, t, x, **extra).prev_sample
    frames = [seen[k] for k in first_guesses(case, len(seen))] + [x]
    asked = [0 if t < 500 else 1 for t in scheduler.timesteps]
    print(case, len(seen), "evaluations", asked, "end at", x.abs().mean().item())
    assert x.dtype == torch.float64 and len(frames) == STEPS + 1 and set(asked) == {0, 1}
    return torch.stack(frames)


@torch.no_grad()
def main(out, pipeline):
    models = [text(8, {}), text(16, {})]
    for model in models:
        fill(model)
    told = closed_form((IMAGES, 7, 12), 4000).float().double()
    none = closed_form((1, 7, 12), 4001).float().double().expand(IMAGES, -1, -1)
    tensors, metadata = {}, {"guidance": str(GUIDANCE), "steps": str(STEPS)}
    for case, (name, options, eta) in CASES.items():
        tensors[case] = run(case, models, told, none)
        metadata[case] = json.dumps(folders.config(name, options))
        metadata[case + "/eta"] = str(eta)
    vae = AutoencoderKL.from_pretrained(f"{pipeline}/sd1/vae").double().eval()
    latents = tensors["ddim"][-1]
    tensors["decoded"] = vae.decode(latents / vae.config.scaling_factor).sample
    print("decoded", tensors["decoded"].abs().mean().item())
    save_file({key: x.float().contiguous() for key, x in tensors.items()}, f"{out}/guided.safetensors", metadata)


if __name__ == "__main__":
    main(*sys.argv[1:])
