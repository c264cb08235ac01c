"""Makes src/test/resources/network/pruned-*.safetensors: eps of text U-Nets and DiTs of diffusers that were cut out of wider ones.

Which channels belong together is written down here by hand, name by name; weights, images and texts are the closed forms
of unet_fixtures.py. Before a file is written, the cut network is held against the whole one with all removed channels at
zero, whose layer norms look at those that stay.
Needs: pip install torch diffusers safetensors
Run:   python pruning_fixture.py OUTPUT_DIRECTORY
"""

import math
import re
import sys

import numpy as np
import torch
from diffusers import DiTTransformer2DModel, UNet2DConditionModel
from safetensors.torch import save_file
from unet_fixtures import closed_form, fill

BEFORE, AFTER, T = 16, 8, 1000
SINES, IMAGE, TEXT = "sines", "image", "text"

# What each block of the U-Net reads and makes: level 0 attends, level 1 does not; both are equally wide.
STREAMS = {
    "down_blocks.0.resnets.0": (["S0"], "S0"),
    "down_blocks.0.attentions.0": (["S0"], "S0"),
    "down_blocks.0.downsamplers.0.conv": (["S0"], "S1"),
    "down_blocks.1.resnets.0": (["S1"], "S1"),
    "mid_block.resnets.0": (["S1"], "S1"),
    "mid_block.attentions.0": (["S1"], "S1"),
    "mid_block.resnets.1": (["S1"], "S1"),
    "up_blocks.0.resnets.0": (["S1", "S1"], "U0"),
    "up_blocks.0.resnets.1": (["U0", "S1"], "U1"),
    "up_blocks.0.upsamplers.0.conv": (["U1"], "U2"),
    "up_blocks.1.resnets.0": (["U2", "S0"], "V0"),
    "up_blocks.1.attentions.0": (["V0"], "V0"),
    "up_blocks.1.resnets.1": (["V0", "S0"], "V1"),
    "up_blocks.1.attentions.1": (["V1"], "V1"),
    "conv_in": ([IMAGE], "S0"),
    "conv_norm_out": (["V1"], None),
    "conv_out": (["V1"], IMAGE),
    "time_embedding.linear_1": ([SINES], "T1"),
    "time_embedding.linear_2": (["T1"], "T2"),
}


def of_unet(layer):
    """The spaces that a layer reads and makes."""
    block = next(b for b in STREAMS if layer == b or layer.startswith(b + "."))
    read, made = STREAMS[block]
    rest = layer[len(block) + 1 :]
    inner = block + "/"
    if ".resnets." in block:
        c = inner + "c"
        return {
            "norm1": (read, None),
            "conv1": (read, [c]),
            "time_emb_proj": (["T2"], [c]),
            "norm2": ([c], None),
            "conv2": ([c], [made]),
            "conv_shortcut": (read, [made]),
        }[rest]
    if ".attentions." in block:
        p = inner + "p"
        rest = rest.replace("transformer_blocks.0.", "")
        if rest.startswith("attn"):
            return of_attention(rest, inner, p, TEXT if rest.startswith("attn2") else p)
        return {
            "norm": (read, None),
            "proj_in": (read, [p]),
            "norm1": ([p], None),
            "norm2": ([p], None),
            "norm3": ([p], None),
            "ff.net.0.proj": ([p], [inner + "f", inner + "f"]),
            "ff.net.2": ([inner + "f"], [p]),
            "proj_out": ([p], [made]),
        }[rest]
    return read, made and [made]


def of_attention(rest, inner, stream, keys):
    attention, layer = rest.split(".", 1)
    q, v = inner + attention + ".q", inner + attention + ".v"
    return {"to_q": ([stream], [q]), "to_k": ([keys], [q]), "to_v": ([keys], [v]), "to_out.0": ([v], [stream])}[layer]


def of_dit(layer):
    match = re.fullmatch(r"transformer_blocks\.(\d+)\.(.+)", layer)
    first = "0/"
    if not match:
        return {
            "pos_embed.proj": ([IMAGE], ["R"]),
            "proj_out_1": ([first + "E2"], ["R"] * 2),
            "proj_out_2": (["R"], [None]),
        }[layer]
    inner, rest = match.group(1) + "/", match.group(2)
    if rest.startswith("attn1"):
        return of_attention(rest, inner, "R", "R")
    return {
        "norm1.emb.timestep_embedder.linear_1": ([None], [inner + "E1"]),
        "norm1.emb.timestep_embedder.linear_2": ([inner + "E1"], [inner + "E2"]),
        "norm1.emb.class_embedder.embedding_table": ([inner + "E2"], [None]),
        "norm1.linear": ([inner + "E2"], ["R"] * 6),
        "ff.net.0.proj": (["R"], [inner + "f"]),
        "ff.net.2": ([inner + "f"], ["R"]),
    }[rest]


