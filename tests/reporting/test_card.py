"""The model card: facts of records, a header that YAML reads back, and names that cannot break out of either."""

import re

import document_records as made
import full
import pytest
from markdown_it import MarkdownIt
from report_records import cell, class_row, feature, group, report, screen_row, shown

from dermbench.artifacts.report import Confusion, Positive, Undefined, WithoutTwins, undefined
from dermbench.reporting.documents.card import card_markdown
from dermbench.reporting.documents.card_header import number, quoted
from dermbench.reporting.documents.evidence import Evidence, gather

yaml = pytest.importorskip("yaml")

HOSTILE = '"\n---\nx: !!python/object:os.system [a]\n# <script>|*_`$@~\u202e\x85\u2028{}'


@pytest.fixture(scope="module")
def evidence(documents):
    return gather(documents / "report", run=documents / "run", data=documents / "data")


def header_of(card):
    head, _ = card.removeprefix("---\n").split("\n---\n", 1)
    return yaml.safe_load(head)


def body_of(card):
    return card.removeprefix("---\n").split("\n---\n", 1)[1]


def planted():
    """Return a report whose melanomas are missed on type VI."""
    groups = {
        "I": group(240, {"accuracy": cell(0.7, n=240)}),
        "II": group(120, {"accuracy": cell(0.66, n=120)}),
        "VI": group(40, {"accuracy": cell(0.4, n=40)}),
    }
    rows = {"melanoma": screen_row({"I": (40, 46), "II": (12, 15), "VI": (16, 30)}, ("VI",), q=0.01)}
    return report({"fst": feature(groups, {"accuracy": shown()}, screen=rows)})


def test_the_header_holds_the_numbers_of_the_report(evidence):
    head = header_of(card_markdown(evidence))
    (index,) = head["model-index"]
    (result,) = index["results"]
    assert index["name"] == "small net"
    assert result["task"] == {"type": "image-classification"}
    assert result["dataset"] == {"type": "tiny", "name": "Tiny lesions", "split": "test"}
    values = {metric["type"]: metric["value"] for metric in result["metrics"]}
    overall = evidence.report.overall
    assert values == {
        name: item.value for name, item in overall.items() if item.value is not None and name in values
    }
    assert values["accuracy"] == 0.8
    assert head["library_name"] == "dermbench"
    assert "license" not in head
    assert all(isinstance(value, float) for value in values.values())


def test_a_model_hub_reads_the_header(evidence):
    hub = pytest.importorskip("huggingface_hub")
    data = hub.ModelCard(card_markdown(evidence), ignore_metadata_errors=False).data
    assert data.model_name == "small net"
    assert {item.metric_type: item.metric_value for item in data.eval_results}["accuracy"] == 0.8
    assert {(item.dataset_type, item.dataset_split) for item in data.eval_results} == {("tiny", "test")}


def test_a_metric_says_of_which_classes(evidence):
    (index,) = header_of(card_markdown(evidence))["model-index"]
    titles = {metric["type"]: metric["name"] for metric in index["results"][0]["metrics"]}
    assert titles["sensitivity"] == "sensitivity (positive: melanoma)"


@pytest.mark.parametrize("value", [0.0, 1.0, -0.25, 0.000001, 0.123457, 12.0, 1e5])
def test_numbers_are_numbers_in_yaml(value):
    assert yaml.safe_load(number(value)) == value
    assert isinstance(yaml.safe_load(number(value)), float)


def test_without_defined_metrics_there_is_no_model_index():
    bare = report({}, overall={"accuracy": undefined("no image")})
    assert "model-index" not in header_of(card_markdown(Evidence(bare)))


@pytest.mark.parametrize(
    "text", [HOSTILE, "\ufffe\U0001fffe\ud800", "😀 é", "null", "1e3", "", "'", "a: b", "&x *y"]
)
def test_every_text_is_read_back_as_text(text):
    found = yaml.safe_load(quoted(text))
    assert isinstance(found, str)
    assert "\n" not in found


def test_hostile_names_break_out_of_nothing():
    groups = {HOSTILE: group(200, {"accuracy": cell(0.7)}), "x": group(200, {"accuracy": cell(0.6)})}
    bad = report({"sex": feature(groups, {"accuracy": Undefined(reason=HOSTILE)})}, model=HOSTILE, task=HOSTILE)
    card = card_markdown(Evidence(bad.model_copy(update={"notes": (HOSTILE,)})))
    head = header_of(card)
    assert set(head) == {"pipeline_tag", "tags", "model-index"}
    assert "!!python/object:os.system" in head["model-index"][0]["name"]
    body = body_of(card)
    assert "\n---" not in body
    tokens = (
        MarkdownIt("commonmark").enable("table").parse(body.replace("<!-- Written by dermbench card. -->", ""))
    )
    inline = [child for token in tokens for child in token.children or []]
    assert not {"html_block", "hr"} & {token.type for token in tokens}
    assert not {"html_inline", "link_open", "image", "code_inline"} & {child.type for child in inline}
    assert not re.search(r"[\u202e\x85\u2028]", card)


