"""Writes the TorchScript files that TorchScriptCheckTest lets pass (torch 2.7.1, random weights)."""
import torch
import torch.nn as nn


class Extractor(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.SiLU(), nn.AdaptiveAvgPool2d(1))
        self.register_buffer("mean", torch.tensor([0.5, 0.5, 0.5]).view(1, 3, 1, 1))

    @torch.no_grad()
    def forward(self, x: torch.Tensor):
        x = (x / 255.0 - self.mean) / 0.25
        x = nn.functional.interpolate(x, size=(64, 64), mode="bilinear", align_corners=False)
        f = self.net(x).flatten(1)
        return f / f.norm(dim=1, keepdim=True).clamp(min=1e-6)


class ScriptedExtractor(Extractor):
    def forward(self, x: torch.Tensor):
        with torch.no_grad():
            if x.shape[1] == 1:
                x = x.repeat(1, 3, 1, 1)
            x = (x.float() / 255.0 - self.mean) / 0.25
            x = nn.functional.interpolate(x, size=(64, 64), mode="bicubic", align_corners=False)
            out = []
            for layer in self.net:
                x = layer(x)
                out.append(x.mean())
            return x.flatten(1), torch.stack(out)


class Teacher(nn.Module):
    def __init__(self):
        super().__init__()
        self.c = nn.Conv2d(3, 16, 3, padding=1)
        self.e = nn.Embedding(1000, 16)
        self.a = nn.MultiheadAttention(16, 2, batch_first=True)
        self.o = nn.Conv2d(16, 3, 3, padding=1)
        self.gru = nn.GRU(16, 16, batch_first=True)

    def forward(self, x: torch.Tensor, t: torch.Tensor):
        h = self.c(x) + self.e(t)[:, :, None, None]
        b, c, height, width = h.shape
        z = h.flatten(2).transpose(1, 2)
        z = z + self.a(z, z, z, need_weights=False)[0]
        z, _ = self.gru(z)
        freqs = torch.exp(-torch.arange(8, dtype=torch.float32) / 8)
        emb = torch.cat([torch.sin(t[:, None].float() * freqs), torch.cos(t[:, None].float() * freqs)], 1)
        return self.o(z.transpose(1, 2).reshape(b, c, height, width) + emb[:, :, None, None])


with torch.no_grad():
    torch.jit.save(torch.jit.trace(Extractor(), torch.zeros(2, 3, 32, 32)), "ext-trace.pt")
    torch.jit.save(torch.jit.script(ScriptedExtractor()), "ext-script.pt")
    torch.jit.save(
        torch.jit.trace(
            Teacher().eval(), (torch.zeros(2, 3, 8, 8), torch.zeros(2, dtype=torch.long))),
        "teacher-trace.pt")
