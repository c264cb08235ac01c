"""Makes src/test/resources/training/features.safetensors: losses and gradients of a student that learns from features.

Student and teacher are diffusers' UNet2DModel of different widths; weights and inputs as in unet_fixtures.py, in float64.
Features: output of the mid block, of the last attention or residual block of each up block (before its upsampler), and eps.
For each kind two cases: all three losses at every place, and the feature loss alone at one place.
Run: python feature_loss_fixture.py OUTPUT_DIRECTORY
"""

import sys

import torch
import torch.nn.functional as F
import unet_fixtures as fixtures
from safetensors.torch import save_file

PLACES = ("mid", "up.0", "up.1", "eps")
KINDS = {"hint": 0.3, "relational-sample": 5.0, "relational-spatial": 2.0, "relational-gram": 0.3, "attention": 50.0}
# case: (w_diffusion, w_distillation, places)
CASES = {"all": (1.0, 0.5, PLACES), "mid": (0.0, 0.0, ("mid",)), "up.1": (0.0, 0.0, ("up.1",)), "eps": (0.0, 0.0, ("eps",))}


def network(widths):
    model = fixtures.build(8, widths, 1, (1,), 8, 1)
    fixtures.fill(model)
    kept = {}
    modules = {"mid": model.mid_block}
    for i, block in enumerate(model.up_blocks):
        modules["eps"] = model.conv_out
        modules[f"up.{i}"] = block.attentions[-1] if hasattr(block, "attentions") else block.resnets[-1]
    for place, module in modules.items():
        module.register_forward_hook(lambda _m, _in, out, place=place: kept.__setitem__(place, out))
    return model, kept


def adaptor(i, student, teacher):
    conv = torch.nn.Conv2d(student, teacher, 1).double()
    with torch.no_grad():
        conv.weight.copy_((fixtures.closed_form(conv.weight.shape, 5000 + 2 * i) / student**0.5).float())
        conv.bias.copy_((0.1 * fixtures.closed_form(conv.bias.shape, 5001 + 2 * i)).float())
    return conv


def feature_loss(kind, s, t, conv):
    if kind == "hint":
        return F.mse_loss(conv(s), t)
    if kind == "relational-sample":
        s, t = (F.cosine_similarity(f.flatten(1)[:, None], f.flatten(1)[None], dim=2) for f in (s, t))
        return ((s - t) ** 2).sum() / s.shape[0] ** 2
    if kind == "relational-spatial":
        s, t = (F.normalize(f, dim=1).flatten(2) for f in (s, t))  # [N, C, H * W]
        s, t = (torch.einsum("ncp,ncq->npq", f, f) for f in (s, t))
        return torch.stack([((a - b) ** 2).mean() for a, b in zip(s, t)]).mean()
    if kind == "relational-gram":  # what MqLeet/DeMe, train_unconditional_deme.py, computes as its relational loss
        s, t = (torch.einsum("ncp,ncq->npq", f.flatten(2), f.flatten(2)) for f in (s, t))
        return torch.dist(*(g / g.norm(dim=1, keepdim=True) for g in (s, t)))
    # As in the authors' code: github.com/szagoruyko/attention-transfer, utils.py, at and at_loss.
    s, t = (F.normalize(f.pow(2).mean(1).view(f.size(0), -1)) for f in (s, t))
    return (s - t).pow(2).mean()


def main(out):
    tensors = {}
    for kind, weight in KINDS.items():
        for case, (w_diffusion, w_distillation, places) in CASES.items():
            student, own = network((8, 16))
            teacher, taught = network((16, 32))
            xt, noise = (fixtures.closed_form((4, 3, 8, 8), i).float().double() for i in range(2))
            t = torch.tensor([3, 250, 777, 999])
            with torch.no_grad():
                eps_teacher = teacher(xt, t).sample
            eps = student(xt, t).sample
            convs = {p: adaptor(i, own[p].shape[1], taught[p].shape[1]) for i, p in enumerate(places)}
            diffusion, distillation = F.mse_loss(eps, noise), F.mse_loss(eps, eps_teacher)
            feature = sum(feature_loss(kind, own[p], taught[p], convs[p]) for p in places) / len(places)
            loss = w_diffusion * diffusion + w_distillation * distillation + weight * feature
            loss.backward()
            parameters = dict(student.named_parameters())
            if kind == "hint":
                for place, conv in convs.items():
                    parameters |= {f"feature_adaptor.{place}.{n}": p for n, p in conv.named_parameters()}
            norm = torch.nn.utils.clip_grad_norm_(parameters.values(), 1e30)
            tensors[f"{kind}/{case}/figures"] = torch.stack([loss, diffusion, distillation, norm, feature]).detach()
            tensors[f"{kind}/{case}/samples"] = ((eps - noise) ** 2).mean((1, 2, 3)).detach()
            tensors[f"{kind}/{case}/weights"] = torch.tensor([w_diffusion, w_distillation, weight], dtype=torch.float64)
            gradients = []
            for _, p in sorted(parameters.items()):
                # A gradient is kept as its norm and its projection on another closed form.
                g = torch.zeros_like(p) if p.grad is None else p.grad
                gradients.append(torch.stack([g.norm(), (g * fixtures.closed_form(p.shape, 3000)).sum()]))
            tensors[f"{kind}/{case}/gradients"] = torch.stack(gradients)
            print(kind, case, loss.item(), feature.item(), norm.item())
    save_file(tensors, f"{out}/features.safetensors")


if __name__ == "__main__":
    main(sys.argv[1])
