"""Makes src/test/resources/clip: a tiny CLIPModel, and what transformers, torchmetrics and NumPy make of it.

model               as CLIPModel, CLIPTokenizer and CLIPImageProcessor are saved; the tokenizer of clip_tokenizer_fixture.py
answers.safetensors pixels_SIZE [3, S, S]: what CLIPImageProcessor makes of picture(SIZE), and pixels_odd_SIZE where the
                    rest of the crop is odd; image_embeds, text_embeds; per_sample: 100 cos of each picture and its text
                    by torchmetrics, whose metadata have the figures; x, y and cmmd of them, as google-research/cmmd has it

Pictures are of Pillow (CLIPImageProcessorPil): torchvision's rounds otherwise.
Needs: pip install torch transformers torchmetrics safetensors pillow
Run:   python clip_fixture.py OUTPUT_DIRECTORY
"""

import json
import shutil
import sys
from pathlib import Path

import numpy
import torch
from clip_tokenizer_fixture import save as save_tokenizer
from PIL import Image
from pipeline_fixtures import PROMPTS, TOKENS, randomise
from safetensors.torch import save_file
from torchmetrics.functional.multimodal.clip_score import _clip_score_update
from torchmetrics.multimodal.clip_score import CLIPScore
from transformers import CLIPConfig, CLIPModel, CLIPTokenizer
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

SIZES = [32, 64, 45, 256, 20]
TEXTS = [*PROMPTS, "", "кошка на скамейке", " ".join(["cat"] * 90)]


def picture(size, i):
    """Grain on slopes, uint8 [size, size, 3]; the Java test has the same."""
    y, x, c = numpy.meshgrid(numpy.arange(size), numpy.arange(size), numpy.arange(3), indexing="ij")
    return ((x * x * 3 + y * y * 5 + x * y * (c + 1) + 40 * c + 17 * i + 90 * x // size) % 256).astype("uint8")


def processor(size=20):
    return CLIPImageProcessorPil(size={"shortest_edge": size}, crop_size={"height": 16, "width": 16})


def prepared(found, images):
    return found(images=[Image.fromarray(i) for i in images], return_tensors="pt")["pixel_values"]


class Judge(torch.nn.Module):
    """A CLIPModel as torchmetrics 1.9 asks it; transformers 5 answers in another form."""

    def __init__(self, model):
        super().__init__()
        self.model, self.config = model, model.config

    def get_image_features(self, pixels):
        return self.model.get_image_features(pixels).pooler_output

    def get_text_features(self, ids, mask):
        return self.model.get_text_features(ids, mask).pooler_output


class Processor:
    def __init__(self, pictures, tokenizer):
        self.pictures, self.tokenizer = pictures, tokenizer

    def __call__(self, text=None, images=None, **kwargs):
        if images is not None:
            return {"pixel_values": prepared(self.pictures, [i.permute(1, 2, 0).numpy() for i in images])}
        return self.tokenizer(text, return_tensors="pt", padding=True, truncation=True, max_length=77)


def scores(model, tokenizer, images, texts):
    """Of all together, and of each alone."""
    metric = CLIPScore(model_name_or_path=lambda: (Judge(model), Processor(processor(), tokenizer)))
    pictures = [torch.from_numpy(i).permute(2, 0, 1) for i in images]
    metric.update(pictures, texts)
    each, _ = _clip_score_update(pictures, texts, metric.model, metric.processor)
    return metric.compute().item(), each


def mmd(x, y, sigma=10.0, scale=1000.0):
    """distance.py of google-research/cmmd: means over all pairs, equal ones too, in float64."""
    x = x / numpy.linalg.norm(x, axis=-1, keepdims=True)
    y = y / numpy.linalg.norm(y, axis=-1, keepdims=True)

    def kernel(a, b):
        squares = (a**2).sum(1)[:, None] + (b**2).sum(1)[None] - 2 * a @ b.T
        return numpy.exp(-squares / (2 * sigma**2)).mean()

    return scale * (kernel(x, x) + kernel(y, y) - 2 * kernel(x, y))


@torch.no_grad()
def main(out):
    torch.manual_seed(2)
    shutil.rmtree(out, ignore_errors=True)
    common = {"intermediate_size": 12, "num_hidden_layers": 1, "num_attention_heads": 2, "projection_dim": 6}
    model = CLIPModel(
        CLIPConfig(
            text_config=common | {"vocab_size": TOKENS, "hidden_size": 8, "eos_token_id": 2, "bos_token_id": TOKENS - 2},
            vision_config=common | {"hidden_size": 12, "image_size": 16, "patch_size": 8},
            projection_dim=6,
        )
    )
    randomise(model, 1.0).save_pretrained(out / "model")
    processor().save_pretrained(out / "model")
    save_tokenizer(out / "model", "<|endoftext|>")
    tokenizer = CLIPTokenizer.from_pretrained(out / "model")

    images = [picture(size, i) for i, size in enumerate(SIZES)]
    pixels = prepared(processor(), images)
    odd = prepared(processor(19), images[:3])
    ids = tokenizer(TEXTS, padding="max_length", truncation=True, max_length=77, return_tensors="pt").input_ids
    image_embeds = model.get_image_features(pixels).pooler_output
    text_embeds = model.get_text_features(ids).pooler_output
    score, each = scores(model, tokenizer, images, TEXTS)
    x = torch.randn(37, 6)
    y = torch.randn(23, 6) + 0.5
    cmmd = mmd(x.double().numpy(), y.double().numpy())
    print("scores", each, score, "cmmd", cmmd)
    found = {"image_embeds": image_embeds, "text_embeds": text_embeds, "per_sample": each, "x": x, "y": y}
    found |= {f"pixels_{size}": pixels[i] for i, size in enumerate(SIZES)}
    found |= {f"pixels_odd_{size}": odd[i] for i, size in enumerate(SIZES[:3])}
    save_file(
        {key: value.contiguous() for key, value in found.items()},
        out / "answers.safetensors",
        {"texts": json.dumps(TEXTS), "clip_score": repr(score), "cmmd": repr(float(cmmd))},
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
