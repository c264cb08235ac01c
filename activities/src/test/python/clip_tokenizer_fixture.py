"""Makes src/test/resources/pipeline/sd1/tokenizer, sd2/tokenizer and tokens.json: what transformers' CLIPTokenizer gives.

A vocabulary as CLIP has it (256 bytes, the same at the end of words, merges, two special tokens), but of a few merges,
in the files that Stable Diffusion's folders have. sd1 pads with <|endoftext|>, sd2 with "!". CLIPTokenizer of
transformers 5 is the one that was "fast" before; the "slow" one of transformers 4, which split and mended text in
other ways, is gone.
Needs: pip install transformers
Run:   python clip_tokenizer_fixture.py OUTPUT_DIRECTORY
"""

import json
import random
import sys
from collections import Counter
from pathlib import Path

from tokenizers.pre_tokenizers import ByteLevel
from transformers import CLIPTokenizer

MERGES = 200
TRAINED_ON = """
a photo of a cat sitting on a wooden bench in the park
a man riding a wave on top of a surfboard
two dogs are running through the green grass with a red ball
a kitchen with a stove, a sink and white cabinets
the woman is holding an umbrella while standing in the rain
a plate of food with meat, potatoes and some broccoli on it
a large clock tower standing next to a building with a blue sky
people are walking down the street near a yellow school bus
a group of giraffes eating leaves from the trees
an old black and white photograph of a train at the station
a painting of mountains and a lake, highly detailed, oil on canvas
it's a bird that can't fly, we're sure they'll say they've seen one
"""

WORDS = "a the cat dog train photograph of on with painting and in street 3 12 umbrella it's mountain, bird!".split()

TEXTS = [
    "",
    " ",
    "a photo of a cat",
    "A Photo OF a CAT, Highly Detailed!",
    "it's can't we're they've I'm we'll he'd 's 't 're 've 'm 'll 'd IT'S 'S",
    "''s !'s 's's ’s don't'll",
    "in 1984 there were 12345 birds, 3.14 of ½ ² Ⅷ ٣ १",
    "wait... what?!?! (really) -- #1 @home $5 100% a_b c/d \\ ~`^",
    "hello!world ! !! a!b!",
    "cat\u00a0dog\u2003bird\tbus\nrain\r\nlake\u2028sky\u3000end\u0085x\u000by",
    "  two  spaces   and\t\ttabs  ",
    "zero\u200bwidth\u200djoiner\ufeff bom \u001c fs \u0000 nul",
    "café cafe\u0301 ÅNGSTRÖM A\u030angstro\u0308m ﬁ ﬀ ß ẞ",
    "İstanbul ISPARTA ıI Σίσυφος ΣΑΣ ΟΔΟΣ ǅ Ω Å K",
    "q\u0307\u0323 e\u0301\u0323\u0327 \u0301 a \u0344 \u1e9b\u0323",
    "кошка на скамейке",
    "猫がベンチに座っている",
    "고양이 한글 한글",
    "قطة على مقعد हिन्दी में बिल्ली ภาษาไทย",
    "🙂 a cat 🐈‍⬛ and 👩‍🚀🏽 flags 🇩🇪 ❤️ ✈︎",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝟙𝟚𝟛 𐐀𐐨 𠮷",
    "<|startoftext|>a cat<|endoftext|> and more <|endoftext|>",
    "<|ENDOFTEXT|> <|StartOfText|> <|endoftext| > <| endoftext |> <|endoftext|></w>",
    "x<|endoftext|>y<|startoftext|><|startoftext|>!<|endoftext|>!",
    "</w> a</w> w>",
    "&amp; <b>bold</b> &lt; “quoted” … —",
    "photographphotographphotograph umbrellaumbrella",
    "a" * 100,
    " ".join(WORDS[(7 * i) % len(WORDS)] for i in range(200)),
    " ".join(["cat"] * 75),
    " ".join(["cat"] * 76),
]

PADDED = [0, 2, 4, len(TEXTS) - 3, len(TEXTS) - 2, len(TEXTS) - 1]  # of which the ids as the text encoder reads them are kept

