"""Makes src/test/resources/training/low-rank.safetensors: the gradients of a low-rank update of diffusers' UNet2DConditionModel.

Every convolution and linear layer W is W + B A, reshaped; the rest stays. Weights, images and texts as in
unet_fixtures.py; A and B are closed forms too, in the order of their layers' names.
Run: python low_rank_fixture.py OUTPUT_DIRECTORY
"""

import sys

import torch
import torch.nn.functional as F
import unet_fixtures as fixtures
from feature_places_fixture import text
from safetensors.torch import save_file

RANK = 3


def main(out):
    model = text(8, {})
    fixtures.fill(model)
    base = {name: p.detach() for name, p in model.named_parameters()}
    layers = sorted(n for n, m in model.named_modules() if isinstance(m, (torch.nn.Linear, torch.nn.Conv2d)))
    pairs = {}
    for i, layer in enumerate(layers):
        w = base[layer + ".weight"]
        a = fixtures.closed_form((RANK, w[0].numel()), 6000 + 2 * i) / w[0].numel() ** 0.5
        b = 0.3 * fixtures.closed_form((w.shape[0], RANK), 6001 + 2 * i)
        pairs[layer] = a.float().double().requires_grad_(), b.float().double().requires_grad_()
    merged = dict(base)
    for layer, (a, b) in pairs.items():
        w = base[layer + ".weight"]
        merged[layer + ".weight"] = w + (b @ a).reshape(w.shape)
    xt, noise = (fixtures.closed_form((4, 4, 8, 8), i).float().double() for i in range(2))
    told = {"timestep": torch.tensor([3, 250, 777, 999]), "encoder_hidden_states": fixtures.closed_form((4, 7, 12), 4000).float().double()}
    eps = torch.func.functional_call(model, merged, (xt,), told).sample
    loss = F.mse_loss(eps, noise)
    loss.backward()
    gradients, squares = [], 0
    for layer in layers:
        for p in pairs[layer]:
            gradients.append(torch.stack([p.grad.norm(), (p.grad * fixtures.closed_form(p.shape, 3000)).sum()]))
            squares += p.grad.norm() ** 2
    save_file(
        {
            "figures": torch.stack([loss.detach(), squares.sqrt()]),
            "gradients": torch.stack(gradients),
            "eps": eps.detach().float().contiguous(),
        },
        f"{out}/low-rank.safetensors",
    )
    print(len(layers), loss.item(), squares.sqrt().item())


if __name__ == "__main__":
    main(sys.argv[1])
