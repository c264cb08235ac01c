"""Makes src/test/resources/assignment/assignment.json: cuts by log-SNR and by noise level, linear CKA, mid-block features and Taylor scores.

Cuts need NumPy, and the levels of diffusers. The network is diffusers' UNet2DModel with the closed-form weights of unet_fixtures.py; what
belongs to a channel is listed by hand here, tensor by tensor.
Needs: pip install numpy torch diffusers safetensors
Run:   python assignment_fixture.py
"""

import json
import pathlib

import numpy as np
import torch
from diffusers import EulerDiscreteScheduler
from unet_fixtures import build, closed_form, fill


def alphas_cumprod(schedule, timesteps):
    if schedule == "linear":
        betas = np.linspace(1e-4, 0.02, timesteps)
    else:
        bar = lambda u: np.cos((u + 0.008) / 1.008 * np.pi / 2) ** 2
        u = np.arange(timesteps + 1) / timesteps
        betas = np.minimum(1 - bar(u[1:]) / bar(u[:-1]), 0.999)
    return np.cumprod(1 - betas)


def snr_cuts(schedule, timesteps, students):
    a = alphas_cumprod(schedule, timesteps)
    log_snr = np.log(a / (1 - a))
    levels = np.linspace(log_snr[0], log_snr[-1], students + 1)[1:-1]
    # The first t that is not above the level: log_snr falls, so that its negative can be searched.
    return [0, *np.searchsorted(-log_snr, -levels).tolist(), timesteps]


def karras_cuts(schedule, timesteps, students):
    a = alphas_cumprod(schedule, timesteps)
    sigma = np.sqrt((1 - a) / a)
    levels = EulerDiscreteScheduler()._convert_to_karras(torch.from_numpy(sigma[::-1].copy()), students + 1)[::-1][1:-1]
    return [0, *np.searchsorted(sigma, levels).tolist(), timesteps]


def linear_cka(x, y):
    x, y = x - x.mean(0), y - y.mean(0)
    norm = lambda m: np.linalg.norm(m, "fro")
    return float(norm(y.T @ x) ** 2 / (norm(x.T @ x) * norm(y.T @ y)))


def network():
    model = build(8, (16, 32), 1, (1,), 4, 2, 3, 3)
    fill(model)
    return model


def inputs(k):
    x = closed_form((3, 3, 8, 8), 1000 + k).float().double()
    noise = closed_form((3, 3, 8, 8), 2000 + k).float().double()
    return x, noise, torch.tensor([3 + k, 500 + k, 999 - k]), torch.tensor([0, 2, 1])


def mid_block():
    model = network()
    found = []
    model.mid_block.register_forward_hook(lambda module, args, out: found.append(out.mean((2, 3))))
    x, _, t, y = inputs(0)
    with torch.no_grad():
        model(x, t, class_labels=y)
    return found[0].tolist()


def taylor(batches):
    """Sum of |w dL/dw| of all that belongs to each channel inside the first residual block of the middle."""
    model = network()
    block = "mid_block.resnets.0."
    rows = ["conv1.weight", "conv1.bias", "time_emb_proj.weight", "time_emb_proj.bias", "norm2.weight", "norm2.bias"]
    scores = torch.zeros(32, dtype=torch.float64)
    for k in range(batches):
        model.zero_grad()
        x, noise, t, y = inputs(k)
        torch.nn.functional.mse_loss(model(x, t, class_labels=y).sample, noise).backward()
        part = {n: (p * p.grad).abs().detach() for n, p in model.named_parameters()}
        for row in rows:
            scores += part[block + row].flatten(1).sum(1) if part[block + row].dim() > 1 else part[block + row]
        scores += part[block + "conv2.weight"].transpose(0, 1).flatten(1).sum(1)
    return scores.tolist()


def magnitude():
    """Sum of |w| of the filters that make each channel of the residual stream of the second level's encoder."""
    weights = dict(network().named_parameters())
    stream = [
        # The shortcut and the last convolution of the level's block, its attention, and the whole middle block.
        "down_blocks.1.resnets.0.conv2",
        "down_blocks.1.resnets.0.conv_shortcut",
        "down_blocks.1.attentions.0.to_out.0",
        "mid_block.resnets.0.conv2",
        "mid_block.attentions.0.to_out.0",
        "mid_block.resnets.1.conv2",
    ]
    return sum(weights[s + ".weight"].detach().abs().flatten(1).sum(1) for s in stream).tolist()


rng = np.random.default_rng(11)
x = rng.normal(size=(12, 5)).astype(np.float32)
y = (np.tanh(x @ rng.normal(size=(5, 7))) + 0.3 * rng.normal(size=(12, 7)) + 4).astype(np.float32)
flat = lambda m: [float(v) for v in m.ravel()]
cases = [(s, t, n) for s in ("linear", "cosine") for t in (1000, 250) for n in (1, 2, 4, 7)]
content = {
    "snr": [{"schedule": s, "timesteps": t, "students": n, "cuts": snr_cuts(s, t, n)} for s, t, n in cases],
    "karras": [{"schedule": s, "timesteps": t, "students": n, "cuts": karras_cuts(s, t, n)} for s, t, n in cases
               if s == "linear" or n < 7],  # else levels lie closer than timesteps
    "cka": {"images": 12, "x": flat(x), "y": flat(y), "value": linear_cka(x.astype(float), y.astype(float))},
    "midBlock": mid_block(),
    "taylor": taylor(2),
    "magnitude": magnitude(),
}
out = pathlib.Path(__file__).parents[1] / "resources/assignment/assignment.json"
out.write_text(json.dumps(content, indent=1) + "\n")
print([c["cuts"] for c in content["snr"]], content["cka"]["value"])
