"""Checklists: complete, every topic known, and never an answer that records do not hold."""

import dataclasses
import re
from importlib.metadata import EntryPoint

import document_records as made
import full
import pandas as pd
import pytest
from markdown_it import MarkdownIt
from report_records import cell, feature, group, report, shown

from dermbench import registry
from dermbench.artifacts.duplicates import DuplicatesInfo, write_duplicates
from dermbench.artifacts.report import Cell, NoAnswer, NoAnswerGroup, Positive, undefined
from dermbench.errors import RegistryError
from dermbench.reporting.documents.dossier import Item, Standard, dossier_markdown, load_standard, standard_names
from dermbench.reporting.documents.dossier import standard as packaged
from dermbench.reporting.documents.dossier.document import answers
from dermbench.reporting.documents.dossier.facts import TOPICS, Facts, answer
from dermbench.reporting.documents.evidence import Evidence, gather

HOSTILE = '"\n---\n## x\n<script>|*_`$@~ [a](http://b) www.c\u202e\x85{}'
NUMBERS = {
    "claim": [str(i) for i in range(1, 45)],
    "stard-ai": {15: "abcd", 16: "abc", 17: "ab", 26: "ab", 40: "ab"},
    "tripod-ai": {
        3: "abc",
        5: "ab",
        6: "abc",
        8: "abc",
        9: "abc",
        12: "abcdefg",
        18: "abcdef",
        20: "abc",
        23: "ab",
        27: "abc",
    },
}
"""Items that have parts, of the standards with parts; the last number has some in each."""

SIZES = {"claim": 44, "stard-ai": 48, "tripod-ai": 52}


def numbers(name):
    parts = NUMBERS[name]
    if isinstance(parts, list):
        return parts
    return [f"{i}{letter}" for i in range(1, max(parts) + 1) for letter in parts.get(i, " ")]


@pytest.fixture(scope="module")
def evidence(documents):
    return gather(documents / "report", run=documents / "run", data=documents / "data")


def found(standard, evidence):
    return {item.number: given for item, given in answers(load_standard(standard), evidence)}


def test_the_standards_are_complete():
    assert standard_names() == sorted(NUMBERS)
    for name, size in SIZES.items():
        found = [item.number for item in load_standard(name).items]
        assert found == [number.strip() for number in numbers(name)], name
        assert len(found) == size
    with pytest.raises(RegistryError, match="did you mean 'claim'"):
        load_standard("clam")


def test_every_topic_is_known_and_used():
    used = {item.topic for name in standard_names() for item in load_standard(name).items if item.topic}
    assert used == set(TOPICS.names())


def test_an_item_without_a_topic_leaves_nothing_to_add():
    for name in standard_names():
        for item in load_standard(name).items:
            assert item.topic or not item.beyond, f"{name} {item.number}"
            assert item.asks[0].islower()
            assert not item.asks.endswith(".")


def test_numbers_of_a_standard_are_unique():
    told = {
        "name": "x",
        "title": "",
        "about": "",
        "citation": "",
        "doi": "10.1/x",
        "url": "https://x",
        "read_from": "",
    }
    item = Item(number="1", section="a", asks="b")
    with pytest.raises(ValueError, match="items with the same number: 1"):
        Standard(**told, items=(item, item))


def test_status_of_an_answer():
    some = Facts(("a.",), ("record",))
    assert answer(some, asks="q", beyond="").status == "answered"
    assert answer(some, asks="q", beyond="more").open == ("more",)
    assert answer(some, asks="q", beyond="more").status == "partly"
    assert answer(Facts(("a.",), ("record",), ("gap",)), asks="q", beyond="").status == "partly"
    assert answer(Facts(("a.",), ("record",), applies=False), asks="q", beyond="more").status == "does not apply"
    assert answer(Facts(), asks="q", beyond="").status == "author"
    with pytest.raises(ValueError, match="come together"):
        Facts(("a.",))


