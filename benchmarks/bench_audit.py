"""Measure the search for near-duplicates: edited copies found, false pairs, and cost.

    python benchmarks/bench_audit.py planted DATASET --images 1200   # edited copies of images of a dataset
    python benchmarks/bench_audit.py cost TASK ROOT                  # prepare, check and audit a release
    python benchmarks/bench_audit.py embed DATASET TABLE             # embeddings that the audit does not use
    python benchmarks/bench_audit.py reference DATASET TABLE         # pairs by these embeddings, and the audit's

Each prints Markdown for benchmarks/results/audit.md. Times are processor time of all threads.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import io
import resource
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from dermbench.artifacts import read_dataset
from dermbench.artifacts.embeddings import read_embeddings
from dermbench.artifacts.hashing import file_digest
from dermbench.artifacts.images import decode_rgb
from dermbench.artifacts.manifest import DatasetInfo, write_dataset
from dermbench.data import check, prepare
from dermbench.data.audit import find_pairs
from dermbench.data.audit.pairs import INLIERS, NEIGHBOURS
from dermbench.data.duplicates import (
    CANDIDATES,
    SIMILARITY,
    THRESHOLD,
    alike_pairs,
    grey_levels,
    perceptual_hashes,
    popcount,
    same_bytes,
)
from dermbench.data.fingerprint_cache import fingerprints_of

Turn, BICUBIC = Image.Transpose, Image.Resampling.BICUBIC


def jpeg(image: Image.Image, quality: int) -> Image.Image:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return Image.open(stream).convert("RGB")


def crop(image: Image.Image, share: float) -> Image.Image:
    (w, h), a = image.size, share / 2
    return image.crop((round(w * a), round(h * a), round(w * (1 - a)), round(h * (1 - a))))


def watermark(image: Image.Image) -> Image.Image:
    image, size = image.copy(), max(10, image.width // 12)
    place = (image.width / 10, image.height * 0.45)
    ImageDraw.Draw(image).text(place, "(c) an atlas", fill="white", font_size=size)
    return image


EDITS = {
    "half the size": lambda i: i.resize((i.width // 2, i.height // 2), BICUBIC),
    "JPEG quality 30": lambda i: jpeg(i, 30),
    "JPEG quality 10": lambda i: jpeg(i, 10),
    "30 % brighter": lambda i: ImageEnhance.Brightness(i).enhance(1.3),
    "crop of 5 %": lambda i: crop(i, 0.05),
    "crop of 10 %": lambda i: crop(i, 0.10),
    "crop of 20 %": lambda i: crop(i, 0.20),
    "left to right": ImageOps.mirror,
    "upside down": ImageOps.flip,
    "quarter turn": lambda i: i.transpose(Turn.ROTATE_90),
    "half turn": lambda i: i.transpose(Turn.ROTATE_180),
    "rotated by 5 degrees": lambda i: i.rotate(5, resample=BICUBIC),
    "watermark": watermark,
    "black border": lambda i: ImageOps.expand(i, max(4, i.width // 12), fill="black"),
}


def planted(source: Path, images: int, each: int) -> None:
    """Add edited copies to images of a dataset, and count which are found."""
    dataset = read_dataset(source)
    rows = dataset.manifest.head(images)
    chosen = np.random.default_rng(0).permutation(len(rows))
    with tempfile.TemporaryDirectory() as folder:
        out, table, copies = Path(folder), [], {}
        for row, path in zip(rows.itertuples(), dataset.paths(rows), strict=True):
            shutil.copyfile(path, out / path.name)
            table.append((row.image_id, path.name))
        for k, (name, edit) in enumerate(EDITS.items()):
            for i in (chosen[(k * each + np.arange(each)) % len(rows)]).tolist():
                image, copy = rows["image_id"].iloc[i], f"~{k}-{i}"
                edit(decode_rgb(dataset.paths(rows.iloc[[i]])[0])).save(out / f"{copy}.png")
                table.append((copy, f"{copy}.png"))
                copies[image, copy] = name
        frame = pd.DataFrame(table, columns=["image_id", "path"]).assign(label="a", split="train")
        info = DatasetInfo(task="planted", source="table", classes=("a",), image_root=str(out))
        made = write_dataset(out / "dataset", info, frame)
        after = find_pairs(made, verify=True)
        before = hashes_only(made)
    found = set(zip(after.table["first"], after.table["second"], strict=True))
    lines = ["| edit | copies | hash of 64 bits alone | verified |", "|---|---|---|---|"]
    for name in EDITS:
        pairs = [pair for pair, kind in copies.items() if kind == name]
        shares = [sum(tuple(sorted(p)) in known for p in pairs) / len(pairs) for known in (before, found)]
        lines.append(f"| {name} | {len(pairs)} | {shares[0]:.2f} | {shares[1]:.2f} |")
    lesion = dict(zip(rows["image_id"], rows.get("lesion_id", rows["image_id"]), strict=True))
    others = [(a, b) for a, b in found if a in lesion and b in lesion]
    across = [(a, b) for a, b in others if lesion[a] != lesion[b]]
    print(f"{len(rows):,} images of {dataset.info.task} and {len(copies)} edited copies, ", end="")
    print(f"{after.search.compared:,} pairs compared.\n")
    print("\n".join(lines))
    print(
        f"\nPairs of originals: {len(others)} verified, {len(across)} of them of different lesions {across[:10]}."
    )


def hashes_only(made) -> set[tuple[str, str]]:
    """Return the pairs by one hash of each image, without turning it, and the correlation of grey levels."""
    grey, ids = grey_levels(fingerprints_of(made).thumbnails), made.manifest["image_id"].to_numpy()
    bits = perceptual_hashes(grey)[:, 0]
    first, second = np.nonzero(popcount(bits[:, None] ^ bits[None, :]) <= THRESHOLD)
    alike = np.einsum("ijk,ijk->i", grey[first], grey[second]) >= SIMILARITY
    return {tuple(sorted((ids[a], ids[b]))) for a, b in zip(first[alike], second[alike], strict=True) if a < b}


def cost(task: str, root: Path, *, plain: bool, repeat: int) -> None:
    """Time prepare, check and audit of a release, relative to decoding it once."""
    with tempfile.TemporaryDirectory() as folder:
        taken, out = {}, Path(folder)
        for i in range(repeat):
            with timed(taken, "prepare"):
                dataset = prepare(task, root=root, out=out / str(i), allow_missing=True, workers=1)
            with timed(taken, "check"):
                check(out / str(i), workers=1)
            with timed(taken, "pairs without verification"):
                alike = find_pairs(read_dataset(out / str(i)), verify=False, workers=1)
            paths = dataset.paths(dataset.manifest)
            with timed(taken, "hash once"):
                for path in paths:
                    file_digest(path)
            with timed(taken, "decode once"):
                for path in paths:
                    decode_rgb(path)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        if not plain:
            with timed(taken, "verification"):
                pairs = find_pairs(dataset, verify=True, workers=1)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    n = len(dataset.manifest)
    print(f"{n:,} images of {task}: milliseconds an image\n\n| step | ms | of one decode |\n|---|---|---|")
    for name, seconds in taken.items():
        print(f"| {name} | {seconds / n * 1e3:.2f} | {seconds / taken['decode once']:.2f} |")
    total = sum(taken[k] for k in ("prepare", "check", "pairs without verification")) / taken["decode once"]
    print(f"\nprepare, check and pairs without verification: {total:.2f} of one decode.")
    print(f"One decode and two hashes: {1 + 2 * taken['hash once'] / taken['decode once']:.2f}.")
    print(f"Peak memory: {before} MB.")
    if plain:
        return
    print(f"With verification: {memory} MB.")
    print(f"{len(alike.table):,} pairs of like hashes; {pairs.search.compared:,} pairs compared.")
    counts(dataset, pairs)


def counts(dataset, pairs) -> None:
    """Print how many pairs differ in lesion, split, label and tone."""
    rows, table = dataset.manifest.set_index("image_id"), pairs.table
    print(f"{len(table):,} pairs: {table['kind'].value_counts().to_dict()}", end="")
    for name in ("lesion_id", "patient_id", "label", "fst", "split"):
        if name in rows:
            a, b = rows.loc[table["first"], name].to_numpy(), rows.loc[table["second"], name].to_numpy()
            known = ~(pd.isna(a) | pd.isna(b))
            print(f"; {int((a[known] != b[known]).sum())} of {int(known.sum())} differ in {name}", end="")
            if name == "lesion_id":
                across = table.loc[a != b, ["first", "second"]].to_numpy().tolist()
                print(" " + ", ".join(map("-".join, across[:20])), end="")
    print(".")


def embed(source: Path, out: Path, model: str, side: int) -> None:
    """Write a table of ImageNet features of each image, squeezed to a square."""
    import timm
    import torch

    from dermbench.training.network.weights import load_pretrained

    torch.set_num_threads(1)
    dataset = read_dataset(source)
    network = timm.create_model(model, num_classes=1000)
    print(load_pretrained(network, model))
    network.reset_classifier(0)
    network.eval()
    about = network.default_cfg
    mean, sd = np.array(about["mean"]), np.array(about["std"])
    paths, rows = dataset.paths(dataset.manifest), []
    with torch.inference_mode():
        for start in range(0, len(paths), 16):
            squares = [decode_rgb(p, draft=side).resize((side, side)) for p in paths[start : start + 16]]
            pixels = ((np.stack([np.asarray(s) for s in squares]) / 255 - mean) / sd).transpose(0, 3, 1, 2)
            rows.append(network(torch.from_numpy(pixels.astype(np.float32))).numpy())
    values = np.concatenate(rows)
    table = pd.DataFrame(values, columns=[f"e{i}" for i in range(values.shape[1])])
    table.insert(0, "image_id", dataset.manifest["image_id"].to_numpy())
    table.to_parquet(out)


def reference(source: Path, embeddings: Path, neighbours: int) -> None:
    """Verify each image's nearest neighbours by embeddings, and count the verified pairs that the audit finds."""
    from dermbench.data.audit.neighbours import nearest, shared_words
    from dermbench.data.audit.verify import compare_pairs, features_of

    dataset = read_dataset(source)
    rows = dataset.manifest
    values = read_embeddings(embeddings, rows["image_id"].to_numpy(dtype=object))
    prints = fingerprints_of(dataset, workers=1)
    first = same_bytes(prints.sha256)
    kept = np.flatnonzero(first == np.arange(len(first)))
    grey, alike = grey_levels(prints.thumbnails[kept]), {}
    alike["reference"] = nearest(values[kept], neighbours)
    alike["hash in eight positions"] = alike_pairs(grey, similarity=CANDIDATES)
    paths = dataset.paths(rows.iloc[kept])
    with features_of(paths, [prints.sha256[i] for i in kept], workers=1) as store:
        alike["words"] = shared_words(store, NEIGHBOURS)
        pairs = np.unique(np.concatenate(list(alike.values())), axis=0)
        inliers = np.array([match.inliers for match in compare_pairs(store, pairs, workers=1)])
    is_in = {name: np.isin(code(pairs, len(kept)), code(found, len(kept))) for name, found in alike.items()}
    sure = is_in["reference"] & (inliers >= INLIERS)
    ours = is_in["hash in eight positions"] | is_in["words"]
    print(f"{is_in['reference'].sum():,} pairs of {len(kept):,} images of {dataset.info.task} compared, ", end="")
    print(f"{sure.sum():,} verified; of the audit's {ours.sum():,} pairs {(ours & (inliers >= INLIERS)).sum():,}.")
    print("\n| points that agree | reference | found by the audit | share |\n|---|--:|--:|--:|")
    for low, high in ((12, 15), (16, 29), (30, 59), (60, 10**6), (12, 10**6)):
        band = sure & (inliers >= low) & (inliers <= high)
        name = f"{low} or more" if high == 10**6 else f"{low} to {high}"
        both = (band & ours).sum()
        print(f"| {name} | {band.sum()} | {both} | {both / max(1, band.sum()):.3f} |")
    for name in list(is_in)[1:]:
        print(f"\nBy {name} alone: {(sure & is_in[name]).sum() / max(1, sure.sum()):.3f}.", end="")
    print()


