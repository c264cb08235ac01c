"""Makes src/test/resources/training/steps.safetensors: a few optimisation steps in eager PyTorch.

Network, weights and inputs as unet_fixtures.py; teacher eps is a closed form. Clip, fused Adam(W), EMA as Atelier.
Run: python training_step_fixture.py OUTPUT_DIRECTORY
"""

import sys

import torch
from safetensors.torch import save_file
import unet_fixtures as fixtures

tensors = {}
for name, weight_decay, kd, beta2 in (("adam", 0.0, 0.0, 0.999), ("adamw", 0.1, 0.5, 0.999), ("beta2", 0.0, 0.0, 0.9)):
    model = fixtures.build(8, (8, 16), 1, (1,), 8, 1).float()
    fixtures.fill(model)
    params = list(model.parameters())
    ema = [p.detach().clone() for p in params]
    cls = torch.optim.AdamW if weight_decay else torch.optim.Adam
    optimizer = cls(params, lr=1.0, betas=(0.9, beta2), weight_decay=weight_decay)
    metrics = []
    for step in range(3):
        xt, noise, teacher = (fixtures.closed_form((4, 3, 8, 8), 100 * step + i).float() for i in range(3))
        t = torch.tensor([3, 250, 777, 999])
        eps = model(xt, t).sample
        diffusion, distillation = ((eps - noise) ** 2).mean(), ((eps - teacher) ** 2).mean()
        loss = diffusion + kd * distillation
        optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(params, 0.25)
        optimizer.param_groups[0]["lr"] = 1e-3 * (step + 1) / 3
        optimizer.step()
        decay = min(0.2, (1 + step) / (10 + step))
        with torch.no_grad():
            for e, p in zip(ema, params):
                e.mul_(decay).add_(p, alpha=1 - decay)
        metrics.append([loss.item(), diffusion.item(), distillation.item(), norm.item()])
    tensors[f"{name}.metrics"] = torch.tensor(metrics, dtype=torch.float64)
    for key in ("conv_in.weight", "mid_block.resnets.0.conv1.weight", "mid_block.attentions.0.to_q.weight", "time_embedding.linear_1.bias", "conv_out.bias"):
        p = dict(model.named_parameters())[key]
        i = [k for k, _ in model.named_parameters()].index(key)
        tensors[f"{name}.weights.{key}"] = p.detach().clone()
        tensors[f"{name}.ema.{key}"] = ema[i]
        tensors[f"{name}.exp_avg.{key}"] = optimizer.state[p]["exp_avg"]
        tensors[f"{name}.exp_avg_sq.{key}"] = optimizer.state[p]["exp_avg_sq"]
save_file({k: v.contiguous() for k, v in tensors.items()}, f"{sys.argv[1]}/steps.safetensors")