def test_only_these_are_ever_answered_in_full(evidence):
    """What else an item asks is beyond records, or was not shown here."""
    full = {
        name: {number for number, given in found(name, evidence).items() if given.status == "answered"}
        for name in standard_names()
    }
    assert full == {"claim": {"20"}, "stard-ai": {"30", "31"}, "tripod-ai": set()}
    groups = {"f": group(200, {"accuracy": cell(0.7)}), "m": group(200, {"accuracy": cell(0.6)})}
    whole = Evidence(report({"sex": feature(groups, {"accuracy": shown()})}))  # whose metrics all have intervals
    assert found("claim", whole)["29"].status == found("stard-ai", whole)["18"].status == "answered"


def test_an_answer_has_a_source_and_only_an_open_one_asks(evidence):
    for name in standard_names():
        for number, given in found(name, evidence).items():
            assert bool(given.sentences) == bool(given.sources) == (given.status != "author"), f"{name} {number}"
            assert bool(given.open) == (given.status in ("partly", "author")), f"{name} {number}"


def test_a_dataset_that_says_nothing_of_its_making_is_no_source(evidence):
    silent = evidence.dataset.info.model_copy(update={"interpreted": (), "left_out": {}, "citation": ""})
    dataset = dataclasses.replace(evidence.dataset, info=silent)
    for run in (None, evidence.run):
        silently = Evidence(evidence.report, run, dataset)
        for name in standard_names():
            for number, given in found(name, silently).items():
                assert bool(given.sentences) == bool(given.sources), f"{name} {number}"
        assert "dataset.toml: interpreted, left_out" not in found("claim", silently)["9"].sources
    assert found("claim", Evidence(evidence.report, None, dataset))["9"].status == "author"


def test_sample_size_and_ethics_are_the_authors(evidence):
    tripod, claim = found("tripod-ai", evidence), found("claim", evidence)
    assert tripod["10"].open == (
        "how the size was decided, for development and for evaluation, and why it is enough",
    )
    assert tripod["17"].status == tripod["19"].status == claim["5"].status == claim["16"].status == "author"


def test_partitions_come_from_the_dataset(evidence):
    given = found("claim", evidence)["19"]
    assert "Splits: grouped; shares train 50 %, val 17 %, test 33 %." in given.sentences
    assert "Patients: train 15, val 5, test 10." in given.sentences
    assert "dataset.toml: split" in given.sources


def test_a_patient_in_two_sets_keeps_the_level_open(evidence, tmp_path):
    split = Evidence(evidence.report, evidence.run, made.write_data(tmp_path / "a", split_patient=True))
    given = found("claim", split)["20"]
    assert given.status == "partly"
    assert "Known by patient_id, 1 of 30 patients have images in several splits." in given.sentences
    nobody = Evidence(evidence.report, evidence.run, made.write_data(tmp_path / "b", patients=False))
    assert "whether images of one patient or one photograph" in found("claim", nobody)["20"].open[0]
    assert found("claim", Evidence(evidence.report))["20"].helps == "--data DATASET"


def test_a_known_duplicate_in_two_sets_keeps_the_level_open(evidence, tmp_path):
    dataset = made.write_data(tmp_path)
    assert found("claim", Evidence(evidence.report, evidence.run, dataset))["20"].status == "answered"
    groups = pd.DataFrame({"image_id": ["i00", "i59"], "group": ["i00", "i00"], "kind": ["verified", "verified"]})
    write_duplicates(tmp_path, groups, DuplicatesInfo(dataset_digest=dataset.info.digest, images=60))
    given = found("claim", Evidence(evidence.report, evidence.run, dataset))["20"]
    assert given.status == "partly"
    assert "Groups of near-duplicate photographs with images in several splits: 1." in given.sentences


