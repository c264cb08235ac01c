"""Makes src/test/resources/network/dit-*.safetensors: eps and gradients of diffusers' DiTTransformer2DModel.

Weights and images are the closed forms of unet_fixtures.py. Of a network that learns sigma, eps is the first half of
the channels. dit/ has a small model as diffusers saves it, that learns sigma, with its eps.
Needs: pip install torch diffusers safetensors
Run:   python dit_fixtures.py OUTPUT_DIRECTORY [CASE ...]
"""

import sys
from pathlib import Path

import torch
from diffusers import DiTTransformer2DModel
from safetensors.torch import save_file
from torch.utils.flop_counter import FlopCounterMode
from unet_fixtures import closed_form, fill

CASES = {
    # name: (resolution, channels, patch, layers, heads, head width, norm_eps, learns sigma, batch, classes)
    "plain": (8, 3, 2, 3, 2, 12, 1e-5, False, 3, 5),
    "sigma": (8, 3, 2, 2, 4, 8, 1e-5, True, 2, 2),
    "grey": (12, 1, 4, 2, 1, 20, 1e-6, False, 4, 3),
    "pixels": (4, 2, 1, 1, 3, 4, 1e-5, False, 2, 10),
}

COSTS = {  # printed: of NetworkCostTest in the module workflows
    "DiT-XL/2 of latents": (32, 4, 2, 28, 16, 72, 1e-5, True, 1000),
    "DiT-S/2 of CIFAR-10": (32, 3, 2, 12, 6, 64, 1e-5, False, 10),
}


def build(resolution, channels, patch, layers, heads, head_width, eps, sigma, classes):
    model = DiTTransformer2DModel(
        num_attention_heads=heads,
        attention_head_dim=head_width,
        in_channels=channels,
        out_channels=2 * channels if sigma else channels,
        num_layers=layers,
        sample_size=resolution,
        patch_size=patch,
        num_embeds_ada_norm=classes,
        norm_eps=eps,
    )
    return model.eval().double()  # labels are dropped in training alone; the reference is exact


def macs(model):
    """Counted by PyTorch: convolutions and linear layers, not attention's products.

    The forward pass asks the first block's embedder twice, which once is enough for.
    """
    c = model.config
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        x = torch.zeros(1, c.in_channels, c.sample_size, c.sample_size, dtype=torch.float64)
        model(x, torch.tensor([0]), class_labels=torch.tensor([0]))
    layers = {"convolution", "addmm", "mm"}
    flops = sum(n for op, n in counter.get_flop_counts()["Global"].items() if op.__name__ in layers)
    return flops // 2 - (256 + model.inner_dim) * model.inner_dim


def save(out):
    """A folder as a pipeline has it: transformer/ and the eps of two images."""
    torch.manual_seed(0)
    model = build(8, 3, 2, 1, 2, 4, 1e-5, True, 4).float()
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(0.2 * torch.randn_like(p))
    model.save_pretrained(out / "dit" / "transformer")
    x = torch.randn(2, 3, 8, 8)
    t = torch.tensor([3, 998])
    y = torch.tensor([3, 0])
    with torch.no_grad():
        eps = model(x, t, class_labels=y).sample[:, :3]
    save_file({"x": x, "t": t, "y": y, "eps": eps.contiguous()}, out / "dit" / "eps.safetensors")


def main(out):
    for title, size in COSTS.items():
        with torch.device("meta"):
            model = build(*size)
            tables = sum(p.numel() for name, p in model.named_parameters() if "embedding_table" in name)
            print(title, "without classes", sum(p.numel() for p in model.parameters()) - tables, macs(model))
    save(Path(out))
    for name in sys.argv[2:] or CASES:
        resolution, channels, patch, layers, heads, head_width, norm_eps, sigma, batch, classes = CASES[name]
        model = build(resolution, channels, patch, layers, heads, head_width, norm_eps, sigma, classes)
        fill(model)
        x = closed_form((batch, channels, resolution, resolution), 1000).float().double()
        noise = closed_form((batch, channels, resolution, resolution), 2000).float().double()
        t = torch.tensor([(i * 617 + 3) % 1000 for i in range(batch)])
        y = torch.tensor([(7 * i + 2) % classes for i in range(batch)])
        eps = model(x, t, class_labels=y).sample[:, :channels]
        torch.nn.functional.mse_loss(eps, noise).backward()
        tensors = {"eps": eps.detach().float().contiguous(), "t": t, "y": y}
        for key, p in model.named_parameters():
            # A gradient is kept as its norm and its projection on another closed form.
            g = p.grad.double()
            probe = closed_form(p.shape, 3000)
            tensors["grad." + key] = torch.stack([g.norm(), (g * probe).sum()])
        meta = {
            "macs": str(macs(model)),
            "parameters": str(sum(p.numel() for p in model.parameters())),
            "resolution": str(resolution),
            "channels": str(channels),
            "classes": str(classes),
            "patchSize": str(patch),
            "layers": str(layers),
            "heads": str(heads),
            "headWidth": str(head_width),
            "normEps": str(norm_eps),
            "learnedSigma": str(sigma).lower(),
        }
        save_file(tensors, f"{out}/dit-{name}.safetensors", metadata=meta)
        print(name, meta["parameters"], meta["macs"], eps.abs().mean().item())


if __name__ == "__main__":
    main(sys.argv[1])
