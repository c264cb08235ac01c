"""Makes src/test/resources/training/losses.safetensors: one step's losses and gradients in eager PyTorch.

Of students and teachers that predict something else than eps, and of weighted losses. Network and weights as unet_fixtures.py; x_0, noise and the
teacher's output are closed forms. What is compared how is written out here by its definition: in the student's own space
where a unit of the teacher's output is worth at most one of the student's, else in the teacher's.
Needs: pip install numpy torch diffusers safetensors
Run:   python loss_fixture.py OUTPUT_DIRECTORY
"""

import sys

import numpy as np
import torch
from diffusers import DDPMScheduler
from diffusers.training_utils import compute_snr
from safetensors.torch import save_file

import unet_fixtures as fixtures
from diffusion_fixtures import linear

CASES = {
    # name: (what the student predicts, what the teacher does, what its errors count)
    "x0-of-eps": ("x0", "eps", "none"),
    "eps-of-x0": ("eps", "x0", "none"),
    "x0-of-x0": ("x0", "x0", "none"),
    "v-of-eps": ("v", "eps", "none"),
    "x0-of-v": ("x0", "v", "none"),
    "v-of-v": ("v", "v", "none"),
    "flow-of-eps": ("flow", "eps", "none"),
    "v-of-flow": ("v", "flow", "none"),
    "min-snr-eps": ("eps", "eps", "min-snr"),
    "min-snr-x0": ("x0", "x0", "min-snr"),
    "min-snr-v": ("v", "v", "min-snr"),
    "p2-eps": ("eps", "eps", "p2"),
    "p2-v-of-eps": ("v", "eps", "p2"),
}
T = torch.tensor([3, 250, 777, 999])
KEYS = ("conv_in.weight", "mid_block.attentions.0.to_q.weight", "conv_out.bias")


def predicted(kind, x0, eps, a, s):
    return {"eps": eps, "x0": x0, "v": a * eps - s * x0, "flow": eps - x0}[kind]


def understood(kind, x, y, a, s):
    """x_0 and eps."""
    return {
        "eps": ((x - s * y) / a, y),
        "x0": (y, (x - a * y) / s),
        "v": (a * x - s * y, s * x + a * y),
        "flow": ((x - s * y) / (a + s), (x + a * y) / (a + s)),
    }[kind]


def difference(student, teacher, own, taught, x, a, s):
    def as_student(y):
        return predicted(student, *understood(teacher, x, y, a, s), a, s)

    def as_teacher(y):
        return predicted(teacher, *understood(student, x, y, a, s), a, s)

    gain = (as_student(taught + 1) - as_student(taught)).abs()
    return torch.where(gain <= 1 + 1e-9, own - as_student(taught), as_teacher(own) - taught)


def weights(kind, predicts):
    """[N], of the squared errors of what is predicted."""
    if kind == "none":
        return torch.ones(len(T), dtype=torch.float64)
    scheduler = DDPMScheduler(trained_betas=linear())
    scheduler.alphas_cumprod = torch.tensor(np.cumprod(1 - linear()))
    snr = compute_snr(scheduler, T)
    if kind == "min-snr":  # as diffusers' train_text_to_image.py and train_unconditional.py have it
        capped = torch.clamp(snr, max=5)
        return {"eps": capped / snr, "x0": capped, "v": capped / (snr + 1)}[predicts]
    # P2 weighs errors in eps (Choi et al. 2022, eq. 8); one of v is as many of eps as alpha.
    per_eps = {"eps": 1, "v": scheduler.alphas_cumprod[T]}
    return {"p2": per_eps[predicts] / (1 + snr) ** 1}[kind]


def main(out):
    acp = torch.tensor(np.cumprod(1 - linear()))[T]
    a, s = acp.sqrt().reshape(-1, 1, 1, 1), (1 - acp).sqrt().reshape(-1, 1, 1, 1)
    tensors = {}
    for name, (student, teacher, weighting) in CASES.items():
        model = fixtures.build(8, (8, 16), 1, (1,), 8, 1)
        fixtures.fill(model)
        x0, noise, taught = (fixtures.closed_form((4, 3, 8, 8), i) for i in range(3))
        x = (a * x0 + s * noise).float().double()
        own = model(x, T).sample
        error = own - predicted(student, x0, noise, a, s)
        weight = weights(weighting, student)
        diffusion = ((error**2).mean((1, 2, 3)) * weight).mean()
        compared = difference(student, teacher, own, taught, x, a, s)
        distillation = ((compared**2).mean((1, 2, 3)) * weight).mean()
        loss = diffusion + 0.5 * distillation
        loss.backward()
        gradients = {key: p.grad for key, p in model.named_parameters()}
        norm = torch.sqrt(sum((g**2).sum() for g in gradients.values()))
        tensors[f"{name}.metrics"] = torch.stack([loss, diffusion, distillation, norm]).detach()
        tensors[f"{name}.samples"] = (error**2).mean((1, 2, 3)).detach()
        for key in KEYS:
            tensors[f"{name}.gradient.{key}"] = gradients[key].float()
    save_file({k: v.contiguous() for k, v in tensors.items()}, f"{out}/losses.safetensors")


if __name__ == "__main__":
    main(sys.argv[1])