RANGES = [  # of random characters
    (0x20, 0x7E), (0x20, 0x7E), (0x61, 0x7A), (0x61, 0x7A), (0x61, 0x7A), (0x30, 0x39), (0x09, 0x0D), (0x80, 0xFF), (0x100, 0x17F),
    (0x300, 0x340), (0x370, 0x373), (0x391, 0x3A1), (0x3A3, 0x3C9), (0x400, 0x45F), (0x5D0, 0x5EA), (0x621, 0x65F), (0x905, 0x94D),
    (0xE01, 0xE3A), (0x1100, 0x1112), (0x1161, 0x1175), (0x11A8, 0x11C2), (0x1E00, 0x1EFF), (0x1F00, 0x1F15), (0x2000, 0x206F),
    (0x20A0, 0x20AC), (0x2100, 0x214F), (0x2160, 0x2188), (0x2460, 0x249B), (0x2600, 0x26FF), (0x3000, 0x303F), (0x3041, 0x3096),
    (0x4E00, 0x4FFF), (0xAC00, 0xAFFF), (0xF900, 0xFA2D), (0xFB00, 0xFB06), (0xFF01, 0xFF5E), (0x10400, 0x10427), (0x1D400, 0x1D454),
    (0x1F300, 0x1F64F),
]  # fmt: skip
PIECES = ["'s", "'LL", " the", "photo", "<|endoftext|>", "!", "  ", "e\u0301", "\u200d", "123", "?!"]


def bytes_in_order():
    """The characters that stand for bytes, in the order of CLIP's ids."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    return [chr(b) for b in printable] + [chr(256 + i) for i in range(256 - len(printable))]


def train():
    """Byte-pair merges of TRAINED_ON: the most frequent pair, the first of equals, until there are MERGES."""
    split = ByteLevel(add_prefix_space=False)
    words = Counter()
    for word in TRAINED_ON.split():
        for piece, _ in split.pre_tokenize_str(word):
            words[(*piece[:-1], piece[-1] + "</w>")] += 1
    merges = []
    while len(merges) < MERGES:
        pairs = Counter()
        for word, count in words.items():
            for pair in zip(word, word[1:]):
                pairs[pair] += count
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        merged = Counter()
        for word, count in words.items():
            parts = list(word)
            i = 0
            while i + 1 < len(parts):
                if (parts[i], parts[i + 1]) == best:
                    parts[i : i + 2] = [parts[i] + parts[i + 1]]
                i += 1
            merged[tuple(parts)] += count
        words = merged
    return merges


def token(content):
    return {"content": content, "lstrip": False, "normalized": True, "rstrip": False, "single_word": False}


def save(folder, pad, length=77):
    """The four files, as the folders of Stable Diffusion 1.5 and 2 have them."""
    folder.mkdir(parents=True, exist_ok=True)
    merges = train()
    letters = bytes_in_order()
    tokens = letters + [c + "</w>" for c in letters] + ["".join(m) for m in merges] + ["<|startoftext|>", "<|endoftext|>"]
    vocabulary = {token: i for i, token in enumerate(tokens)}
    assert len(vocabulary) == len(tokens)
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
    lines = ["#version: 0.2", *(" ".join(m) for m in merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    start, end = token("<|startoftext|>"), token("<|endoftext|>")
    special = {"bos_token": start, "eos_token": end, "pad_token": pad, "unk_token": end}
    (folder / "special_tokens_map.json").write_text(json.dumps(special, indent=2) + "\n")
    typed = {"__type": "AddedToken"}
    config = {
        "add_prefix_space": False,
        "bos_token": typed | start,
        "do_lower_case": True,
        "eos_token": typed | end,
        "errors": "replace",
        "model_max_length": length,
        "pad_token": "<|endoftext|>",
        "special_tokens_map_file": "./special_tokens_map.json",
        "tokenizer_class": "CLIPTokenizer",
        "unk_token": typed | end,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")


def random_texts(count):
    draw = random.Random(0)
    for _ in range(count):
        parts = []
        for _ in range(draw.randint(1, 9)):
            if draw.random() < 0.3:
                parts.append(draw.choice(PIECES))
            else:
                parts.append(chr(draw.randint(*draw.choice(RANGES))))
        yield "".join(parts)


def main(out):
    answers = {}
    for name, pad in {"sd1": "<|endoftext|>", "sd2": "!"}.items():
        save(out / name / "tokenizer", pad)
        tokenizer = CLIPTokenizer.from_pretrained(out / name / "tokenizer")
        texts = TEXTS + list(random_texts(200 if name == "sd1" else 20))
        ids = tokenizer(texts).input_ids
        framed = tokenizer(TEXTS, padding="max_length", truncation=True, max_length=tokenizer.model_max_length).input_ids
        answers[name] = {
            "texts": [{"text": text, "ids": found} for text, found in zip(texts, ids)],
            "padded": {i: framed[i] for i in PADDED},
        }
    lines = []
    for name, answer in answers.items():
        texts = ",\n".join(json.dumps(t, ensure_ascii=True, separators=(",", ":")) for t in answer["texts"])
        padded = ",\n".join(f'"{i}":{json.dumps(p, separators=(",", ":"))}' for i, p in answer["padded"].items())
        lines.append(f'"{name}": {{"texts": [\n{texts}],\n"padded": {{\n{padded}}}}}')
    (out / "tokens.json").write_text("{" + ",\n".join(lines) + "}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
