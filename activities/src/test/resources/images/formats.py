"""Makes formats/: small image files of every kind that is read, and beside each the pixels that Pillow has for it.

    pip install pillow==13.0.0 numpy && python formats.py

NAME.rgb holds width and height as two big-endian int32, then uint8 [height, width, 3] of `Image.open(file).convert("RGB")`;
of 16-bit grey, which Pillow clips to 255, the upper 8 bits. NAME.turned.rgb is the same after `ImageOps.exif_transpose`.
"""

import io
import pathlib
import struct
import zlib

import numpy as np
from PIL import Image, ImageCms, ImageOps

FOLDER = pathlib.Path(__file__).parent / "formats"
WIDTH, HEIGHT = 21, 13  # odd: the last blocks and bytes are filled in part


def rgb(width=WIDTH, height=HEIGHT):
    """Smooth colours with an edge, so that lossy formats have something to do."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [x * 255 // (width - 1), y * 255 // (height - 1), np.where(x + y < width // 2, 230, 40)]
    return np.stack(planes, -1).astype(np.uint8)


def alpha():
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    return ((x * 31 + y * 17) % 4 * 85).astype(np.uint8)  # from invisible to opaque


def write(name, file, pixels=None):
    """pixels: what is right where Pillow's convert is not."""
    (FOLDER / name).write_bytes(file)
    image = Image.open(io.BytesIO(file))
    expected = np.asarray(image.convert("RGB")) if pixels is None else pixels
    store(name + ".rgb", expected)
    if name.startswith("turn"):
        store(name + ".turned.rgb", np.asarray(ImageOps.exif_transpose(image).convert("RGB")))


def store(name, pixels):
    header = struct.pack(">2i", pixels.shape[1], pixels.shape[0])
    (FOLDER / name).write_bytes(header + pixels.astype(np.uint8).tobytes())


def saved(image, **options):
    out = io.BytesIO()
    image.save(out, **options)
    return out.getvalue()


def grey_rgb(grey):
    return np.repeat(grey[..., None], 3, -1)


