"""PyTorch eager, as one would write it: the U-Net, a training step, a distillation step, DDIM sampling.

`compare.py` drives it over standard input: a line with a number runs that many steps and answers with
the seconds of each, and with the peak resident memory.
"""

import argparse
import copy
import json
import math
import resource
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

TIMESTEPS = 1000


class ResBlock(nn.Module):
    def __init__(self, width_in, width_out, embedding):
        super().__init__()
        self.norm1 = nn.GroupNorm(groups(width_in), width_in, eps=1e-6)
        self.conv1 = nn.Conv2d(width_in, width_out, 3, padding=1)
        self.time_emb_proj = nn.Linear(embedding, width_out)
        self.norm2 = nn.GroupNorm(groups(width_out), width_out, eps=1e-6)
        self.conv2 = nn.Conv2d(width_out, width_out, 3, padding=1)
        self.conv_shortcut = nn.Conv2d(width_in, width_out, 1) if width_in != width_out else nn.Identity()

    def forward(self, x, e):
        h = self.conv1(F.silu(self.norm1(x)))
        h = h + self.time_emb_proj(e)[:, :, None, None]
        h = self.conv2(F.silu(self.norm2(h)))
        return self.conv_shortcut(x) + h


class Attention(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.group_norm = nn.GroupNorm(groups(width), width, eps=1e-6)
        self.to_q = nn.Linear(width, width)
        self.to_k = nn.Linear(width, width)
        self.to_v = nn.Linear(width, width)
        self.to_out = nn.ModuleList([nn.Linear(width, width)])

    def forward(self, x):
        h = self.group_norm(x).flatten(2).transpose(1, 2)
        q, k, v = (f(h).unsqueeze(1) for f in (self.to_q, self.to_k, self.to_v))
        h = F.scaled_dot_product_attention(q, k, v).squeeze(1)
        return x + self.to_out[0](h).transpose(1, 2).reshape(x.shape)


class Conv(nn.Module):
    def __init__(self, width, stride, padding):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, stride=stride, padding=padding)

    def forward(self, x):
        return self.conv(x)


class Block(nn.Module):
    """One level: residual blocks, attention after each, and a convolution that changes the resolution."""

    def __init__(self, resnets, attentions, resampler, up):
        super().__init__()
        self.resnets = nn.ModuleList(resnets)
        if attentions:
            self.attentions = nn.ModuleList(attentions)
        if resampler is not None:
            setattr(self, "upsamplers" if up else "downsamplers", nn.ModuleList([resampler]))


class UNet(nn.Module):
    """Ho et al. 2020, appendix B; parameters carry the names of diffusers' UNet2DModel."""

    def __init__(self, channels, multipliers, res_blocks, attention_levels, image_channels=3):
        super().__init__()
        widths = [channels * m for m in multipliers]
        embedding = 4 * channels
        self.channels = channels
        self.conv_in = nn.Conv2d(image_channels, channels, 3, padding=1)
        self.time_embedding = nn.ModuleDict(
            {"linear_1": nn.Linear(channels, embedding), "linear_2": nn.Linear(embedding, embedding)}
        )
        skips, width, down = [channels], channels, []
        for level, out in enumerate(widths):
            resnets, attentions = [], []
            for _ in range(res_blocks):
                resnets.append(ResBlock(width, out, embedding))
                width = out
                if level in attention_levels:
                    attentions.append(Attention(width))
                skips.append(width)
            last = level == len(widths) - 1
            down.append(Block(resnets, attentions, None if last else Conv(width, 2, 0), up=False))
            if not last:
                skips.append(width)
        self.down_blocks = nn.ModuleList(down)
        self.mid_block = nn.ModuleDict(
            {
                "resnets": nn.ModuleList([ResBlock(width, width, embedding), ResBlock(width, width, embedding)]),
                "attentions": nn.ModuleList([Attention(width)]),
            }
        )
        up = []
        for level in reversed(range(len(widths))):
            resnets, attentions = [], []
            for _ in range(res_blocks + 1):
                resnets.append(ResBlock(width + skips.pop(), widths[level], embedding))
                width = widths[level]
                if level in attention_levels:
                    attentions.append(Attention(width))
            up.append(Block(resnets, attentions, None if level == 0 else Conv(width, 1, 1), up=True))
        self.up_blocks = nn.ModuleList(up)
        self.conv_norm_out = nn.GroupNorm(groups(width), width, eps=1e-6)
        self.conv_out = nn.Conv2d(width, image_channels, 3, padding=1)

    def forward(self, x, t):
        half = self.channels // 2
        frequencies = torch.exp(torch.arange(half, device=x.device) * (-math.log(10000.0) / (half - 1)))
        e = t[:, None].float() * frequencies[None]
        e = torch.cat([e.sin(), e.cos()], -1)
        e = F.silu(self.time_embedding["linear_2"](F.silu(self.time_embedding["linear_1"](e))))
        h = self.conv_in(x)
        skips = [h]
        for block in self.down_blocks:
            for i, resnet in enumerate(block.resnets):
                h = resnet(h, e)
                if hasattr(block, "attentions"):
                    h = block.attentions[i](h)
                skips.append(h)
            if hasattr(block, "downsamplers"):
                h = block.downsamplers[0](F.pad(h, (0, 1, 0, 1)))
                skips.append(h)
        h = self.mid_block["resnets"][0](h, e)
        h = self.mid_block["attentions"][0](h)
        h = self.mid_block["resnets"][1](h, e)
        for block in self.up_blocks:
            for i, resnet in enumerate(block.resnets):
                h = resnet(torch.cat([h, skips.pop()], 1), e)
                if hasattr(block, "attentions"):
                    h = block.attentions[i](h)
            if hasattr(block, "upsamplers"):
                h = block.upsamplers[0](F.interpolate(h, scale_factor=2.0, mode="nearest"))
        return self.conv_out(F.silu(self.conv_norm_out(h)))


