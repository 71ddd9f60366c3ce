"""Valid files of every reader, to damage."""

from __future__ import annotations

import io
import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from tests.fuzz.readers import Sample, has_training

CLASSES = ("macule", "nodule", "plaque")


def _table(columns="image_id,label,fst,sex", n=24):
    rows = [f"img{i:03},{CLASSES[i % 3]},{1 + i % 6},{'fm'[i % 2]}" for i in range(n)]
    return "\n".join([columns, *rows, ""]).encode()


def _scores(n=24):
    rng = np.random.default_rng(0)
    prob = rng.dirichlet(np.ones(3), n).round(6)
    frame = pd.DataFrame(prob, columns=[f"prob_{name}" for name in CLASSES])
    frame.insert(0, "image_id", [f"img{i:03}" for i in range(n)])
    return frame


def _parquet(frame):
    stream = io.BytesIO()
    frame.to_parquet(stream, index=False)
    return stream.getvalue()


def _xlsx(frame):
    stream = io.BytesIO()
    frame.to_excel(stream, index=False)
    return stream.getvalue()


def _text(frame, separator=","):
    return frame.to_csv(index=False, sep=separator).encode()


def _image(kind):
    stream = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (24, 20, 3), dtype=np.uint8)).save(stream, kind)
    return stream.getvalue()


def _named(function, target, data, *rest, **options):
    """Return a sample of a function whose first argument is the file."""
    return Sample(target, {target: data}, lambda folder: function(folder / target, *rest, **options))


def _in_folder(function, target, files):
    return Sample(target, files, function)


def samples(folder: Path) -> dict[str, list[Sample]]:
    """Return valid files of every reader by its qualified name; ``folder`` is for making them."""
    leading = {**_artifacts(folder), **_audits(folder), **_sources()}
    return {**leading, **_leaderboards(folder), **(_training(folder) if has_training() else {})}