def test_another_package_may_bring_a_standard_and_a_topic(monkeypatch, tmp_path, evidence):
    (tmp_path / "our_checklist.py").write_text(
        "from dermbench.reporting.documents.dossier import Item, Standard\n"
        "from dermbench.reporting.documents.dossier.facts import Facts\n"
        "def size(e):\n"
        "    return Facts((f'{e.report.n} images.',), ('report.json: n',))\n"
        "ITEM = Item(number='1', section='All', asks='the size', topic='our_size')\n"
        "OURS = Standard(name='ours', title='Ours', about='', citation='', doi='10.1/x', url='https://x',\n"
        "                read_from='', items=(ITEM,))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    points = {
        "dermbench.standards": [EntryPoint("ours", "our_checklist:OURS", "dermbench.standards")],
        "dermbench.dossier_topics": [EntryPoint("our_size", "our_checklist:size", "dermbench.dossier_topics")],
    }
    monkeypatch.setattr(registry, "entry_points", lambda group: points.get(group, []))
    monkeypatch.setattr(TOPICS, "_discovered", False)
    monkeypatch.setattr(TOPICS, "_items", dict(TOPICS._items))
    packaged._packaged.cache_clear()
    try:
        assert standard_names() == [*sorted(SIZES)[:1], "ours", *sorted(SIZES)[1:]]
        ((_, given),) = answers(load_standard("ours"), evidence)
        assert (given.status, given.sentences) == ("answered", ("20 images.",))
    finally:
        packaged._packaged.cache_clear()


def test_a_run_that_is_not_shown_to_be_the_models_keeps_items_open(evidence):
    given = found("claim", Evidence(evidence.report, evidence.run, evidence.dataset, kept=False))
    for number in ("22", "23", "24", "25", "26"):
        assert "that this run made the evaluated predictions (no record shows it)" in given[number].open, number
    assert given["27"].status == "author"


def test_intervals_and_methods(evidence):
    given = found("stard-ai", evidence)["18"]
    assert any(text.startswith("95 % intervals of all images: Wilson") for text in given.sentences)
    assert any("Resampled and permuted by patient_id: 10 units, 99 times" in text for text in given.sentences)
    bare = report({}, overall={"accuracy": Cell(value=0.6, reason="no interval")})
    assert found("stard-ai", Evidence(bare))["18"].open == (
        "intervals of the values that have none",
        "tests of significance: none was made",
    )


def test_without_positive_classes_diagnostic_accuracy_is_open():
    plain = found("stard-ai", Evidence(report({})))
    assert plain["31"].status == "partly"
    assert plain["26b"].status == plain["15c"].status == "author"
    positive = Positive(classes=("melanoma",), source="--positive", leads=True)
    values = {"sensitivity": cell(0.6), "specificity": undefined("no other image"), "accuracy": cell(0.7)}
    given = found("stard-ai", Evidence(report({}, positive=positive, overall=values)))["31"]
    assert given.status == "partly"
    assert "Specificity: undefined (no other image)." in given.sentences
    values["specificity"] = cell(0.8)
    full = found("stard-ai", Evidence(report({}, positive=positive, overall=values)))
    assert full["31"].status == "answered"
    assert "Images that are not positive, by class: nevus 300, eczema 9." in full["26b"].sentences


def test_without_groups_nothing_is_said_of_skin_type():
    given = found("claim", Evidence(report({})))["37"]
    assert "performance by skin type and other groups: none was evaluated" in given.open
    groups = {"f": group(200, {"accuracy": cell(0.7)}), "m": group(200, {"accuracy": cell(0.6)})}
    given = found("claim", Evidence(report({"sex": feature(groups, {"accuracy": shown()})})))["37"]
    assert "performance by skin type: it was not evaluated" in given.open


def test_images_without_an_answer_keep_the_cross_table_open():
    every = NoAnswerGroup(n=400, missing=0, refused=12, unparsable=0, share=cell(0.03))
    made_report = report({}, no_answer=NoAnswer(overall=every, features={}))
    given = found("stard-ai", Evidence(made_report))
    assert given["30"].status == "partly"
    assert "12 images that have no usable prediction" in given["30"].open[0]
    assert "12 of 400 answers were refused (12); they count as wrong." in given["19"].sentences
    assert found("stard-ai", Evidence(report({})))["30"].status == "answered"


