"""Makes src/test/resources/pipeline: tiny pipelines of Stable Diffusion's kinds, and what diffusers makes of them.

sd1, sd2        folders as StableDiffusionPipeline.save_pretrained writes them, beside a tokenizer of
                clip_tokenizer_fixture.py. sd1: PNDM, eps, F32, attention_head_dim a number, quick_gelu; sd2: DDIM, v,
                F16, attention_head_dim a list, use_linear_projection, gelu, a VAE with other options.
                scheduler-ddim/ and scheduler-pndm/ have the other scheduler.
NAME.safetensors  inputs and outputs of each part, and of the whole pipeline; see main(). Its metadata have the prompts.
vision          CLIPVisionModelWithProjection, and what it makes of two pictures.
dit             DiTPipeline with a learned sigma, classes and guidance; latents.
ddpm            DDIMPipeline of a UNet2DModel; pixels.

The weights are random, larger than diffusers starts them so that every part counts in the result. Outputs are those of
float32 with the weights that were saved.
Needs: pip install torch diffusers transformers safetensors
Run:   python pipeline_fixtures.py OUTPUT_DIRECTORY
"""

import json
import shutil
import sys
from pathlib import Path

import numpy
import torch
from clip_tokenizer_fixture import save as save_tokenizer
from diffusers import (
    AutoencoderKL,
    DDIMPipeline,
    DDIMScheduler,
    DiTPipeline,
    DiTTransformer2DModel,
    PNDMScheduler,
    StableDiffusionPipeline,
    UNet2DConditionModel,
    UNet2DModel,
)
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer, CLIPVisionConfig, CLIPVisionModelWithProjection

TOKENS = 714
PROMPTS = ["A photo of a cat on a bench", "two dogs, highly detailed"]
NEGATIVE = "rain and people"
GUIDANCE = 7.5
STEPS = 5
BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000}
SCHEDULERS = {
    "sd1": {
        "ddim": DDIMScheduler(**BETAS, clip_sample=False, set_alpha_to_one=False, steps_offset=1),
        "pndm": PNDMScheduler(**BETAS, skip_prk_steps=True, set_alpha_to_one=False, steps_offset=1),
    },
    "sd2": {
        "ddim": DDIMScheduler(
            **BETAS, clip_sample=False, set_alpha_to_one=False, steps_offset=1, prediction_type="v_prediction"
        ),
        "pndm": PNDMScheduler(
            **BETAS, skip_prk_steps=True, set_alpha_to_one=False, steps_offset=1, prediction_type="v_prediction"
        ),
    },
}
OWN = {"sd1": "pndm", "sd2": "ddim"}
PADS = {"sd1": "<|endoftext|>", "sd2": "!"}


def text_encoder(name):
    config = {
        "sd1": {"hidden_act": "quick_gelu", "hidden_size": 8, "num_attention_heads": 2, "eos_token_id": 2},
        "sd2": {"hidden_act": "gelu", "hidden_size": 12, "num_attention_heads": 3, "eos_token_id": TOKENS - 1},
    }[name]
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=TOKENS,
            intermediate_size=20,
            num_hidden_layers=2,
            max_position_embeddings=77,
            bos_token_id=TOKENS - 2,
            **config,
        )
    )


def unet(name):
    options = {
        "sd1": {"attention_head_dim": 2, "cross_attention_dim": 8},  # a number of heads, whatever it is called
        "sd2": {"attention_head_dim": [1, 2], "use_linear_projection": True, "cross_attention_dim": 12},
    }[name]
    return UNet2DConditionModel(
        sample_size=8,
        block_out_channels=[4, 6],
        layers_per_block=1,
        down_block_types=["CrossAttnDownBlock2D", "DownBlock2D"],
        up_block_types=["UpBlock2D", "CrossAttnUpBlock2D"],
        norm_num_groups=2,
        **options,
    )


