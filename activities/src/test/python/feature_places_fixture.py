"""Makes src/test/resources/training/feature-places.safetensors: gradients of text U-Nets and DiTs that learn from features.

Students and teachers are diffusers' UNet2DConditionModel and DiTTransformer2DModel of different widths; weights and inputs
as in unet_fixtures.py, in float64. One case for each architecture, kind and place; losses as in feature_loss_fixture.py.
Run: python feature_places_fixture.py OUTPUT_DIRECTORY
"""

import sys

import torch
import torch.nn.functional as F
import unet_fixtures as fixtures
from diffusers import DiTTransformer2DModel, UNet2DConditionModel
from feature_loss_fixture import KINDS, adaptor, feature_loss
from safetensors.torch import save_file

W_DIFFUSION, W_DISTILLATION = 1.0, 0.5


def text(width, kept):
    model = UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(width, 2 * width),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        norm_num_groups=4,
        attention_head_dim=2,
        cross_attention_dim=12,
    ).eval().double()
    for place, module in {
        "mid": model.mid_block,
        "up.0": model.up_blocks[0].resnets[-1],
        "up.1": model.up_blocks[1].attentions[-1],
        "eps": model.conv_out,
    }.items():
        module.register_forward_hook(
            lambda _m, _in, out, place=place: kept.__setitem__(place, out if torch.is_tensor(out) else out[0])
        )
    return model


def dit(layers, head_width, kept):
    model = DiTTransformer2DModel(
        num_attention_heads=2,
        attention_head_dim=head_width,
        in_channels=4,
        num_layers=layers,
        sample_size=8,
        patch_size=2,
        num_embeds_ada_norm=3,
    ).eval().double()
    model.transformer_blocks[(layers - 1) // 2].register_forward_hook(
        lambda _m, _in, out: kept.__setitem__("mid", out.transpose(1, 2).unflatten(2, (4, 4)))
    )
    model.register_forward_hook(lambda _m, _in, out: kept.__setitem__("eps", out[0]))
    return model


def main(out):
    xt, noise = (fixtures.closed_form((4, 4, 8, 8), i).float().double() for i in range(2))
    t = torch.tensor([3, 250, 777, 999])
    context = fixtures.closed_form((4, 7, 12), 4000).float().double()
    architectures = {
        "text": (lambda k: text(8, k), lambda k: text(16, k), ("mid", "up.0", "up.1", "eps"), {"encoder_hidden_states": context}),
        "dit": (lambda k: dit(2, 4, k), lambda k: dit(3, 8, k), ("mid", "eps"), {"class_labels": torch.tensor([2, 0, 1, 2])}),
    }
    tensors = {}
    for architecture, (small, large, places, told) in architectures.items():
        for kind, weight in KINDS.items():
            for place in places:
                own, taught = {}, {}
                student, teacher = small(own), large(taught)
                fixtures.fill(student)
                fixtures.fill(teacher)
                with torch.no_grad():
                    eps_teacher = teacher(xt, timestep=t, **told).sample
                eps = student(xt, timestep=t, **told).sample
                conv = adaptor(0, own[place].shape[1], taught[place].shape[1])
                diffusion, distillation = F.mse_loss(eps, noise), F.mse_loss(eps, eps_teacher)
                feature = feature_loss(kind, own[place], taught[place], conv)
                loss = W_DIFFUSION * diffusion + W_DISTILLATION * distillation + weight * feature
                loss.backward()
                parameters = dict(student.named_parameters())
                if kind == "hint":
                    parameters |= {f"feature_adaptor.{place}.{n}": p for n, p in conv.named_parameters()}
                gradients = []
                for _, p in sorted(parameters.items()):
                    g = torch.zeros_like(p) if p.grad is None else p.grad
                    gradients.append(torch.stack([g.norm(), (g * fixtures.closed_form(p.shape, 3000)).sum()]))
                key = f"{architecture}/{kind}/{place}/"
                norm = torch.nn.utils.clip_grad_norm_(parameters.values(), 1e30)
                tensors[key + "figures"] = torch.stack([loss, diffusion, distillation, norm, feature]).detach()
                tensors[key + "gradients"] = torch.stack(gradients).float()
                print(key, loss.item(), feature.item(), norm.item())
    save_file(tensors, f"{out}/feature-places.safetensors", metadata={k: str(v) for k, v in KINDS.items()})


if __name__ == "__main__":
    main(sys.argv[1])