# --- PNG, written by hand: Pillow writes only some of the kinds ---


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(samples, depth, color, extra=b"", interlaced=False):
    """samples: ints [height, width, bands]."""

    def rows(part):
        if part.size == 0:
            return b""
        lines = []
        for row in part.reshape(part.shape[0], -1):
            if depth == 16:
                lines.append(b"\0" + row.astype(">u2").tobytes())
                continue
            bits = np.unpackbits(row.astype(np.uint8)[:, None], axis=1)[:, 8 - depth :]
            lines.append(b"\0" + np.packbits(bits.reshape(-1)).tobytes())
        return b"".join(lines)

    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    parts = [samples[y::down, x::right] for y, x, down, right in passes] if interlaced else [samples]
    header = struct.pack(">2I5B", samples.shape[1], samples.shape[0], depth, color, 0, 0, int(interlaced))
    data = zlib.compress(b"".join(rows(part) for part in parts), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def pngs():
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    deep = np.stack([(x * 3001 + y * 77) % 65536, (y * 5003 + x) % 65536, (x * y * 257) % 65536], -1)
    deep_alpha = alpha().astype(int)[..., None] * 257
    for depth in (1, 2, 4, 8):
        grey = ((x * 5 + y * 3) % (1 << depth))[..., None]
        write(f"grey{depth}.png", png(grey, depth, 0))
        colors = 1 << depth
        palette = np.stack([np.arange(colors) * 255 // (colors - 1), 255 - np.arange(colors), np.arange(colors) * 7 % 256], -1)
        extra = chunk(b"PLTE", palette.astype(np.uint8).tobytes())
        write(f"palette{depth}.png", png(grey, depth, 3, extra))
        write(f"palette{depth}-transparent.png", png(grey, depth, 3, extra + chunk(b"tRNS", bytes([0, 128][: colors - 1 or 1]))))
    g16 = deep[..., :1]
    write("grey16.png", png(g16, 16, 0), grey_rgb(g16[..., 0] >> 8))
    write("grey8-transparent.png", png((x * 5 + y)[..., None] % 256, 8, 0, chunk(b"tRNS", struct.pack(">H", 30))))
    write("grey-alpha8.png", png(np.concatenate([(x * 9 % 256)[..., None], alpha()[..., None]], -1), 8, 4))
    write("grey-alpha16.png", png(np.concatenate([g16, deep_alpha], -1), 16, 4), grey_rgb(g16[..., 0] >> 8))
    write("rgb8.png", png(rgb(), 8, 2))
    write("rgb8-transparent.png", png(rgb(), 8, 2, chunk(b"tRNS", struct.pack(">3H", *map(int, rgb()[3, 3])))))
    write("rgb8-interlaced.png", png(rgb(), 8, 2, interlaced=True))
    write("grey1-interlaced.png", png(((x + y) % 2)[..., None], 1, 0, interlaced=True))
    write("rgb16.png", png(deep, 16, 2))
    write("rgba8.png", png(np.concatenate([rgb(), alpha()[..., None]], -1), 8, 6))
    write("rgba16.png", png(np.concatenate([deep, deep_alpha], -1), 16, 6))
    write("profile.png", saved(Image.fromarray(rgb()), format="PNG", icc_profile=linear_profile()))
    write("gamma.png", png(rgb(), 8, 2, chunk(b"gAMA", struct.pack(">I", 100000))))


def linear_profile():
    """sRGB's primaries with a linear curve: who applies it sees other colours."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    tags = struct.unpack(">I", profile[128:132])[0]
    for i in range(tags):
        name, offset, size = struct.unpack(">4sII", profile[132 + 12 * i : 144 + 12 * i])
        if name in (b"rTRC", b"gTRC", b"bTRC"):
            profile[offset : offset + 16] = b"para" + struct.pack(">IHHi", 0, 0, 0, 1 << 16)
    return bytes(profile)


# --- JPEG ---


def segments(jpeg):
    """(marker, payload) of each segment before the scan, and the rest."""
    at, found = 2, []
    while True:
        marker, length = jpeg[at + 1], struct.unpack(">H", jpeg[at + 2 : at + 4])[0]
        if marker == 0xDA:
            return found, jpeg[at:]
        found.append((marker, jpeg[at + 4 : at + 2 + length]))
        at += 2 + length


def joined(parts, rest):
    return b"\xff\xd8" + b"".join(b"\xff" + bytes([m]) + struct.pack(">H", len(d) + 2) + d for m, d in parts) + rest


def without_headers(jpeg, ids=None):
    """No JFIF marker, and other component ids when named."""
    parts, rest = segments(jpeg)
    kept = []
    for marker, data in parts:
        if marker == 0xE0:
            continue
        if marker in (0xC0, 0xC2) and ids:
            data = bytearray(data)
            for i, name in enumerate(ids):
                data[6 + 3 * i] = name
        kept.append((marker, bytes(data)))
    if ids:
        rest = bytearray(rest)
        for i, name in enumerate(ids):
            rest[5 + 2 * i] = name
    return joined(kept, bytes(rest))


def jpegs():
    image = Image.fromarray(rgb())
    for name, sampling in (("444", "4:4:4"), ("422", "4:2:2"), ("420", "4:2:0")):
        write(f"{name}.jpg", saved(image, format="JPEG", quality=85, subsampling=sampling))
    write("progressive.jpg", saved(image, format="JPEG", quality=85, progressive=True))
    write("restarts.jpg", saved(image, format="JPEG", quality=85, restart_marker_blocks=1))
    write("grey.jpg", saved(image.convert("L"), format="JPEG", quality=85))
    plain = saved(image, format="JPEG", quality=85, subsampling="4:4:4")
    write("no-headers.jpg", without_headers(plain))  # YCbCr, as libjpeg guesses by the ids 1, 2, 3
    write("rgb-ids.jpg", without_headers(plain, b"RGB"))  # RGB, as it guesses by theirs
    write("other-ids.jpg", without_headers(plain, [7, 8, 9]))
    write("profile.jpg", saved(image, format="JPEG", quality=85, icc_profile=linear_profile()))
    cmyk = image.convert("CMYK")
    ink = np.asarray(cmyk).copy()
    ink[..., 3] = np.arange(WIDTH) * 9
    write("cmyk.jpg", saved(Image.fromarray(ink, "CMYK"), format="JPEG", quality=90))
    parts, rest = segments(saved(Image.fromarray(ink, "CMYK"), format="JPEG", quality=90))
    ycck = [(m, d[:11] + b"\2" if m == 0xEE else d) for m, d in parts]  # the same data, read as YCCK
    write("ycck.jpg", joined(ycck, rest))
    write("cmyk-without-adobe.jpg", joined([(m, d) for m, d in parts if m != 0xEE], rest))
    # Tables of 16 bits in a baseline file, as cjpeg -quality 1 writes them
    wide = []
    for marker, data in segments(saved(image, format="JPEG", quality=30))[0]:
        if marker == 0xDB:
            tables, at = b"", 0
            while at < len(data):
                tables += bytes([0x10 | data[at]]) + b"".join(struct.pack(">H", v) for v in data[at + 1 : at + 65])
                at += 65
            data = tables
        wide.append((marker, data))
    coarse = [(m, d[:1] + b"".join(struct.pack(">H", 300 + i) for i in range(64)) + (d[129:130] + b"".join(struct.pack(">H", 260) for i in range(64)) if len(d) > 129 else b"")) if m == 0xDB else (m, d) for m, d in wide]
    rest = segments(saved(image, format="JPEG", quality=30))[1]
    write("tables16.jpg", joined(wide, rest))
    write("tables16-coarse.jpg", joined(coarse, rest))
    # A motion photo: after the end comes what looks like a scan's start
    upright = Image.fromarray(rgb(32, 16))
    parts, rest = segments(saved(upright, format="JPEG", quality=85, subsampling="4:2:2"))
    # 4:4:0 has the same blocks in another place: colours that are halved downwards alone
    halved = [(m, d[:1] + struct.pack(">2H", 32, 16) + d[5:7] + b"\x12" + d[8:] if m == 0xC0 else d) for m, d in parts]
    write("440.jpg", joined(halved, rest))
    motion = plain + b"\0\0\0\x18ftypmp42" + bytes(range(64)) + b"\xff\xda\0\x0c" + bytes(range(200, 256)) * 4
    write("motion.jpg", motion)
    thumbnail = saved(image.resize((8, 6)), format="JPEG")
    exif = Image.Exif()
    exif[0x0112] = 1
    parts, rest = segments(plain)
    with_thumbnail = [(0xE1, b"Exif\0\0" + exif.tobytes()[6:] + thumbnail)] + parts
    write("thumbnail.jpg", joined(with_thumbnail, rest))


# --- GIF, BMP, WebP, TIFF, PNM ---


def gifs():
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    image = Image.fromarray(((x + y) % 16).astype(np.uint8), "P")
    image.putpalette(b"".join(bytes([i * 15 % 256, (255 - i * 9) % 256, i * 3 % 256]) for i in range(256)))
    plain = saved(image, format="GIF", interlace=0)
    write("plain.gif", plain)
    write("interlaced.gif", saved(image, format="GIF", interlace=1))
    write("transparent.gif", saved(image, format="GIF", transparency=5, interlace=0))

    def on_screen(file, left, top, width, height):
        out = bytearray(file)
        out[6:10] = struct.pack("<2H", width, height)
        at = 13 + 3 * (2 << (out[10] & 7)) * (out[10] >> 7)
        while out[at : at + 1] == b"!":
            at += 2
            while out[at]:
                at += 1 + out[at]
            at += 1
        out[at + 1 : at + 5] = struct.pack("<2H", left, top)
        return bytes(out)

    write("offset.gif", on_screen(plain, 8, 5, 40, 30))
    write("offset-transparent.gif", on_screen(saved(image, format="GIF", transparency=5, interlace=0), 8, 5, 40, 30))
    write("beyond-screen.gif", on_screen(plain, 8, 5, 16, 12))
    frames = [image, Image.fromarray(np.full((HEIGHT, WIDTH), 3, np.uint8), "P")]
    frames[1].putpalette(image.getpalette())
    write("animated.gif", saved(frames[0], format="GIF", save_all=True, append_images=frames[1:], duration=50))


def bmps():
    image = Image.fromarray(rgb())
    write("rgb.bmp", saved(image, format="BMP"))
    write("grey.bmp", saved(image.convert("L"), format="BMP"))
    write("bits.bmp", saved(image.convert("1"), format="BMP"))
    write("palette.bmp", saved(image.quantize(13), format="BMP"))
    write("rgba.bmp", saved(Image.fromarray(np.dstack([rgb(), alpha()])), format="BMP"))
    # 16 bits: 5 each, and 5, 6, 5
    r, g, b = (rgb()[..., i].astype(int) for i in range(3))
    for name, words, masks in (
        ("555", (r >> 3) << 10 | (g >> 3) << 5 | b >> 3, None),
        ("565", (r >> 3) << 11 | (g >> 2) << 5 | b >> 3, (0xF800, 0x7E0, 0x1F)),
    ):
        padded = np.pad(words, ((0, 0), (0, WIDTH % 2)))[::-1].astype("<u2").tobytes()
        extra = struct.pack("<3I", *masks) if masks else b""
        header = struct.pack("<I2iHH6I", 40, WIDTH, HEIGHT, 1, 16, 3 if masks else 0, len(padded), 0, 0, 0, 0)
        offset = 14 + len(header) + len(extra)
        write(f"rgb{name}.bmp", b"BM" + struct.pack("<IHHI", offset + len(padded), 0, 0, offset) + header + extra + padded)
    # Run lengths: pairs of count and value; 0 0 ends a row, 0 1 the picture
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    rows = [b"".join(bytes([1, v]) for v in row) + b"\0\0" for row in ((x // 4 + y) % 7)[::-1].astype(np.uint8)]
    runs = b"".join(rows) + b"\0\1"
    palette = b"".join(bytes([i * 30, 200 - i * 20, i * 9, 0]) for i in range(7))
    header = struct.pack("<I2iHH6I", 40, WIDTH, HEIGHT, 1, 8, 1, len(runs), 0, 0, 7, 0)
    offset = 14 + len(header) + len(palette)
    write("runs.bmp", b"BM" + struct.pack("<IHHI", offset + len(runs), 0, 0, offset) + header + palette + runs)
    top_down = bytearray(saved(image, format="BMP"))
    top_down[22:26] = struct.pack("<i", -HEIGHT)
    write("top-down.bmp", bytes(top_down))


def webps():
    image = Image.fromarray(rgb())
    clear = Image.fromarray(np.dstack([rgb(), alpha()]))
    write("lossy.webp", saved(image, format="WEBP", quality=60))
    write("lossy-alpha.webp", saved(clear, format="WEBP", quality=60))
    write("lossless.webp", saved(image, format="WEBP", lossless=True))
    write("lossless-alpha.webp", saved(clear, format="WEBP", lossless=True, exact=True))
    write("profile.webp", saved(image, format="WEBP", quality=60, icc_profile=linear_profile()))
    other = Image.fromarray(rgb()[::-1].copy())
    write("animated.webp", saved(image, format="WEBP", save_all=True, append_images=[other], quality=60))
    write("animated-lossless.webp", saved(clear, format="WEBP", save_all=True, append_images=[other], lossless=True, exact=True))


def tiffs():
    image = Image.fromarray(rgb())
    for name, compression in (("raw", None), ("lzw", "tiff_lzw"), ("deflate", "tiff_adobe_deflate"), ("packbits", "packbits")):
        write(f"{name}.tif", saved(image, format="TIFF", compression=compression))
    write("jpeg.tif", saved(image, format="TIFF", compression="jpeg", quality=85))
    write("grey.tif", saved(image.convert("L"), format="TIFF"))
    write("bits.tif", saved(image.convert("1"), format="TIFF"))
    write("fax.tif", saved(image.convert("1"), format="TIFF", compression="group4"))
    write("palette.tif", saved(image.quantize(13), format="TIFF"))
    write("cmyk.tif", saved(image.convert("CMYK"), format="TIFF"))
    write("rgba.tif", saved(Image.fromarray(np.dstack([rgb(), alpha()])), format="TIFF"))
    write("profile.tif", saved(image, format="TIFF", icc_profile=linear_profile()))
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    deep = (x * 3001 + y * 77).astype(np.uint16)
    write("grey16.tif", saved(Image.fromarray(deep), format="TIFF"), grey_rgb(deep >> 8))
    inverted = bytearray(saved(image.convert("L"), format="TIFF"))
    at = inverted.find(struct.pack("<HHII", 262, 3, 1, 1)) if inverted[:2] == b"II" else -1
    inverted[at + 8] = 0  # white is zero
    write("white-is-zero.tif", bytes(inverted))
    write("pages.tif", saved(image, format="TIFF", save_all=True, append_images=[Image.fromarray(rgb()[::-1].copy())]))


def tiff(samples, bits, photometric, order="<", tile=0, planar=1, extra=()):
    """Kinds that Pillow reads but does not write. samples: ints [height, width, bands]."""
    height, width, bands = samples.shape
    kind = {8: "u1", 16: order + "u2"}[bits]
    if tile:
        padded = np.pad(samples, ((0, -height % tile), (0, -width % tile), (0, 0)))
        blocks = [
            padded[y : y + tile, x : x + tile] for y in range(0, height, tile) for x in range(0, width, tile)
        ]
    elif planar == 2:
        blocks = [samples[y : y + 5, :, band] for band in range(bands) for y in range(0, height, 5)]
    else:
        blocks = [samples[y : y + 5] for y in range(0, height, 5)]
    blocks = [np.ascontiguousarray(block).astype(kind).tobytes() for block in blocks]
    offsets = np.cumsum([8] + [len(block) for block in blocks])
    entries = [(256, 4, [width]), (257, 4, [height]), (258, 3, [bits] * bands), (259, 3, [1]), (262, 3, [photometric])]
    entries += [(277, 3, [bands]), (284, 3, [planar])] + list(extra)
    places, sizes = [int(o) for o in offsets[:-1]], [len(block) for block in blocks]
    if tile:
        entries += [(322, 4, [tile]), (323, 4, [tile]), (324, 4, places), (325, 4, sizes)]
    else:
        entries += [(273, 4, places), (278, 4, [5]), (279, 4, sizes)]
    entries.sort()
    directory = int(offsets[-1] + offsets[-1] % 2)
    after, tail, out = directory + 2 + 12 * len(entries) + 4, b"", struct.pack(order + "H", len(entries))
    for tag, code, values in entries:
        data = struct.pack(order + str(len(values)) + {3: "H", 4: "I"}[code], *values)
        if len(data) > 4:
            value, tail = struct.pack(order + "I", after + len(tail)), tail + data + b"\0" * (len(data) % 2)
        else:
            value = data.ljust(4, b"\0")
        out += struct.pack(order + "HHI", tag, code, len(values)) + value
    magic = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", directory)
    return (magic + b"".join(blocks)).ljust(directory, b"\0") + out + b"\0" * 4 + tail


def floats():
    """Pillow clips these to 0 and 255: no picture."""
    light = np.linspace(0, 1, WIDTH * HEIGHT, dtype=np.float32).reshape(HEIGHT, WIDTH)
    (FOLDER.parent / "float.tif").write_bytes(saved(Image.fromarray(light), format="TIFF"))


def handmade_tiffs():
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    deep = np.stack([x * 3001 + y * 77, y * 5003 + x, x * y * 257], -1) % 65536
    write("tiles.tif", tiff(rgb(), 8, 2, tile=16))
    write("planes.tif", tiff(rgb(), 8, 2, planar=2))
    write("big-endian.tif", tiff(rgb(), 8, 2, order=">"))
    write("rgb16.tif", tiff(deep, 16, 2))
    write("rgb16-big-endian.tif", tiff(deep, 16, 2, order=">"))
    write("grey-alpha.tif", tiff(np.stack([x * 9, alpha()], -1), 8, 1, extra=[(338, 3, [2])]))


def pnms():
    image = Image.fromarray(rgb())
    grey = np.asarray(image.convert("L"))
    write("bytes.ppm", saved(image, format="PPM"))
    write("bytes.pgm", saved(image.convert("L"), format="PPM"))
    write("bytes.pbm", saved(image.convert("1"), format="PPM"))
    head = f"# of 21 x 13\n{WIDTH} {HEIGHT}\n".encode()

    def text(values):
        return "\n".join(" ".join(map(str, row)) for row in values.reshape(values.shape[0], -1)).encode() + b"\n"

    write("text.ppm", b"P3\n" + head + b"255\n" + text(rgb()))
    write("text.pgm", b"P2\n" + head + b"255\n" + text(grey))
    write("text.pbm", b"P1\n" + head + text((grey > 99).astype(int)).replace(b" ", b""))
    write("most100.ppm", b"P6\n" + head + b"100\n" + (rgb().astype(int) * 100 // 255).astype(np.uint8).tobytes())
    write("most100.pgm", b"P5\n" + head + b"100\n" + (grey.astype(int) * 100 // 255).astype(np.uint8).tobytes())
    deep = rgb().astype(int) * 257
    write("most65535.ppm", b"P6\n" + head + b"65535\n" + deep.astype(">u2").tobytes())
    write("most65535.pgm", b"P5\n" + head + b"65535\n" + deep[..., 0].astype(">u2").tobytes(), grey_rgb(deep[..., 0] >> 8))


def strip():
    """A row of blocks of a photo of 45 million pixels, which a test repeats: each begins anew after a restart marker."""
    y, x = np.mgrid[0:16, 0:8256]
    planes = np.stack([x * 255 // 8255, y * 15, (x // 64 * 37 + y * 3) % 256], -1).astype(np.uint8)
    file = saved(Image.fromarray(planes), format="JPEG", quality=30, restart_marker_rows=1)
    (FOLDER.parent / "strip.jpg").write_bytes(file)


# --- Orientation ---


def turns():
    image = Image.fromarray(rgb())
    for number in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = number
        write(f"turn{number}.png", saved(image, format="PNG", exif=exif))
    exif = Image.Exif()
    exif[0x0112] = 6
    write("turn6.jpg", saved(image, format="JPEG", quality=85, exif=exif))
    write("turn6.webp", saved(image, format="WEBP", lossless=True, exif=exif))
    # Pillow turns a TIFF as it loads it
    for number in (3, 6):
        write(f"turned{number}.tif", saved(image, format="TIFF", tiffinfo={274: number}))


FOLDER.mkdir(exist_ok=True)
for file in FOLDER.iterdir():
    file.unlink()
pngs()
jpegs()
gifs()
bmps()
webps()
tiffs()
handmade_tiffs()
floats()
strip()
pnms()
turns()