def _artifacts(folder):
    from dermbench.artifacts import (
        answers,
        class_map,
        embeddings,
        entry,
        guarded,
        images,
        manifest,
        network_headers,
        parquet_tables,
        plan,
        predictions,
        records,
        tables,
        tensor_header,
        text_tables,
        truth,
        xlsx_tables,
    )
    from dermbench.artifacts.comparison import Comparison
    from dermbench.artifacts.report import Report
    from dermbench.artifacts.run import RunRecord
    from dermbench.data import reading
    from dermbench.evaluation import compare, evaluate

    frame, labels = _scores(), _table()
    ids = frame["image_id"].to_numpy(dtype=object)
    (folder / "truth.csv").write_bytes(labels)
    (folder / "pred.csv").write_bytes(_text(frame))
    known = truth.read_truth(folder / "truth.csv")
    made = predictions.read_predictions(folder / "pred.csv", known)
    report = evaluate(made, known, n_resamples=19).text().encode()
    paired = compare({"a": made, "b": made}, known, n_resamples=19).text().encode()
    entry.write_entry(folder / "entry.toml", entry.Entry(name="A model", link="https://example.org/x", seed=3))
    Image.open(io.BytesIO(_image("png"))).save(folder / "a.png")
    rows = pd.DataFrame(
        {"image_id": ["a", "b"], "path": ["a.png"] * 2, "label": ["macule", "nodule"], "split": ["train", "test"]}
    )
    info = manifest.DatasetInfo(task="tiny", source="table", classes=CLASSES, image_root=".")
    manifest.write_dataset(folder / "data", info, rows)
    data = {name: (folder / "data" / name).read_bytes() for name in (manifest.INFO, manifest.MANIFEST)}
    record = _run_record().text().encode()
    read_both = [_in_folder(manifest.read_dataset, name, data) for name in data]
    kinds = {
        "p.csv": _text(frame),
        "p.tsv": _text(frame, "\t"),
        "p.parquet": _parquet(frame),
        "s.csv": _text(frame, ";"),
    }
    if find_spec("openpyxl"):
        kinds["p.xlsx"] = _xlsx(frame)
    truths = {"t.csv": labels, "t.parquet": _parquet(pd.read_csv(io.BytesIO(labels)))}
    module = "dermbench.artifacts"
    excel = (
        {f"{module}.xlsx_tables.read_xlsx": [_named(xlsx_tables.read_xlsx, "p.xlsx", kinds["p.xlsx"])]}
        if "p.xlsx" in kinds
        else {}
    )
    said = pd.DataFrame({"image_id": ["a", "b"], "answer": ["Answer: nodule", "I cannot say."]})
    lines = said.to_json(orient="records", lines=True).encode()
    replies = {"a.jsonl": lines, "a.csv": _text(said), "a.parquet": _parquet(said)}
    return excel | {
        f"{module}.answers.read_answers": [
            _named(answers.read_answers, name, content, CLASSES) for name, content in replies.items()
        ],
        f"{module}.class_map.read_class_map": [
            _named(class_map.read_class_map, "m.toml", b'"mole" = "macule"\nlump = "nodule"\n', CLASSES),
            _named(class_map.read_class_map, "m.csv", b"model,truth\nmole,macule\nlump,nodule\n", CLASSES),
        ],
        f"{module}.comparison.comparison.Comparison.read": [_named(Comparison.read, "comparison.json", paired)],
        f"{module}.embeddings.read_embeddings": [
            _named(embeddings.read_embeddings, "e.csv", _text(frame), ids),
            _named(embeddings.read_embeddings, "e.parquet", _parquet(frame), ids),
        ],
        f"{module}.entry.read_entry": [
            _named(entry.read_entry, "entry.toml", (folder / "entry.toml").read_bytes())
        ],
        f"{module}.guarded.read_json": [_named(guarded.read_json, "a.json", record)],
        f"{module}.guarded.read_toml": [_named(guarded.read_toml, "a.toml", data[manifest.INFO])],
        f"{module}.images.decode_rgb": [
            _named(images.decode_rgb, f"i.{kind}", _image(kind))
            for kind in ("png", "jpeg", "gif", "bmp", "tiff", "webp")
        ],
        f"{module}.manifest.read_dataset": read_both,
        f"{module}.manifest.read_info": [_named(manifest.read_info, manifest.INFO, data[manifest.INFO])],
        f"{module}.plan.Plan.read": [_named(plan.Plan.read, "plan.json", _plan().text().encode())],
        f"{module}.parquet_tables.read_parquet": [
            _named(parquet_tables.read_parquet, "p.parquet", kinds["p.parquet"])
        ],
        f"{module}.predictions.read_predictions": [
            _named(predictions.read_predictions, name, content, known) for name, content in kinds.items()
        ],
        f"{module}.network_headers.read_header": [
            _named(network_headers.read_header, "w.safetensors", _tensors(), network_headers.WeightsHeader)
        ],
        f"{module}.records.read_model": [
            _named(records.read_model, manifest.INFO, data[manifest.INFO], manifest.DatasetInfo, decimals=True)
        ],
        f"{module}.report.report.Report.read": [_named(Report.read, "report.json", report)],
        f"{module}.run.RunRecord.read": [_named(RunRecord.read, "run.json", record)],
        f"{module}.tables.read_table": [
            _named(tables.read_table, name, content) for name, content in kinds.items()
        ],
        f"{module}.tensor_header.read_tensor_header": [
            _named(tensor_header.read_tensor_header, "w.safetensors", _tensors())
        ],
        f"{module}.tensor_header.read_metadata": [
            _named(tensor_header.read_metadata, "w.safetensors", _tensors(), "dermbench")
        ],
        f"{module}.text_tables.read_text": [_named(text_tables.read_text, "p.csv", kinds["p.csv"], separator=",")],
        f"{module}.truth.read_truth": [
            _named(truth.read_truth, name, content) for name, content in truths.items()
        ],
        "dermbench.data.reading.read_columns": [
            _named(reading.read_columns, name, content, ("image_id", "label", "fst"), key="image_id")
            for name, content in truths.items()
        ],
    }


