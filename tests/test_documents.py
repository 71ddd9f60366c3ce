"""What README and docs say is there."""

import re
import shlex
from xml.etree import ElementTree as ET

import pytest
import typer.main

from dermbench.artifacts.report.report import Report
from dermbench.cli import app
from dermbench.reporting.figures import report_figures
from dermbench.tasks import load_task, task_names

FENCE = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
ANCHOR = re.compile(r"\]\(([^)#\s]*)#([^)\s]+)\)")
LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")


@pytest.fixture(scope="module")
def readme(project_root):
    return (project_root / "README.md").read_text(encoding="utf-8")


def documents(project_root):
    return [*sorted(project_root.glob("*.md")), *sorted((project_root / "docs").rglob("*.md"))]


def test_the_two_commands_and_what_the_checks_run(readme, project_root):
    commands = re.findall(r"^python -m pip install.*$", readme, re.MULTILINE)
    assert commands == [
        "python -m pip install '.[train,offline]' && dermbench quickstart",
        "python -m pip install nox && nox",
    ]
    script = (project_root / ".ci" / "run").read_text(encoding="utf-8")
    assert script.rstrip().splitlines()[-1] == commands[1]


def test_readme_is_short(readme):
    assert len(readme.split()) <= 900


def test_every_link_to_a_file_leads_somewhere(project_root):
    for document in documents(project_root):
        for target in LINK.findall(document.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (document.parent / target).exists(), f"{document.name}: {target}"


def slug(heading):
    """Anchor that GitHub gives a heading."""
    bare = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading.replace("`", ""))
    return re.sub(r"[^\w\- ]", "", bare.strip().lower()).replace(" ", "-")


def test_every_link_to_a_section_leads_to_its_heading(project_root):
    seen = 0
    for document in documents(project_root):
        for target, anchor in ANCHOR.findall(document.read_text(encoding="utf-8")):
            page = document.parent / target if target else document
            if page.suffix == ".md" and "://" not in target:
                text = page.read_text(encoding="utf-8")
                known = {slug(heading) for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}
                known.update(re.findall(r'<a id="([^"]+)">', text))
                assert anchor in known, f"{document.name}: {target}#{anchor}"
                seen += 1
    assert seen > 10


def test_pictures_show_the_numbers_of_the_board(project_root):
    entry = "leaderboards/synthderm-faded/entries/efficientnet-lite0-fine-tuned-seed-0/report.json"
    report = Report.model_validate_json((project_root / entry).read_bytes())
    drawn = report_figures(report)
    for name, figure in (("gap", "gap"), ("accuracy", "forest-accuracy")):
        picture = ET.parse(project_root / "docs" / "images" / f"{name}.svg")
        said = picture.findtext("{http://www.w3.org/2000/svg}desc")
        assert drawn[figure].alt.startswith(said.removesuffix(".")), name


@pytest.mark.parametrize("name", [name for name in task_names() if load_task(name).fst])
def test_skin_type_counts_of_the_tasks(name, project_root):
    fst = load_task(name).fst
    counts = "/".join(f"{fst.get(t, 0):,}" for t in ("I", "II", "III", "IV", "V", "VI"))
    page = (project_root / "docs" / "reference" / "datasets.md").read_text(encoding="utf-8")
    row = next(line for line in page.splitlines() if line.startswith(f"| [`{name}`]"))
    assert f"{counts} ({fst.get('unknown', 0):,}" in row


def commands_of(text):
    for block in FENCE.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True) if line.startswith("dermbench ") else []
            if words:
                yield words[1:]


def test_every_command_and_option_that_is_shown_exists(project_root):
    root = typer.main.get_command(app)
    seen = 0
    for document in documents(project_root):
        for words in commands_of(document.read_text(encoding="utf-8")):
            command = root
            while hasattr(command, "commands") and words and words[0] in command.commands:
                command = command.commands[words.pop(0)]
            assert command is not root, f"{document.name}: {words}"
            known = {option for parameter in command.params for option in parameter.opts}
            unknown = {word for word in words if word.startswith("--")} - known
            assert not unknown, f"{document.name}: {command.name} {unknown}"
            seen += 1
    assert seen > 10


def test_no_document_calls_a_model_what_no_statistic_shows(project_root):
    for document in documents(project_root):
        text = document.read_text(encoding="utf-8").lower()
        for words in ("unbiased model", "debiased model", "fair model", "is fair"):
            assert words not in text, document.name


def test_nothing_is_left_to_be_filled_in(project_root):
    for document in documents(project_root):
        left = re.findall(r"^[A-Z]{3,}(?:_[A-Z]+)*$", document.read_text(encoding="utf-8"), re.MULTILINE)
        assert not left, f"{document.name}: {left}"
