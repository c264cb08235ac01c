"""Makes lanczos.bin: what Pillow's Image.resize(LANCZOS) makes of closed-form images (PillowResizeTest has the same forms).

    pip install pillow==13.0.0 numpy && python lanczos.py
"""

import pathlib

import numpy as np
from PIL import Image

# width, height, to width, to height, form
CASES = [
    (256, 256, 32, 32, "ramp"),  # 8 i + 3.5
    (64, 64, 16, 16, "dot"),
    (100, 37, 16, 16, "noise"),  # odd sides, broken ratios
    (8, 8, 33, 33, "noise"),  # up
    (33, 33, 32, 32, "noise"),
    (1, 1, 4, 4, "noise"),
    (1, 500, 4, 16, "ramp"),
    (64, 64, 64, 8, "noise"),  # one side stays
    (31, 57, 13, 29, "waves"),
    (128, 128, 32, 32, "waves"),
]


def image(width, height, form):
    y, x, c = np.mgrid[0:height, 0:width, 0:3]
    if form == "ramp":
        return (x + y * 0 + c * 0) % 256
    if form == "dot":
        return np.where((x // 2 == width // 4) & (y // 2 == height // 4), 255, 0)
    if form == "noise":
        return (x * 7919 + y * 104729 + c * 1299709 + x * y * 31) % 251
    return (x * x + y * y * (c + 1)) // 16 % 256


with (pathlib.Path(__file__).parent / "lanczos.bin").open("wb") as out:
    for width, height, to_width, to_height, form in CASES:
        pixels = image(width, height, form).astype(np.uint8)
        out.write(np.asarray(Image.fromarray(pixels).resize((to_width, to_height), Image.LANCZOS)).tobytes())
