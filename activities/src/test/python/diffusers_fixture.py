"""Makes src/test/resources/network/diffusers*: a small UNet2DModel as diffusers saves it, with its eps.

diffusers/             config.json, diffusion_pytorch_model.safetensors, eps.safetensors (x, t, eps)
diffusers-default/     the same of what UNet2DModel is unless told otherwise, but small; heads differ by level
diffusers-deprecated/  the first one's weights under the names of diffusers before 0.17, attention as 1x1 convolutions in one block
Needs: pip install torch diffusers safetensors
Run:   python diffusers_fixture.py OUTPUT_DIRECTORY
"""

import json
import sys
from pathlib import Path

import torch
from diffusers import UNet2DModel
from safetensors.torch import save_file

DEPRECATED = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}


def save(folder, **config):
    """Saves a network of 8x8 images, of diffusers' defaults but for its size and what is given, and its eps."""
    torch.manual_seed(0)
    model = UNet2DModel(
        sample_size=8, block_out_channels=(8, 16), layers_per_block=1, norm_num_groups=4, act_fn="silu", **config
    ).eval()
    with torch.no_grad():
        for name, p in model.named_parameters():  # norms and biases away from 1 and 0, so that a swap shows
            if p.dim() == 1:
                p.add_(0.1 * torch.randn_like(p))
    model.save_pretrained(folder)
    x = torch.randn(2, 3, 8, 8)
    t = torch.tensor([3, 998])
    with torch.no_grad():
        eps = model(x, t).sample
    save_file({"x": x, "t": t, "eps": eps.contiguous()}, folder / "eps.safetensors")
    return model, folder


def main(out):
    model, folder = save(
        Path(out) / "diffusers",
        freq_shift=1,
        flip_sin_to_cos=False,
        down_block_types=("DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D"),
        downsample_padding=0,
        norm_eps=1e-6,
    )
    save(
        Path(out) / "diffusers-default",
        down_block_types=("AttnDownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "AttnUpBlock2D"),
    )

    old = Path(out) / "diffusers-deprecated"
    old.mkdir(exist_ok=True)
    (old / "config.json").write_text(json.dumps(dict(json.loads((folder / "config.json").read_text())), indent=2))
    weights = {}
    for name, value in model.state_dict().items():
        if ".attentions." in name:
            for new, deprecated in DEPRECATED.items():
                if f".{new}." in name:
                    name = name.replace(f".{new}.", f".{deprecated}.")
                    if name.startswith("mid_block") and name.endswith("weight"):
                        value = value[:, :, None, None].contiguous()
        weights[name] = value
    save_file(weights, old / "diffusion_pytorch_model.safetensors")


if __name__ == "__main__":
    main(sys.argv[1])
