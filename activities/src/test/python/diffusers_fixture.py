"""Makes src/test/resources/network/diffusers*: a small UNet2DModel as diffusers saves it, with its eps.

diffusers/             config.json, diffusion_pytorch_model.safetensors, eps.safetensors (x, t, eps)
diffusers-deprecated/  the same weights under the names of diffusers before 0.17, attention as 1x1 convolutions in one block
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


def main(out):
    torch.manual_seed(0)
    model = UNet2DModel(
        sample_size=8,
        in_channels=3,
        out_channels=3,
        freq_shift=1,
        flip_sin_to_cos=False,
        down_block_types=("DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D"),
        block_out_channels=(8, 16),
        layers_per_block=1,
        mid_block_scale_factor=1,
        downsample_padding=0,
        norm_num_groups=4,
        norm_eps=1e-6,
        attention_head_dim=8,
        act_fn="silu",
    ).eval()
    with torch.no_grad():
        for name, p in model.named_parameters():  # norms and biases away from 1 and 0, so that a swap shows
            if p.dim() == 1:
                p.add_(0.1 * torch.randn_like(p))
    folder = Path(out) / "diffusers"
    model.save_pretrained(folder)
    x = torch.randn(2, 3, 8, 8)
    t = torch.tensor([3, 998])
    with torch.no_grad():
        eps = model(x, t).sample
    save_file({"x": x, "t": t, "eps": eps.contiguous()}, folder / "eps.safetensors")

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
