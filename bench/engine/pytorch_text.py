"""PyTorch, eager or compiled: a distillation step of diffusers' text U-Net on latents. `compare.py` drives it as it does pytorch_eager.py."""

import argparse
import copy

import torch
from diffusers import UNet2DConditionModel
from pytorch_eager import TIMESTEPS, answer
from torch.nn import functional as F

TOKENS, WIDTH = 16, 64


def unet(channels, layers, side):
    return UNet2DConditionModel(
        sample_size=side,
        in_channels=4,
        out_channels=4,
        block_out_channels=(channels, 2 * channels),
        layers_per_block=layers,
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=WIDTH,
        attention_head_dim=8,
        norm_num_groups=32,
    )


class Training:
    """A step: batch, both forward passes, losses, backward, clipping, fused Adam, EMA."""

    def __init__(self, model, teacher, batch, side, compiled):
        self.model, self.batch = model, batch
        self.teacher = teacher.eval().requires_grad_(False)
        self.ema = copy.deepcopy(model).requires_grad_(False)
        self.ask = torch.compile(self.model) if compiled else self.model
        self.ask_teacher = torch.compile(self.teacher) if compiled else self.teacher
        self.optimizer = torch.optim.Adam(model.parameters(), lr=1e-4, fused=True)
        self.latents = torch.randn(1000, 4, side, side)
        self.texts = torch.randn(1000, TOKENS, WIDTH)
        betas = torch.linspace(1e-4, 0.02, TIMESTEPS, dtype=torch.float64)
        alphas_cumprod = torch.cumprod(1 - betas, 0)
        self.signal, self.noise = alphas_cumprod.sqrt().float(), (1 - alphas_cumprod).sqrt().float()

    def step(self):
        chosen = torch.randint(0, len(self.latents), (self.batch,))
        x0, text = self.latents[chosen], self.texts[chosen]
        t = torch.randint(0, TIMESTEPS, (self.batch,))
        noise = torch.randn_like(x0)
        xt = self.signal[t][:, None, None, None] * x0 + self.noise[t][:, None, None, None] * noise
        with torch.no_grad():
            target = self.ask_teacher(xt, t, text, return_dict=False)[0]
        eps = self.ask(xt, t, text, return_dict=False)[0]
        loss = F.mse_loss(eps, noise) + F.mse_loss(eps, target)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        torch._foreach_lerp_(list(self.ema.parameters()), list(self.model.parameters()), 1e-4)
        return loss.item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--channels", type=int, required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--side", type=int, default=16)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--compiled", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    model, teacher = unet(args.channels, 1, args.side), unet(args.channels, 2, args.side)
    answer(model, Training(model, teacher, args.batch, args.side, args.compiled))


if __name__ == "__main__":
    main()