def vae(name):
    blocks = 2
    options = {
        "sd1": {"scaling_factor": 0.18215},
        "sd2": {
            "scaling_factor": 0.5,
            "use_quant_conv": False,
            "use_post_quant_conv": False,
            "mid_block_add_attention": False,
        },
    }[name]
    return AutoencoderKL(
        sample_size=16,
        block_out_channels=[4, 6],
        layers_per_block=1,
        down_block_types=["DownEncoderBlock2D"] * blocks,
        up_block_types=["UpDecoderBlock2D"] * blocks,
        norm_num_groups=2,
        latent_channels=4,
        **options,
    )


def randomise(model, scale):
    """Matrices of a size that keeps values of the order of 1, vectors about what they start with."""
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.dim() > 1 and "embedding" not in name:
                p.copy_(scale * torch.randn_like(p) / (p[0].numel() ** 0.5))
            elif p.dim() > 1:
                p.copy_(0.5 * torch.randn_like(p))
            else:
                p.add_(0.2 * torch.randn_like(p))
    return model.eval()


def rounded(model, name):
    return model.half().float() if name == "sd2" else model


def save(pipeline, folder, name):
    pipeline.to(torch.float16 if name == "sd2" else torch.float32)
    pipeline.save_pretrained(folder)
    pipeline.to(torch.float32)
    shutil.rmtree(folder / "tokenizer")  # transformers 5 writes tokenizer.json; the folders on the Hub have four other files
    save_tokenizer(folder / "tokenizer", PADS[name])


def components(out, name):
    torch.manual_seed({"sd1": 1, "sd2": 2}[name])
    parts = {
        "text_encoder": rounded(randomise(text_encoder(name), 1.0), name),
        "unet": rounded(randomise(unet(name), 0.9), name),
        "vae": rounded(randomise(vae(name), 0.9), name),
    }
    return StableDiffusionPipeline(
        **parts,
        tokenizer=CLIPTokenizer.from_pretrained(out / name / "tokenizer"),
        scheduler=SCHEDULERS[name][OWN[name]],
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def answers(pipeline, name):
    """Inputs and outputs of the parts, in float32."""
    tokens = pipeline.tokenizer(PROMPTS + [NEGATIVE, ""], padding="max_length", truncation=True, max_length=77)
    ids = torch.tensor(tokens.input_ids)
    text = pipeline.text_encoder(ids)
    image = torch.rand(2, 3, 16, 16) * 2 - 1
    moments = pipeline.vae.encode(image).latent_dist
    latents = torch.randn(2, 4, 8, 8)
    decoded = pipeline.vae.decode(latents).sample
    t = torch.tensor([3, 981])
    eps = pipeline.unet(latents, t, encoder_hidden_states=text.last_hidden_state[:2]).sample
    found = {
        "ids": ids,
        "last_hidden_state": text.last_hidden_state,
        "pooled": text.pooler_output,
        "image": image,
        "mean": moments.mean,
        "logvar": moments.logvar,
        "latents": latents,  # of decoded and eps, and where the pipeline starts
        "decoded": decoded,
        "t": t,
        "eps": eps,  # of the U-Net, told the first two texts
    }
    for kind, scheduler in SCHEDULERS[name].items():
        pipeline.scheduler = scheduler

        def sample(output, guidance=GUIDANCE, prompts=PROMPTS):
            return pipeline(
                prompts,
                negative_prompt=[NEGATIVE] * 2,
                guidance_scale=guidance,
                num_inference_steps=STEPS,
                latents=latents.clone(),
                output_type=output,
            ).images

        pictures = sample("np")
        found["images_latents_" + kind] = sample("latent")
        found["images_" + kind] = torch.from_numpy(numpy.round(pictures * 255).astype("uint8"))  # [N, H, W, C]
        print(name, kind, "mean and deviation of pixels", pictures.mean(), pictures.std())
        for what, other in {"guidance": sample("np", 7.0), "prompts": sample("np", prompts=PROMPTS[::-1])}.items():
            print("  other", what, "change pixels by", numpy.abs(other - pictures).max() * 255)
    pipeline.scheduler = SCHEDULERS[name][OWN[name]]
    for key, value in found.items():
        print(name, key, tuple(value.shape), value.float().std().item())
    return {key: value.contiguous() for key, value in found.items()}


def save_vision(out):
    torch.manual_seed(3)
    model = CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=16,
            intermediate_size=24,
            projection_dim=6,
            num_hidden_layers=2,
            num_attention_heads=2,
            image_size=12,
            patch_size=4,
        )
    )
    randomise(model, 1.0).save_pretrained(out / "vision")
    pictures = torch.randn(2, 3, 12, 12)
    found = model(pictures)
    pooled = model.vision_model(pictures)
    save_file(
        {
            "pixel_values": pictures,
            "image_embeds": found.image_embeds,
            "last_hidden_state": pooled.last_hidden_state,
            "pooled": pooled.pooler_output,
        },
        out / "vision.safetensors",
    )