def _sources():
    from dermbench.data import arrays, folder_metadata

    rng, stream = np.random.default_rng(0), io.BytesIO()
    parts = {
        f"{split}_{what}": rng.integers(0, 2 if what == "labels" else 255, shape, dtype=np.uint8)
        for split in ("train", "val", "test")
        for what, shape in (("images", (4, 28, 28, 3)), ("labels", (4, 1)))
    }
    np.savez_compressed(stream, **parts)
    names = pd.Series(["a/x.png", "a/y.png"])
    table = b"file,fst\nx.png,1\ny.png,4\n"
    return {
        "dermbench.data.arrays.read_arrays": [_named(arrays.read_arrays, "d.npz", stream.getvalue(), 2)],
        "dermbench.data.folder_metadata.read_metadata": [
            _named(folder_metadata.read_metadata, "metadata.csv", table, names, {"id": "file"})
        ],
    }


def _audits(folder):
    from dermbench.artifacts import audit, duplicates
    from dermbench.data import fingerprint_cache

    (folder / "a.png").write_bytes(_image("png"))
    fingerprint_cache.write_cache(folder, fingerprint_cache.take_fingerprints([folder / "a.png"]))
    cache = {str(fingerprint_cache.CACHE): (folder / fingerprint_cache.CACHE).read_bytes()}
    search = audit.PairSearch(verified=True, hash_bits=10, neighbours=10, inliers=12, embeddings=None, compared=1)
    angle = audit.SkinAngle(n=0, n_without=2, classes_six=(), classes_five=(), tables=(), known=None)
    empty = dict.fromkeys(("leaks", "label_conflicts", "tone_conflicts", "tones", "agreement"), ())
    record = audit.Audit(
        task="t",
        dataset_digest="sha256:0",
        images={"train": 1, "test": 1},
        search=search,
        pairs=({"first": "a", "second": "b", "kind": "exact", "inliers": None, "mirrored": None,
                "splits": ("train", "test"), "labels": ("x", "y"), "tones": ("I", None)},),
        groups=1,
        images_in_groups=2,
        twins_of_training={"test": 1},
        leaked_images={"train": 1, "test": 1},
        looks=({"image": "a", "kind": "blurred", "value": 2.5},),
        skin_angle=angle,
        label_errors={"reason": "none given"},
        **empty,
    )  # fmt: skip
    groups = pd.DataFrame({"image_id": ["a", "b"], "group": "a", "kind": "exact"})
    info = duplicates.DuplicatesInfo(dataset_digest="sha256:0", images=2)
    files = {"d.parquet": duplicates.write_duplicates(folder, groups, info).read_bytes(), "d.csv": _text(groups)}
    return {
        "dermbench.data.fingerprint_cache.read_cache": [
            _in_folder(fingerprint_cache.read_cache, str(fingerprint_cache.CACHE), cache)
        ],
        "dermbench.artifacts.audit.Audit.read": [_named(audit.Audit.read, "audit.json", record.text().encode())],
        "dermbench.artifacts.duplicates.DuplicatesInfo.read": [
            _named(duplicates.DuplicatesInfo.read, "info.json", info.text().encode())
        ],
        "dermbench.artifacts.duplicates.read_duplicates": [
            _named(duplicates.read_duplicates, name, content) for name, content in files.items()
        ],
    }


def _tensors():
    """Return a file of two tensors, as dermbench writes weights."""
    about = {"model": "m", "classes": CLASSES, "mean": [0.5, 0.5, 0.5], "std": [0.2, 0.2, 0.2]}
    header = {
        "__metadata__": {"dermbench": json.dumps(about)},
        "weight": {"dtype": "F64", "shape": [3, 2], "data_offsets": [0, 48]},
        "bias": {"dtype": "F64", "shape": [3], "data_offsets": [48, 72]},
    }
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + np.arange(9.0).tobytes()


def _plan():
    """Return what a test set of two groups can show."""
    from dermbench.artifacts.plan import Assumptions, DropAnswer, MarginAnswer, Plan, PlanProvenance

    return Plan(
        kind="test_set",
        task="tiny",
        split="test",
        metric="accuracy",
        feature="fst",
        ordered=True,
        unit="image",
        group=None,
        growth=None,
        power=0.8,
        assumptions=Assumptions(rate=0.8, correlation=None, images_per_unit=1),
        groups={},
        drops=(
            DropAnswer(group="VI", drop=0.2, power=0.8, error=0.01, asked=0.1, chance=0.3, sets=100, reason=None),
        ),
        margin=MarginAnswer(margin=0.1, chance=0.1, error=0.01, sets=100, reachable=0.3, reason=None),
        provenance=PlanProvenance(version="1", seed=0, permutations=99, truth_digest=None),
    )


