"""Makes src/test/resources/network/unet-*.safetensors: eps and gradients of diffusers' UNet2DModel.

Weights come from a closed form of (tensor index, element index), so that fixtures stay small:
uniform in [-scale, scale) by an integer hash, with scale 1/sqrt(fan_in) or 0.1 for vectors, and norm weights 1 + that.
Needs: pip install torch diffusers safetensors
Run:   python unet_fixtures.py OUTPUT_DIRECTORY [CASE ...]
"""

import math
import sys

import numpy as np
import torch
from diffusers import UNet2DModel
from safetensors.torch import save_file
from torch.utils.flop_counter import FlopCounterMode

CASES = {
    # name: (resolution, widths, res blocks, attention levels, groups (None: by width), heads, batch, channels, classes)
    "plain": (16, (32, 64, 64), 1, (), 32, 1, 2, 3, 0),
    "attention": (16, (16, 32), 2, (1,), 8, 1, 2, 3, 0),
    "heads": (8, (32, 32), 1, (0, 1), 16, 4, 3, 3, 0),
    "cifar10": (32, (32, 64, 64, 64), 2, (1,), 32, 1, 1, 3, 0),
    "conditional": (16, (16, 32), 1, (1,), 8, 1, 4, 3, 10),
    "grey": (28, (16, 32, 32), 1, (1,), 4, 1, 2, 1, 0),
    "large": (64, (8, 16, 16, 16), 1, (2, 3), 4, 2, 1, 3, 0),
    "narrow": (8, (6, 12, 18, 6), 1, (0, 3), None, 1, 3, 1, 3),  # down to a side of 1
    "defaults": (16, (32, 64, 96), 2, (1, 2), 32, None, 2, 3, 4),  # heads None: what diffusers has unless told otherwise
}


def groups_for(width):
    """The largest divisor up to 32 that leaves each group at least 4 channels."""
    return max(g for g in range(1, 33) if width % g == 0 and (g == 1 or 4 * g <= width))


def closed_form(shape, k):
    z = np.arange(math.prod(shape), dtype=np.uint64) * np.uint64(0x9E3779B1) + np.uint64(k * 0x85EBCA6B)
    z &= np.uint64(0xFFFFFFFF)
    z ^= z >> np.uint64(16)
    z = (z * np.uint64(0x7FEB352D)) & np.uint64(0xFFFFFFFF)
    z ^= z >> np.uint64(15)
    return torch.from_numpy(z.astype(np.float64) / 2**31 - 1).reshape(shape)


def build(resolution, widths, res_blocks, attention, groups, heads, channels=3, classes=0):
    ddpm = {
        "freq_shift": 1,
        "flip_sin_to_cos": False,
        "downsample_padding": 0,
        "norm_eps": 1e-6,
        "attention_head_dim": None if heads == 1 else widths[-1] // (heads or 1),
    }
    model = UNet2DModel(
        sample_size=resolution,
        in_channels=channels,
        out_channels=channels,
        time_embedding_type="positional",
        down_block_types=tuple("AttnDownBlock2D" if i in attention else "DownBlock2D" for i in range(len(widths))),
        up_block_types=tuple(
            "AttnUpBlock2D" if i in attention else "UpBlock2D" for i in reversed(range(len(widths)))
        ),
        block_out_channels=widths,
        layers_per_block=res_blocks,
        mid_block_scale_factor=1,
        norm_num_groups=groups or 1,
        act_fn="silu",
        num_class_embeds=classes or None,
        **(ddpm if heads else {}),
    )
    if groups is None:  # diffusers has one number for all widths
        for module in model.modules():
            if isinstance(module, torch.nn.GroupNorm):
                module.num_groups = groups_for(module.num_channels)
    return model.eval().double()  # the reference is exact, the tested network float32


def fill(model):
    """Sets the weights, in name order, to closed forms."""
    with torch.no_grad():
        for k, (key, p) in enumerate(sorted(model.named_parameters())):
            if p.dim() == 1:
                is_norm = "norm" in key and key.endswith("weight")
                value = 0.1 * closed_form(p.shape, k) + (1 if is_norm else 0)
            else:
                value = closed_form(p.shape, k) / math.sqrt(math.prod(p.shape[1:]))
            p.copy_(value.float())


def macs(model):
    """Counted by PyTorch: convolutions and linear layers, not attention's products."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        config = model.config
        x = torch.zeros(1, config.in_channels, config.sample_size, config.sample_size, dtype=torch.float64)
        model(x, torch.tensor([0]), class_labels=torch.tensor([0]) if config.num_class_embeds else None)
    return counter.get_total_flops() // 2


def main(out):
    print("paper", macs(build(32, (128, 256, 256, 256), 2, (1,), 32, 1)))
    for name in sys.argv[2:] or CASES:
        resolution, widths, res_blocks, attention, groups, heads, batch, channels, classes = CASES[name]
        model = build(resolution, widths, res_blocks, attention, groups, heads, channels, classes)
        fill(model)
        x = closed_form((batch, channels, resolution, resolution), 1000).float().double()
        noise = closed_form((batch, channels, resolution, resolution), 2000).float().double()
        t = torch.tensor([(i * 617 + 3) % 1000 for i in range(batch)])
        y = torch.tensor([(7 * i + 2) % max(classes, 1) for i in range(batch)]) if classes else None
        eps = model(x, t, class_labels=y).sample
        torch.nn.functional.mse_loss(eps, noise).backward()
        tensors = {"eps": eps.detach().float().contiguous(), "t": t}
        if classes:
            tensors["y"] = y
        for key, p in model.named_parameters():
            # A gradient is kept as its norm and its projection on another closed form.
            g = p.grad.double()
            probe = closed_form(p.shape, 3000)
            tensors["grad." + key] = torch.stack([g.norm(), (g * probe).sum()])
        meta = {
            "macs": str(macs(model)),
            "parameters": str(sum(p.numel() for p in model.parameters())),
            "resolution": str(resolution),
            "widths": ",".join(map(str, widths)),
            "resBlocks": str(res_blocks),
            "attentionResolutions": ",".join(str(resolution >> i) for i in attention),
            "groups": str(groups or ""),
            "channels": str(channels),
            "classes": str(classes),
            "heads": str(heads or 1),
        }
        if heads is None:
            meta |= {"variant": "DIFFUSERS", "headWidth": str(model.config.attention_head_dim)}
        save_file(tensors, f"{out}/unet-{name}.safetensors", metadata=meta)
        print(name, meta["parameters"], eps.abs().mean().item())


if __name__ == "__main__":
    main(sys.argv[1])