def same_noise(seed, *shape):
    """What a pipeline that takes no latents draws from a generator of this seed."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def finish(out, name, pipeline, found, meta):
    if (out / name).exists():
        shutil.rmtree(out / name)
    pipeline.save_pretrained(out / name)
    save_file(found, out / f"{name}.safetensors", {key: str(value) for key, value in meta.items()})
    print(name, "deviation of pixels", found["images"].float().std().item())


def save_dit(out):
    torch.manual_seed(4)
    transformer = DiTTransformer2DModel(
        num_attention_heads=2, attention_head_dim=4, in_channels=4, out_channels=8, num_layers=1, sample_size=8
    )
    pipeline = DiTPipeline(
        randomise(transformer, 0.8), randomise(vae("sd2"), 0.9), DDIMScheduler(clip_sample=False, steps_offset=1)
    )
    pipeline.set_progress_bar_config(disable=True)
    classes = [3, 207]  # the pipeline wants the thousand of ImageNet, the default
    images = pipeline(
        classes, guidance_scale=4.0, num_inference_steps=STEPS, generator=torch.Generator().manual_seed(5), output_type="np"
    ).images
    found = {"latents": same_noise(5, 2, 4, 8, 8), "images": pixels(images)}
    finish(out, "dit", pipeline, found, {"classes": json.dumps(classes), "guidance": 4.0, "steps": STEPS})


def save_ddpm(out):
    torch.manual_seed(6)
    unet = UNet2DModel(
        sample_size=8,
        block_out_channels=(8, 12),
        layers_per_block=1,
        norm_num_groups=4,
        attention_head_dim=4,
        down_block_types=("ResnetDownsampleBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "ResnetUpsampleBlock2D"),
    )
    pipeline = DDIMPipeline(randomise(unet, 0.9), DDIMScheduler())
    pipeline.set_progress_bar_config(disable=True)
    images = pipeline(2, num_inference_steps=STEPS, generator=torch.Generator().manual_seed(7), output_type="np").images
    finish(out, "ddpm", pipeline, {"latents": same_noise(7, 2, 3, 8, 8), "images": pixels(images)}, {"steps": STEPS})


def pixels(images):
    return torch.from_numpy(numpy.round(images * 255).astype("uint8")).contiguous()  # [N, H, W, C]


@torch.no_grad()
def main(out):
    for name in OWN:
        if (out / name).exists():
            shutil.rmtree(out / name)
        save_tokenizer(out / name / "tokenizer", PADS[name])
        pipeline = components(out, name)
        pipeline.set_progress_bar_config(disable=True)
        found = answers(pipeline, name)
        prompts = {"prompts": json.dumps(PROMPTS), "negative": NEGATIVE, "guidance": str(GUIDANCE), "steps": str(STEPS)}
        save_file(found, out / f"{name}.safetensors", prompts)
        save(pipeline, out / name, name)
        other = next(kind for kind in SCHEDULERS[name] if kind != OWN[name])
        SCHEDULERS[name][other].save_pretrained(out / name / f"scheduler-{other}")
    save_vision(out)
    save_dit(out)
    save_ddpm(out)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