def _run_record():
    from dermbench.artifacts.run import RunRecord

    return RunRecord(
        status="finished",
        task="tiny",
        classes=CLASSES,
        dataset_digest="sha256:0",
        config={"model": "test_efficientnet", "augment": {"rotation": 3.0}},
        seed=0,
        device="cpu",
        precision="fp32",
        pretrained="none",
        selection="last",
    )


def _leaderboards(folder):
    from dermbench.artifacts.truth import read_truth
    from dermbench.leaderboard import (
        add,
        board,
        build,
        index,
        moves,
        published,
        reported,
        settings,
        stored,
        truths,
    )

    place = folder / "board"
    place.mkdir()
    (place / board.BOARD).write_text(f'task = "tiny"\nclasses = {list(CLASSES)}\nresamples = 19\n')
    add(place, folder / "pred.csv", name="A", truth=read_truth(folder / "truth.csv"), store_truth=True)
    (place / reported.REPORTED).write_text(
        'schema = "dermbench.reported/1"\n[[row]]\nentry = "X"\nsource = "Y"\nscores = {accuracy = 0.60}\n'
    )
    files = {path.name: path.read_bytes() for path in place.iterdir() if path.is_file()}
    build(place, accept_settings=True)
    files |= {published.JSON: (place / published.JSON).read_bytes()}
    predictions = next(place.glob("entries/*/predictions.*"))
    about, known = board.read_board(place), read_truth(folder / "truth.csv")
    module = "dermbench.leaderboard"
    both = (board.BOARD, reported.REPORTED)
    return {
        f"{module}.board.read_board": [_in_folder(board.read_board, board.BOARD, files)],
        f"{module}.index.read_index": [_in_folder(index.read_index, index.INDEX, files)],
        f"{module}.moves.read_earlier": [
            _in_folder(lambda earlier: moves.read_earlier(earlier, earlier), published.JSON, files)
        ],
        f"{module}.published.read_published": [_in_folder(published.read_published, published.JSON, files)],
        f"{module}.reported.read_reported": [_in_folder(reported.read_reported, reported.REPORTED, files)],
        f"{module}.settings.read_settings": [_in_folder(settings.read_settings, name, files) for name in both],
        f"{module}.stored.read_stored": [
            _named(stored.read_stored, predictions.name, predictions.read_bytes(), known)
        ],
        f"{module}.truths.read_truth_table": [
            _named(truths.read_truth_table, board.TRUTH, files[board.TRUTH], about)
        ],
    }


def _training(folder):
    import safetensors.torch
    import torch

    from dermbench.training.methods import TrainingSplit, distill
    from dermbench.training.network import tensor_files, weights
    from dermbench.training.predicting.predictors import onnx, open_clip

    tensors = {"weight": torch.arange(6.0).reshape(3, 2), "bias": torch.zeros(3)}
    torch.save(tensors, folder / "w.pth")
    pickle, data = (folder / "w.pth").read_bytes(), _tensors()
    ids = np.array([f"img{i:03}" for i in range(24)], dtype=object)
    labels = np.arange(24) % 3
    split = TrainingSplit(labels, np.zeros(24, dtype=np.int64), {}, None, 3, ids, CLASSES)
    table, module = _scores(), "dermbench.training"
    prompts = "[prompts]\n" + "".join(f'"{name}" = ["a photo of {name}"]\n' for name in CLASSES)
    assert safetensors.torch.load(data).keys() == tensors.keys()
    found = {
        f"{module}.methods.distill.read_teacher": [_named(distill.read_teacher, "t.csv", _text(table), split)],
        f"{module}.network.tensor_files.read_tensors": [_named(tensor_files.read_tensors, "w.safetensors", data)],
        f"{module}.network.tensor_files.read_safetensors": [
            _named(tensor_files.read_safetensors, "w.safetensors", data)
        ],
        f"{module}.network.tensor_files.read_pickle": [_named(tensor_files.read_pickle, "w.pth", pickle)],
        f"{module}.network.weights.read_weights": [
            _named(weights.read_weights, "w.safetensors", data),
            _named(weights.read_weights, "w.pth", pickle),
        ],
        f"{module}.predicting.predictors.open_clip.read_prompts": [
            _named(open_clip.read_prompts, "p.toml", prompts.encode(), CLASSES)
        ],
    }
    found |= _runs(folder)
    return found | (
        {f"{module}.predicting.predictors.onnx.read_about": [_named(onnx.read_about, "m.onnx", _onnx())]}
        if find_spec("onnxruntime")
        else {}
    )


