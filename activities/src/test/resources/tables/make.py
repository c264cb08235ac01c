"""Writes the tables of this folder: pip install pyarrow lmdb pillow."""

import io
import os
import shutil
import sys

import lmdb
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

here = os.path.dirname(os.path.abspath(__file__))


def png(red, format="PNG"):
    out = io.BytesIO()
    Image.new("RGB", (8, 8), (red, 0, 0)).save(out, format, **({"lossless": True} if format == "WEBP" else {}))
    return out.getvalue()


def parquet(name, rows, texts, **options):
    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    columns = {"image": pa.array([{"bytes": r, "path": f"{i}.png"} for i, r in enumerate(rows)], image)}
    columns.update(texts)
    pq.write_table(pa.table(columns), os.path.join(here, name), **options)


parquet(
    "train-00000-of-00002.parquet",
    [png(10), png(11), None, b"no image"],
    {
        "text": pa.array(["ten", "elf \u4e09\nlines", "none", "damaged"]),
        "names": pa.array([["a", "b"], ["c", None], [], ["d"]], pa.list_(pa.string())),
        "label": pa.array([1, 2, 3, 4]),
    },
    row_group_size=2,
    compression="zstd",
)
parquet(
    "train-00001-of-00002.parquet",
    [png(20), png(21)],
    {"text": pa.array(["twenty", None]), "names": pa.array([["x"], ["y"]], pa.list_(pa.string())), "label": pa.array([1, 2])},
    compression="snappy",
)
pq.write_table(pa.table({"a": [1], "b": ["x"]}), os.path.join(here, "none.parquet"))

folder = os.path.join(here, "church_lmdb")
shutil.rmtree(folder, ignore_errors=True)
with lmdb.open(folder, map_size=1 << 20) as database:
    with database.begin(write=True) as transaction:
        for i in (3, 1, 2):
            transaction.put(f"{i:040x}".encode(), png(30 + i, "WEBP"))
        transaction.put(b"\xff/..", png(40, "JPEG"))
os.remove(os.path.join(folder, "lock.mdb"))
data = os.path.join(folder, "data.mdb")
