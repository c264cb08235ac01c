"""Makes src/test/resources/network/blocks-*.safetensors: eps of diffusers' U-Nets, block by block and option by option.

Weights and images are the closed forms of unet_fixtures.py; the config.json of each lies in its file's metadata. Of a
network that learns sigma, eps is the first half of the channels. Networks of images have gradients too, and two of texts.
Needs: pip install torch diffusers safetensors
Run:   python block_fixtures.py OUTPUT_DIRECTORY [CASE ...]
"""

import json
import sys

import torch
from diffusers import UNet2DConditionModel, UNet2DModel
from safetensors.torch import save_file
from torch.utils.flop_counter import FlopCounterMode
from unet_fixtures import closed_form, fill

DOWN, ATTENTION, RESNET, SKIP = "DownBlock2D", "AttnDownBlock2D", "ResnetDownsampleBlock2D", "SkipDownBlock2D"
UP, ATTENTION_UP, RESNET_UP, SKIP_UP = "UpBlock2D", "AttnUpBlock2D", "ResnetUpsampleBlock2D", "SkipUpBlock2D"
CROSS, CROSS_UP = "CrossAttnDownBlock2D", "CrossAttnUpBlock2D"

DDPM = {"freq_shift": 1, "flip_sin_to_cos": False, "downsample_padding": 0, "norm_eps": 1e-6}
SMALL = {"block_out_channels": (16, 32), "layers_per_block": 1, "norm_num_groups": 8, "attention_head_dim": 8}

IMAGES = {
    "resnet": {
        **SMALL,
        "block_out_channels": (16, 32, 32),
        "down_block_types": (RESNET, ATTENTION, DOWN),
        "up_block_types": (UP, ATTENTION_UP, RESNET_UP),
    },
    "resnet-ddpm": {
        **SMALL,
        **DDPM,
        "attention_head_dim": None,
        "layers_per_block": 2,
        "down_block_types": (RESNET, RESNET),
        "up_block_types": (RESNET_UP, RESNET_UP),
        "num_class_embeds": 3,
    },
    "skip": {
        **SMALL,
        "block_out_channels": (16, 32, 32),
        "down_block_types": (SKIP, SKIP, DOWN),
        "up_block_types": (UP, SKIP_UP, SKIP_UP),
    },
    "skip-all": {**SMALL, **DDPM, "down_block_types": (SKIP, SKIP), "up_block_types": (SKIP_UP, SKIP_UP)},
    "skip-attention": {**SMALL, "down_block_types": (SKIP, ATTENTION), "up_block_types": (ATTENTION_UP, SKIP_UP)},
    "unlike": {**SMALL, "down_block_types": (ATTENTION, DOWN), "up_block_types": (ATTENTION_UP, UP)},
    "no-middle": {**SMALL, "down_block_types": (DOWN, DOWN), "up_block_types": (UP, UP), "mid_block_type": None},
    "plain-middle": {**SMALL, "down_block_types": (DOWN, ATTENTION), "up_block_types": (ATTENTION_UP, UP), "add_attention": False},
    "sigma": {**SMALL, "down_block_types": (DOWN, ATTENTION), "up_block_types": (ATTENTION_UP, UP), "out_channels": 6},
    "widths": {
        **SMALL,
        "block_out_channels": (16, 24, 40),
        "down_block_types": (DOWN, ATTENTION, DOWN),
        "up_block_types": (UP, ATTENTION_UP, UP),
    },
    "norm-eps": {**SMALL, "down_block_types": (DOWN, DOWN), "up_block_types": (UP, UP), "norm_eps": 1e-3},
}