def code(pairs: np.ndarray, n: int) -> np.ndarray:
    """Return one number a pair."""
    return pairs[:, 0] * n + pairs[:, 1]


class timed:  # noqa: N801 - reads as a statement
    """Writes the processor time of a block to a table, the least of several times for one name."""

    def __init__(self, taken: dict[str, float], name: str) -> None:
        self.taken, self.name = taken, name

    def __enter__(self) -> None:
        self.start = time.process_time()

    def __exit__(self, *_: object) -> None:
        seconds = time.process_time() - self.start
        self.taken[self.name] = min(seconds, self.taken.get(self.name, seconds))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    one = verbs.add_parser("planted")
    one.add_argument("dataset", type=Path)
    one.add_argument("--images", type=int, default=1200)
    one.add_argument("--each", type=int, default=25, help="copies of each kind")
    two = verbs.add_parser("cost")
    two.add_argument("task")
    two.add_argument("root", type=Path)
    two.add_argument("--plain", action="store_true", help="without verification")
    two.add_argument("--repeat", type=int, default=1, help="number of runs; the least time of each step counts")
    three = verbs.add_parser("embed")
    four = verbs.add_parser("reference")
    for verb in (three, four):
        verb.add_argument("dataset", type=Path)
        verb.add_argument("table", type=Path, help="of embeddings, parquet")
    three.add_argument("--model", default="tf_efficientnet_lite2")
    three.add_argument("--side", type=int, default=240, help="pixels")
    four.add_argument("--neighbours", type=int, default=50)
    chosen = parser.parse_args()
    if chosen.verb == "planted":
        planted(chosen.dataset, chosen.images, chosen.each)
    elif chosen.verb == "embed":
        embed(chosen.dataset, chosen.table, chosen.model, chosen.side)
    elif chosen.verb == "reference":
        reference(chosen.dataset, chosen.table, chosen.neighbours)
    else:
        cost(chosen.task, chosen.root, plain=chosen.plain, repeat=chosen.repeat)


if __name__ == "__main__":
    main()