def groups(width):
    return next(g for g in range(max(1, min(32, width // 4)), 0, -1) if width % g == 0)


class Training:
    """A step: batch, forward, loss, backward, clipping, fused Adam, EMA."""

    def __init__(self, model, teacher, batch, side):
        self.model, self.teacher, self.batch = model, teacher, batch
        self.ema = copy.deepcopy(model).requires_grad_(False)
        self.optimizer = torch.optim.Adam(model.parameters(), lr=1e-4, fused=True)
        self.images = torch.randint(0, 256, (1000, 3, side, side), dtype=torch.uint8)
        betas = torch.linspace(1e-4, 0.02, TIMESTEPS, dtype=torch.float64)
        alphas_cumprod = torch.cumprod(1 - betas, 0)
        self.signal, self.noise = alphas_cumprod.sqrt().float(), (1 - alphas_cumprod).sqrt().float()

    def step(self):
        x0 = self.images[torch.randint(0, len(self.images), (self.batch,))].float() / 127.5 - 1
        flip = torch.rand(self.batch) < 0.5
        x0 = torch.where(flip[:, None, None, None], x0.flip(3), x0)
        t = torch.randint(0, TIMESTEPS, (self.batch,))
        noise = torch.randn_like(x0)
        xt = self.signal[t][:, None, None, None] * x0 + self.noise[t][:, None, None, None] * noise
        eps = self.model(xt, t)
        loss = F.mse_loss(eps, noise)
        if self.teacher is not None:
            with torch.no_grad():
                target = self.teacher(xt, t)
            loss = loss + F.mse_loss(eps, target)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        torch._foreach_lerp_(list(self.ema.parameters()), list(self.model.parameters()), 1e-4)
        return loss.item()


class Sampling:
    """One step is a whole DDIM trajectory (eta 0) of one batch."""

    def __init__(self, model, batch, side, steps):
        self.model, self.shape, self.steps = model.eval(), (batch, 3, side, side), steps
        betas = torch.linspace(1e-4, 0.02, TIMESTEPS, dtype=torch.float64)
        self.alphas_cumprod = torch.cumprod(1 - betas, 0).tolist()

    @torch.inference_mode()
    def step(self):
        x = torch.randn(self.shape)
        visited = [i * (TIMESTEPS // self.steps) for i in reversed(range(self.steps))]
        for t, s in zip(visited, visited[1:] + [-1]):
            a_t, a_s = self.alphas_cumprod[t], self.alphas_cumprod[s] if s >= 0 else 1.0
            eps = self.model(x, torch.full((self.shape[0],), t))
            x0 = ((x - math.sqrt(1 - a_t) * eps) / math.sqrt(a_t)).clamp(-1, 1)
            x = math.sqrt(a_s) * x0 + math.sqrt(1 - a_s) * eps
        return x.mean().item()


def answer(model, work):
    """Says how large the model is, and does what it is told over standard input."""
    print(json.dumps({"parameters": sum(p.numel() for p in model.parameters())}), flush=True)
    for line in sys.stdin:
        seconds, cpu = [], time.process_time()
        for _ in range(int(line)):
            start = time.perf_counter()
            work.step()
            seconds.append(time.perf_counter() - start)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps({"seconds": seconds, "cpuSeconds": time.process_time() - cpu, "peakRssBytes": peak}), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--task", choices=["train", "distill", "sample"], required=True)
    parser.add_argument("--channels", type=int, required=True)
    parser.add_argument("--teacher-channels", type=int, default=64)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--side", type=int, default=32)
    parser.add_argument("--sampler-steps", type=int, default=20)
    parser.add_argument("--threads", type=int, required=True)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)

    def unet(channels):
        return UNet(channels, (1, 2, 2, 2), 2, (1,))

    model = unet(args.channels)
    if args.task == "sample":
        work = Sampling(model, args.batch, args.side, args.sampler_steps)
    else:
        teacher = unet(args.teacher_channels).eval().requires_grad_(False) if args.task == "distill" else None
        work = Training(model, teacher, args.batch, args.side)
    answer(model, work)


if __name__ == "__main__":
    main()