TEXTS = {
    "text-sd1": {
        "block_out_channels": (16, 32, 32),
        "down_block_types": (CROSS, CROSS, DOWN),
        "up_block_types": (UP, CROSS_UP, CROSS_UP),
        "attention_head_dim": 2,
    },
    "text-sd2": {
        "block_out_channels": (16, 32),
        "down_block_types": (CROSS, DOWN),
        "up_block_types": (UP, CROSS_UP),
        "attention_head_dim": (2, 4),
        "use_linear_projection": True,
        "upcast_attention": True,
    },
    "text-heads": {
        "block_out_channels": (16, 32),
        "down_block_types": (CROSS, CROSS),
        "up_block_types": (CROSS_UP, CROSS_UP),
        "attention_head_dim": (4, 2),
        "layers_per_block": 2,
    },
    "text-lowest": {
        "block_out_channels": (16, 32),
        "down_block_types": (DOWN, CROSS),
        "up_block_types": (CROSS_UP, UP),
        "attention_head_dim": 4,
        **DDPM,
    },
    "text-unlike": {
        "block_out_channels": (16, 16),
        "down_block_types": (CROSS, DOWN),
        "up_block_types": (CROSS_UP, UP),
        "attention_head_dim": 4,
        "out_channels": 8,
    },
    "text-no-middle": {
        "block_out_channels": (16, 32),
        "down_block_types": (CROSS, CROSS),
        "up_block_types": (CROSS_UP, CROSS_UP),
        "attention_head_dim": 2,
        "mid_block_type": None,
    },
    "text-resnet": {
        "block_out_channels": (16, 32),
        "down_block_types": (RESNET, CROSS),
        "up_block_types": (CROSS_UP, RESNET_UP),
        "attention_head_dim": 2,
    },
}

TEXTS_WITH_GRADIENTS = ("text-sd1", "text-sd2")


def macs(model, **question):
    """Counted by PyTorch: convolutions and linear layers, not attention's products."""
    c = model.config
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.zeros(1, c.in_channels, c.sample_size, c.sample_size, dtype=torch.float64), torch.tensor([0]), **question)
    layers = {"convolution", "addmm", "mm"}
    flops = sum(n for op, n in counter.get_flop_counts()["Global"].items() if op.__name__ in layers)
    return flops // 2


def check(out, name, model, question, one, lesson):
    fill(model)
    c = model.config
    batch, side = 2, c.sample_size
    x = closed_form((batch, c.in_channels, side, side), 1000).float().double()
    t = torch.tensor([3, 620])
    eps = model(x, t, **question).sample[:, : c.in_channels]
    tensors = {"eps": eps.detach().float().contiguous(), "t": t}
    if "class_labels" in question:
        tensors["y"] = question["class_labels"]
    if lesson:
        noise = closed_form(x.shape, 2000).float().double()
        torch.nn.functional.mse_loss(eps, noise).backward()
        for key, p in model.named_parameters():
            g = p.grad.double()
            tensors["grad." + key] = torch.stack([g.norm(), (g * closed_form(p.shape, 3000)).sum()])
    meta = {"config": json.dumps(dict(c)), "parameters": str(sum(p.numel() for p in model.parameters()))}
    if "skip" not in name:  # fixed filters are convolutions there
        meta["macs"] = str(macs(model, **one))
    save_file(tensors, f"{out}/blocks-{name}.safetensors", metadata=meta)
    print(name, meta["parameters"], meta.get("macs"), eps.abs().mean().item())


def main(out):
    wanted = sys.argv[2:] or [*IMAGES, *TEXTS]
    for name, config in IMAGES.items():
        if name in wanted:
            model = UNet2DModel(sample_size=8, in_channels=3, **{"out_channels": 3, **config}).eval().double()
            classes = config.get("num_class_embeds")
            question = {"class_labels": torch.tensor([2, 0])} if classes else {}
            check(out, name, model, question, {k: v[:1] for k, v in question.items()}, True)
    for name, config in TEXTS.items():
        if name in wanted:
            config = {"norm_num_groups": 8, "layers_per_block": 1, "cross_attention_dim": 24, **config}
            model = UNet2DConditionModel(sample_size=8, in_channels=4, **{"out_channels": 4, **config}).eval().double()
            context = closed_form((2, 77, 24), 4000).float().double()
            check(out, name, model, {"encoder_hidden_states": context}, {"encoder_hidden_states": context[:1]}, name in TEXTS_WITH_GRADIENTS)


if __name__ == "__main__":
    main(sys.argv[1])