def _runs(folder):
    """Return samples of a run, its checkpoint and its cache of images."""
    import torch

    from dermbench.artifacts import image_cache as cache
    from dermbench.training.network import weights
    from dermbench.training.network.network import build_network
    from dermbench.training.predicting import run_loading as loading
    from dermbench.training.run import checkpoint, configure

    config = configure.load_config(preset="cpu-small", overrides=["model=test_efficientnet", "pretrained=false"])
    network = build_network(config, len(CLASSES))
    header = {"classes": list(CLASSES), "mean": list(network.mean), "std": list(network.std)}
    checkpoint.write_tensors(folder / "model.safetensors", network.module.state_dict(), header)
    text = b'model = "test_efficientnet"\nepochs = 3\nlearning_rate = 0.001\n[augment]\nrotation = 5\n'
    run = {
        "run.json": _run_record().text().encode(),
        "config.toml": text,
        "model.safetensors": (folder / "model.safetensors").read_bytes(),
    }
    linear = torch.nn.Linear(2, 3)
    optimizer = torch.optim.AdamW(linear.parameters())
    linear(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    state = checkpoint.State(epoch=1, step=2, best_epoch=1, history=[{"epoch": 1, "val_macro_f1": 0.5}])
    state.identity, state.method = {"model": "m"}, {"group_dro.q": torch.ones(3)}
    checkpoint.save_state(folder / "last.safetensors", state, {"model": linear}, optimizer)
    originals = cache.Originals(["a", "b"], [Path("none-a"), Path("none-b")], [None, None])

    def pixels(path, side):
        return np.zeros((side, side, 3), dtype=np.uint8)

    def opened(place):
        return cache.open_cache(place / "c" / "a.npy", originals, 4, pixels)[0]

    opened(folder)
    cached = {f"c/a{end}": (folder / "c" / f"a{end}").read_bytes() for end in (".npy", ".json")}
    module, last = "dermbench.training", (folder / "last.safetensors").read_bytes()
    return {
        "dermbench.artifacts.image_cache.open_cache": [
            Sample(
                name,
                cached,
                lambda place: np.array(opened(place)),
            )
            for name in cached
        ],
        f"{module}.run.checkpoint.load_state": [
            _named(checkpoint.load_state, "last.safetensors", last, {"model": linear}, optimizer, {"model": "m"})
        ],
        f"{module}.run.configure.load_config": [
            Sample("c.toml", {"c.toml": text}, lambda place: configure.load_config(config=place / "c.toml"))
        ],
        f"{module}.predicting.run_loading.open_run": [Sample(name, run, loading.open_run) for name in run],
        f"{module}.network.weights.load_file": [
            Sample(
                "model.safetensors",
                {"model.safetensors": run["model.safetensors"]},
                lambda place: weights.load_file(network.module, place / "model.safetensors", CLASSES),
            )
        ],
    }


def _onnx():
    """Return a model of one operation with the metadata of dermbench."""
    import onnx
    from onnx import TensorProto, helper

    about = {"classes": CLASSES, "image_size": 32, "cache_size": 32, "mean": [0.5] * 3, "std": [0.5] * 3}
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 3, 32, 32])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 3])
    node = helper.make_node("ReduceMean", ["images"], ["logits"], axes=[2, 3], keepdims=0)
    graph = helper.make_graph([node], "mean", [images], [logits])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    model.metadata_props.append(onnx.StringStringEntryProto(key="dermbench", value=json.dumps(about)))
    return model.SerializeToString()