def axes(of, name, tensor):
    """The spaces along each axis of a tensor; None: it has none."""
    read, made = of(name.rsplit(".", 1)[0])
    if tensor.dim() == 1:
        return [made or read]
    return [made, read] + [[None]] * (tensor.dim() - 2)


def unit(space):
    """Channels that a group norm wants to stay or go together: 4 groups of 16, or of 16 and 16 side by side."""
    if space in ("S0", "S1", "U0", "U2", "V0"):
        return 8
    return 4 if space == "V1" or space.endswith("/c") else 1


def best(scores, size, units):
    """The best of units of some size, in order; of equal ones the first."""
    sums = scores.reshape(-1, size).sum(1)
    chosen = sorted(sorted(range(len(sums)), key=lambda i: -sums[i])[:units])
    return [i * size + j for i in chosen for j in range(size)]


def kept_channels(of, state, importance, everything, heads, student_heads):
    """The channels of each space that stay."""
    widths, scores = {}, {}
    for name, w in state.items():
        for axis, spaces in enumerate(axes(of, name, w)):
            if spaces == [None] or spaces is None:
                continue
            makes = axis == 0 or (axis == 1 and "embedding_table" in name)
            counts = everything or (w.dim() > 1 and makes)
            along = importance[name].movedim(axis, 0).flatten(1).sum(1) if w.dim() > 1 else importance[name]
            for i, part in enumerate(np.split(along.numpy(), len(spaces))):
                widths[spaces[i]] = len(part)
                scores[spaces[i]] = scores.get(spaces[i], 0) + (part if counts else 0 * part)
    kept = {}
    for space, width in widths.items():
        after = width * AFTER // BEFORE
        q = space.endswith(".q")
        if space in (SINES, IMAGE, TEXT):
            kept[space] = list(range(width))
        elif space == "R":  # where positions have the frequencies of the smaller network
            kept[space] = [quarter * BEFORE // 4 + i for quarter in range(4) for i in range(0, BEFORE // 4, BEFORE // AFTER)]
        elif (q or space.endswith(".v")) and heads == student_heads:
            d = width // heads
            kept[space] = [h * d + c for h in range(heads) for c in best(scores[space][h * d : (h + 1) * d], 1, after // heads)]
        elif q or space.endswith(".v"):
            both = scores[space[:-1] + "q"] + scores[space[:-1] + "v"]
            kept[space] = best(both, width // heads, student_heads)
        else:
            kept[space] = best(scores[space], unit(space), after // unit(space))
    return kept, widths


def index(spaces, kept, widths, size):
    if spaces == [None] or spaces is None:
        return list(range(size))
    found, offset = [], 0
    for space in spaces:
        found += [offset + c for c in kept[space]]
        offset += widths[space]
    return found


def fitted(layer, steps=T):
    """The layer that reads sines, for fewer of them."""

    def sines(width):
        half = width // 2
        angles = np.arange(steps)[:, None] * np.exp(-math.log(10000) * np.arange(half) / half)
        return np.concatenate([np.cos(angles), np.sin(angles)], 1)

    a, b = sines(AFTER), sines(BEFORE)
    x = np.linalg.solve(a.T @ a + 1e-6 * steps * np.eye(AFTER), a.T @ b)
    return layer @ torch.from_numpy(x).T


class NormOfKept(torch.nn.Module):
    """A layer norm that looks at the channels that stay, and makes the others zero."""

    def __init__(self, norm, kept):
        super().__init__()
        self.norm, self.kept = norm, kept

    def forward(self, x):
        seen = x[..., self.kept]
        seen = (seen - seen.mean(-1, keepdim=True)) / (seen.var(-1, unbiased=False, keepdim=True) + self.norm.eps).sqrt()
        out = torch.zeros_like(x)
        out[..., self.kept] = seen
        return out if self.norm.weight is None else out * self.norm.weight + self.norm.bias


def check(whole, small, of, state, kept, widths, cut, question, eps):
    """The whole network with what was removed at zero gives the same."""
    zeroed = {}
    for name, w in state.items():
        mask = torch.ones_like(w)
        for axis, spaces in enumerate(axes(of, name, w)):
            stays = torch.zeros(w.shape[axis], dtype=w.dtype)
            stays[index(spaces, kept, widths, w.shape[axis])] = 1
            shape = [1] * w.dim()
            shape[axis] = -1
            mask = mask * stays.reshape(shape)
        zeroed[name] = w * mask
    whole.load_state_dict(zeroed)
    if hasattr(whole, "time_proj"):  # whose frequencies are another network's
        whole.time_proj = small.time_proj
        rows = torch.zeros(4 * BEFORE, AFTER, dtype=torch.double)
        rows[kept["T1"]] = cut["time_embedding.linear_1.weight"]
        whole.time_embedding.linear_1.weight = torch.nn.Parameter(rows)
    for name, module in list(whole.named_modules()):
        if isinstance(module, torch.nn.LayerNorm):
            parent = whole.get_submodule(name.rsplit(".", 1)[0]) if "." in name else whole
            stream = kept["R"] if "R" in kept else kept[name.split(".transformer_blocks")[0] + "/p"]
            setattr(parent, name.rsplit(".", 1)[-1], NormOfKept(module, stream))
    difference = (whole(**question).sample - eps).abs().max().item()
    assert difference < 1e-9, difference


def make(out, name, build, of, question, heads, student_heads):
    tensors = {}
    for criterion in ("magnitude", "taylor"):
        whole, small = build(BEFORE, heads), build(AFTER, student_heads)
        fill(whole)
        state = {k: w.detach().clone() for k, w in whole.named_parameters()}
        if criterion == "taylor":
            eps = whole(**question).sample
            noise = closed_form(eps.shape, 2000).float().double()
            torch.nn.functional.mse_loss(eps, noise).backward()
            importance = {k: (w.detach() * w.grad).abs() for k, w in whole.named_parameters()}
        else:
            importance = {k: w.abs() for k, w in state.items()}
        kept, widths = kept_channels(of, state, importance, criterion == "taylor", heads, student_heads)
        cut = {}
        for key, w in state.items():
            for axis, spaces in enumerate(axes(of, key, w)):
                w = w.index_select(axis, torch.tensor(index(spaces, kept, widths, w.shape[axis])))
            if key == "time_embedding.linear_1.weight":
                w = fitted(w)
            if key.endswith("to_q.weight") or key.endswith("to_q.bias"):
                w = w * math.sqrt((AFTER / student_heads) / (BEFORE / heads))
            cut[key] = w
        small.load_state_dict(cut)
        with torch.no_grad():
            eps = small(**question).sample
            check(whole, small, of, state, kept, widths, cut, question, eps)
        tensors[criterion] = eps.float().contiguous()
    print(name, {k: v.abs().mean().item() for k, v in tensors.items()}, (tensors["magnitude"] - tensors["taylor"]).abs().max().item())
    save_file(tensors, f"{out}/pruned-{name}.safetensors")


def unet(linear):
    def build(width, heads):
        return UNet2DConditionModel(
            sample_size=8,
            block_out_channels=(width, width),
            layers_per_block=1,
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
            norm_num_groups=width // 4,
            attention_head_dim=heads,
            cross_attention_dim=12,
            use_linear_projection=linear,
        ).eval().double()

    return build


def dit(width, heads):
    return DiTTransformer2DModel(
        num_attention_heads=heads,
        attention_head_dim=width // heads,
        in_channels=3,
        num_layers=2,
        sample_size=8,
        patch_size=2,
        num_embeds_ada_norm=3,
    ).eval().double()


def main(out):
    texts = {
        "sample": closed_form((2, 4, 8, 8), 1000).float().double(),
        "timestep": torch.tensor([3, 620]),
        "encoder_hidden_states": closed_form((2, 7, 12), 4000).float().double(),
    }
    classes = {
        "hidden_states": closed_form((2, 3, 8, 8), 1000).float().double(),
        "timestep": torch.tensor([3, 620]),
        "class_labels": torch.tensor([2, 0]),
    }
    make(out, "text-heads", unet(True), of_unet, texts, 4, 2)
    make(out, "text-narrow", unet(False), of_unet, texts, 4, 4)
    make(out, "dit-heads", dit, of_dit, classes, 4, 2)
    make(out, "dit-narrow", dit, of_dit, classes, 4, 4)


if __name__ == "__main__":
    main(sys.argv[1])