def test_what_it_says_with_all_records(evidence):
    body = body_of(card_markdown(evidence))
    for sentence in (
        "**Not for clinical use.**",
        r"Network small\_net with 1,234 parameters.",
        "The run folder keeps the very predictions that were evaluated (equal content hash).",
        "By the content hash this is the dataset that was evaluated.",
        "Images: train 30, val 10, test 20; 60 in all, in 2 classes.",
        "Training images were varied at random: flip vertical, rotation 20.",
        "Training minimises the mean loss over images (erm).",
        "Weights at the start: none (random initialisation).",
        "Epoch 3 of 5 was kept.",
        "Its scores on val: accuracy .80.",
        "3 of the release left out: blurred.",
        r"Known by patient\_id, 0 of 30 patients have images in several splits.",
        "The author must answer: what the model is for",
    ):
        assert sentence in body, sentence
    assert "who made the model, and under which licence" in body


def test_without_records_the_author_is_asked():
    card = card_markdown(Evidence(report({}, model=None)))
    assert "library_name" not in header_of(card)
    assert header_of(card)["model-index"][0]["name"] == "unnamed"
    for question in (
        "which kind of model it is, who made it",
        "what the model was trained on and how; no run record was given",
        "how the model does on each Fitzpatrick skin type",
    ):
        assert f"The author must answer: {question}" in card
    assert "Trained with" not in card
    assert "Calibration is not known: needs probabilities." in card


def test_a_run_that_is_not_shown_to_be_the_models_says_so(evidence):
    card = card_markdown(Evidence(evidence.report, evidence.run))
    assert "no record shows it. The author must answer: whether it did" in card
    shuffled = made.run_record(
        evidence.dataset, config={"labels": "shuffled", "folds": 5, "fold": 2}, status="running"
    )
    card = card_markdown(Evidence(evidence.report, shuffled))
    assert "The training labels were not the true ones: labels = shuffled." in card
    assert "cut into 5 parts: part 2, counted from 0, chose the epoch" in card
    assert "The run has not ended (status running)" in card


def test_the_verdict_and_the_failure_are_told_as_the_report_words_them():
    made_report = planted()
    card = card_markdown(Evidence(made_report))
    said = {sentence.kind: sentence.text for sentence in made_report.summary}
    assert "melanoma on VI: 16 of 30 recognised, 52 of 61 on I\N{EN DASH}II" in said["fails"]
    for kind in ("primary", "fails"):
        text = said[kind].replace("[", r"\[").replace("]", r"\]")
        assert card.count(text) == 2, kind
    assert "| melanoma | VI | 16 of 30 | 52 of 61 | .010 |" in card


def test_positive_classes_and_the_cross_table():
    positive = Positive(classes=("melanoma",), source="--positive", leads=False)
    card = card_markdown(Evidence(report({}, positive=positive)))
    table = "true not positive: 254 called not positive, 55 called positive; true positive: 36 called not positive"
    assert f"Cross table, by the predicted class: {table}, 55 called positive." in card


def test_every_part_of_a_full_report_has_its_place():
    card = card_markdown(Evidence(full.report()))
    for sentence in (
        "| threshold .500 | all images | 60 | .70 [.65, .75] | 400 | .90 [.85, .95] |",
        "with site and age held fixed as well \N{MINUS SIGN}.02",
        "corrected for errors in the skin types",
        "the same label for .67",
        "15 of 400 answers were refused",
        "## Performance by Fitzpatrick skin type and other groups",
    ):
        assert sentence in card, sentence


def test_scores_without_twins():
    rest = WithoutTwins(n=380, overall={"accuracy": cell(0.61, n=380)}, primary=None)
    card = card_markdown(Evidence(report({}, without_twins=rest)))
    assert "Without images that have a twin in training data 380 of 400 are left; accuracy .61" in card
    whole = WithoutTwins(n=400, overall={}, primary=None)
    card = card_markdown(Evidence(report({}, without_twins=whole)))
    assert "No evaluated image is known to have a twin in training data." in card


def test_many_classes_stay_short():
    names = [f"class {i:03d}" for i in range(114)]
    rows = {name: class_row(0.5, 10) for name in names}
    matrix = tuple(tuple(9 if i == j else int(j == i + 1) for j in range(114)) for i in range(114))
    many = report({}, per_class=rows, classes=names, confusion=Confusion(labels=names, matrix=matrix), n=1140)
    card = card_markdown(Evidence(many))
    assert "class 029 and 84 more." in card
    assert "1,026 of 1,139 images are put into their true class." in card
    assert len(card) < 6_000
