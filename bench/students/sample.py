"""The side of diffusers: samples from an exported folder, and prints seconds with loading, and the peak resident memory."""

import json
import os
import sys
import time

import torch
from diffusers import DiffusionPipeline

folder, mode, images, steps = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])
torch.set_num_threads(1)
start = time.perf_counter()
pipe = DiffusionPipeline.from_pretrained(folder, custom_pipeline=folder, trust_remote_code=True)
pipe.set_progress_bar_config(disable=True)
if mode == "in-turn":
    pipe.enable_model_loading_in_turn()
pipe(batch_size=images, num_inference_steps=steps, output_type="pt")
seconds = time.perf_counter() - start
with open("/proc/self/status") as status:
    peak = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
print(json.dumps({"seconds": seconds, "peakBytes": peak}))