def test_no_class_weights_is_said_to_need_nothing(evidence):
    run = made.run_record(evidence.dataset, config={"class_weights": "none"})
    given = found("tripod-ai", Evidence(evidence.report, run))["13"]
    assert (given.status, given.open) == ("does not apply", ())
    assert found("tripod-ai", evidence)["13"].sentences == ("The loss weighs classes (balanced).",)


def test_an_external_test_is_a_run_of_another_task(evidence):
    assert found("claim", evidence)["33"].status == "author"
    run = made.run_record(evidence.dataset, task="elsewhere", dataset_digest="sha256:00")
    given = found("claim", Evidence(evidence.report, run, evidence.dataset))
    assert given["33"].sentences[0] == "Trained on elsewhere, tested on 20 images of the test split of tiny."
    assert given["32"].status == "author"


def test_the_document_counts_its_items(evidence):
    standards = [load_standard(name) for name in standard_names()]
    text = dossier_markdown(evidence, standards)
    for standard in standards:
        states = [given.status for _, given in answers(standard, evidence)]
        counts = " | ".join(str(states.count(s)) for s in ("answered", "partly", "author", "does not apply"))
        row = next(line for line in text.splitlines() if line.startswith(f"| {standard.title} |"))
        assert row == f"| {standard.title} | {counts} | {len(states)} |"
        assert f"<https://doi.org/{standard.doi}>" in text
    assert len(re.findall(r"^\*\*\d+[a-z]?\*\* ", text, re.MULTILINE)) == 44 + 48 + 52
    assert "Filled from the report, the run and the dataset." in text
    assert "Not given: the run and the dataset." in dossier_markdown(Evidence(report({})), standards)
    assert text == dossier_markdown(evidence, standards)


def test_a_full_report_answers_every_topic():
    whole = Evidence(full.report())
    text = dossier_markdown(whole, [load_standard(name) for name in standard_names()])
    assert "the threshold 0.5 was stated." in text
    assert "found on val (200 images)." in text
    assert found("claim", whole)["30"].status == found("stard-ai", whole)["15c"].status == "partly"


def test_items_for_one_kind_of_study_say_so():
    only = {
        kind: {item.number for item in load_standard("tripod-ai").items if item.only == kind}
        for kind in ("development", "evaluation")
    }
    assert only == {
        "development": {"9a", "12a", "12b", "12c", "15", "22", "27a", "27b"},
        "evaluation": {"12f", "12g", "20c", "24"},
    }
    text = dossier_markdown(Evidence(report({})), [load_standard("tripod-ai")])
    assert text.count("*Only where a model is developed.*") == 8
    assert text.count("*Only where a model is evaluated.*") == 4


def test_hostile_names_break_out_of_nothing():
    groups = {HOSTILE: group(200, {"accuracy": cell(0.7)}), "x": group(200, {"accuracy": cell(0.6)})}
    bad = report({"sex": feature(groups, {"accuracy": shown()})}, model=HOSTILE, task=HOSTILE, notes=(HOSTILE,))
    text = dossier_markdown(Evidence(bad), [load_standard(name) for name in standard_names()])
    tokens = (
        MarkdownIt("commonmark").enable("table").parse(text.removeprefix("<!-- Written by dermbench dossier. -->"))
    )
    inline = [child for token in tokens for child in token.children or []]
    assert not {"html_block", "hr", "fence"} & {token.type for token in tokens}
    assert not {"html_inline", "image", "code_inline"} & {child.type for child in inline}
    standards = [load_standard(name) for name in standard_names()]
    links = {child.attrs["href"] for child in inline if child.type == "link_open"}
    assert links == {url for told in standards for url in (f"https://doi.org/{told.doi}", told.url)}
    assert sum(token.type == "heading_open" and token.tag == "h2" for token in tokens) == 3
    assert not re.search(r"[\u202e\x85]|www\.c|://b", text)
