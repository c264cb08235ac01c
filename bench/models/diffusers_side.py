"""diffusers' side of bench/models: writes a model of random weights, and steps it.

    diffusers_side.py write CASE FOLDER [fp16]    writes the folder, and the inputs of a step beside it
    diffusers_side.py step FOLDER OUT             loads it; a line on standard input with a number makes so many steps

Both answer with lines of JSON. A step is one prediction of noise and one step of DDIM of 50.
"""

import json
import shutil
import sys
import time
from pathlib import Path

import diffusers
import torch
import transformers
from safetensors.torch import load_file, save_file

STEPS = 50
SEED = 7
# A small vocabulary of the tests: Stable Diffusion's own has 49,408 words.
TOKENIZER = Path(__file__).resolve().parents[2] / "activities/src/test/resources/pipeline/sd1/tokenizer"
WORDS = 714

# The arguments of the released models' config.json; what is left out is diffusers' default, and theirs.
MODELS = {
    "sd15": (
        "unet",
        lambda: diffusers.UNet2DConditionModel(
            sample_size=64, block_out_channels=(320, 640, 1280, 1280), cross_attention_dim=768, attention_head_dim=8
        ),
        dict(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, steps_offset=1, clip_sample=False, set_alpha_to_one=False),
    ),
    "church": (
        "unet",
        lambda: diffusers.UNet2DModel(
            sample_size=256,
            block_out_channels=(128, 128, 256, 256, 512, 512),
            down_block_types=("DownBlock2D",) * 4 + ("AttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "AttnUpBlock2D") + ("UpBlock2D",) * 4,
            layers_per_block=2,
            freq_shift=1,
            flip_sin_to_cos=False,
            downsample_padding=0,
            norm_eps=1e-6,
            attention_head_dim=None,
        ),
        dict(beta_schedule="linear", beta_start=0.0001, beta_end=0.02),
    ),
    "dit-xl": (
        "transformer",
        lambda: diffusers.DiTTransformer2DModel(out_channels=8),
        dict(beta_schedule="linear", beta_start=0.0001, beta_end=0.02, clip_sample=False),
    ),
}


def say(**answer):
    print(json.dumps(answer), flush=True)


def peak_bytes():
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("no VmHWM in /proc/self/status")


def write_parts(folder, width, variant):
    """What a pipeline of Stable Diffusion has beside its U-Net, of its sizes."""
    text = transformers.CLIPTextConfig(
        vocab_size=WORDS,
        hidden_size=width,
        intermediate_size=4 * width,
        num_hidden_layers=12,
        num_attention_heads=12,
        bos_token_id=WORDS - 2,
        eos_token_id=WORDS - 1,
    )
    channels = (128, 256, 512, 512)
    blocks = len(channels)
    vae = diffusers.AutoencoderKL(
        block_out_channels=channels,
        down_block_types=("DownEncoderBlock2D",) * blocks,
        up_block_types=("UpDecoderBlock2D",) * blocks,
        layers_per_block=2,
        latent_channels=4,
        sample_size=512,
    )
    parts = {"text_encoder": transformers.CLIPTextModel(text), "vae": vae}
    for name, part in parts.items():
        (part.half() if variant else part).save_pretrained(folder / name, variant=variant)
    shutil.copytree(TOKENIZER, folder / "tokenizer")


def write(case, folder, variant=None):
    part, make, scheduler = MODELS[case]
    torch.manual_seed(SEED)
    model = make()
    config = model.config
    side = config.sample_size
    inputs = {"x": torch.randn(1, config.in_channels, side, side)}
    if "cross_attention_dim" in config:
        inputs["context"] = torch.randn(1, 77, config.cross_attention_dim)
        write_parts(folder, config.cross_attention_dim, variant)
    if part == "transformer":
        inputs["y"] = torch.tensor([207])
    (model.half() if variant else model).save_pretrained(folder / part, variant=variant)
    diffusers.DDIMScheduler(**scheduler).save_pretrained(folder / "scheduler")
    index = {"_class_name": "DiffusionPipeline", part: ["diffusers", type(model).__name__], "scheduler": ["diffusers", "DDIMScheduler"]}
    (folder / "model_index.json").write_text(json.dumps(index, indent=2))
    save_file(inputs, folder / "inputs.safetensors")


def step(folder, out):
    part = "transformer" if (folder / "transformer").exists() else "unet"
    config = json.loads((folder / part / "config.json").read_text())
    inputs = load_file(folder / "inputs.safetensors")
    variant = "fp16" if list((folder / part).glob("*.fp16.*")) else None
    begin = time.perf_counter()
    # Weights of half precision are computed with in float32, as Atelier does.
    model = getattr(diffusers, config["_class_name"]).from_pretrained(folder, subfolder=part, variant=variant, torch_dtype=torch.float32)
    model.eval()
    imported = time.perf_counter() - begin
    scheduler = diffusers.DDIMScheduler.from_pretrained(folder, subfolder="scheduler")
    scheduler.set_timesteps(STEPS)
    t = scheduler.timesteps[0]
    x = inputs["x"]
    told = {}
    if "context" in inputs:
        told["encoder_hidden_states"] = inputs["context"]
    if "y" in inputs:
        told["class_labels"] = inputs["y"]
    say(parameters=sum(p.numel() for p in model.parameters()), importSeconds=imported, peakBytes=peak_bytes())
    for line in sys.stdin:
        seconds = []
        for _ in range(int(line)):
            begin = time.perf_counter()
            with torch.inference_mode():
                eps = model(x, t.reshape(1), **told).sample[:, : x.shape[1]]  # without a learned sigma
                after = scheduler.step(eps, t, x).prev_sample
            seconds.append(time.perf_counter() - begin)
        save_file({"eps": eps.clone(), "x": after.clone()}, out)
        say(seconds=seconds, timestep=int(t), peakBytes=peak_bytes())


if __name__ == "__main__":
    task, *rest = sys.argv[1:]
    if task == "write":
        write(rest[0], Path(rest[1]), *rest[2:])
    else:
        step(Path(rest[0]), Path(rest[1]))
