"""Makes src/test/resources/network/diffusers-files.json: which files of a model diffusers downloads from the Hub.

The Hub is a server on loopback that answers huggingface_hub as huggingface.co does; weights are a few bytes.
Needs: pip install torch diffusers transformers safetensors
Run:   python hub_files_fixture.py OUTPUT_DIRECTORY
"""

import http.server
import json
import os
import pathlib
import sys
import tempfile
import threading

COMMIT = "0123456789abcdef0123456789abcdef01234567"

STABLE_DIFFUSION = {
    "_class_name": "StableDiffusionPipeline",
    "_diffusers_version": "0.42.1",
    "feature_extractor": ["transformers", "CLIPImageProcessor"],
    "safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"],
    "scheduler": ["diffusers", "PNDMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}
DIT = {
    "_class_name": "DiTPipeline",
    "_diffusers_version": "0.42.1",
    "scheduler": ["diffusers", "DDIMScheduler"],
    "transformer": ["diffusers", "DiTTransformer2DModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}
DDPM = {
    "_class_name": "DDPMPipeline",
    "_diffusers_version": "0.42.1",
    "scheduler": ["diffusers", "DDPMScheduler"],
    "unet": ["diffusers", "UNet2DModel"],
}

SD_NAMES = """
.gitattributes README.md model_index.json v1-5-pruned.ckpt v1-5-pruned.safetensors v1-inference.yaml
feature_extractor/preprocessor_config.json scheduler/scheduler_config.json
safety_checker/config.json safety_checker/model.safetensors safety_checker/model.fp16.safetensors
safety_checker/pytorch_model.bin safety_checker/pytorch_model.fp16.bin
text_encoder/config.json text_encoder/model.safetensors text_encoder/model.fp16.safetensors
text_encoder/pytorch_model.bin text_encoder/pytorch_model.fp16.bin text_encoder/flax_model.msgpack
tokenizer/merges.txt tokenizer/special_tokens_map.json tokenizer/tokenizer_config.json tokenizer/vocab.json
unet/config.json unet/diffusion_pytorch_model.safetensors unet/diffusion_pytorch_model.fp16.safetensors
unet/diffusion_pytorch_model.non_ema.safetensors unet/diffusion_pytorch_model.bin
unet/diffusion_pytorch_model.fp16.bin unet/diffusion_pytorch_model.non_ema.bin
vae/config.json vae/diffusion_pytorch_model.safetensors vae/diffusion_pytorch_model.fp16.safetensors
vae/diffusion_pytorch_model.bin vae/diffusion_pytorch_model.fp16.bin
""".split()

SHARDED = """
model_index.json scheduler/scheduler_config.json
transformer/config.json transformer/diffusion_pytorch_model.safetensors.index.json
transformer/diffusion_pytorch_model-00001-of-00002.safetensors
transformer/diffusion_pytorch_model-00002-of-00002.safetensors
transformer/diffusion_pytorch_model.safetensors.index.fp16.json
transformer/diffusion_pytorch_model.fp16-00001-of-00002.safetensors
transformer/diffusion_pytorch_model.fp16-00002-of-00002.safetensors
vae/config.json vae/diffusion_pytorch_model.safetensors
""".split()

CASES = [  # name, model_index.json, names, variant
    ("stable diffusion", STABLE_DIFFUSION, SD_NAMES, None),
    ("stable diffusion, fp16", STABLE_DIFFUSION, SD_NAMES, "fp16"),
    ("stable diffusion, non_ema of the U-Net alone", STABLE_DIFFUSION, SD_NAMES, "non_ema"),
    ("shards", DIT, SHARDED, None),
    ("shards, fp16 of the transformer alone", DIT, SHARDED, "fp16"),
    (
        "safetensors beside pickled weights",
        DDPM,
        "README.md model_index.json scheduler/scheduler_config.json unet/config.json "
        "unet/diffusion_pytorch_model.safetensors unet/diffusion_pytorch_model.bin samples/1.png".split(),
        None,
    ),
]


class Hub(http.server.BaseHTTPRequestHandler):
    names, index = [], {}

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, body):
        path = self.path.split("?")[0]
        if path.startswith("/api/models/") and "/tree/" in path:
            entries = [{"type": "file", "path": n, "size": len(self.content(n)), "oid": "0" * 40} for n in self.names]
            content = json.dumps(entries).encode()
        elif path.startswith("/api/models/"):
            siblings = [{"rfilename": n, "size": len(self.content(n))} for n in self.names]
            content = json.dumps({"id": "tester/tiny", "modelId": "tester/tiny", "sha": COMMIT, "siblings": siblings, "tags": []}).encode()
        else:
            content = self.content(path.split(COMMIT + "/")[1])
        self.send_response(200)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", '"%x"' % hash(content))
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)

    def content(self, name):
        return json.dumps(self.index).encode() if name == "model_index.json" else b"{}"


def main(output):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    os.environ["HF_ENDPOINT"] = "http://127.0.0.1:%d" % server.server_address[1]
    os.environ["HF_HUB_DISABLE_XET"] = "1"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    from diffusers import DiffusionPipeline

    cases = []
    for name, index, names, variant in CASES:
        Hub.names, Hub.index = names, index
        with tempfile.TemporaryDirectory() as cache:
            folder = DiffusionPipeline.download(
                "tester/tiny", revision=COMMIT, variant=variant, use_safetensors=True, cache_dir=cache
            )
            root = pathlib.Path(folder)
            taken = sorted(str(p.relative_to(root)) for p in root.rglob("*") if not p.is_dir())
        cases.append({"case": name, "variant": variant, "names": sorted(names), "taken": taken})
    with open(os.path.join(output, "diffusers-files.json"), "w") as file:
        json.dump(cases, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main(sys.argv[1])
