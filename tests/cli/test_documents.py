"""``card`` and ``dossier``: printed or written once, and bad input is one message."""

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dermbench import cli

sys.path.append(str(Path(__file__).parents[1] / "reporting"))  # makes `report_records` importable

from report_records import report


@pytest.fixture
def folder(tmp_path):
    report({}).write(tmp_path / "report.json")
    return tmp_path


def run(monkeypatch, capsys, *arguments):
    """Return exit code and output of the whole command, as ``main`` gives them."""
    monkeypatch.setattr(sys, "argv", ["dermbench", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    out, err = capsys.readouterr()
    return ended.value.code, out, err


@pytest.mark.parametrize(("verb", "name"), [("card", "MODEL_CARD.md"), ("dossier", "DOSSIER.md")])
def test_the_printed_document_equals_the_written_one(monkeypatch, capsys, folder, verb, name):
    code, printed, _ = run(monkeypatch, capsys, verb, folder)
    assert code == 0
    code, out, err = run(monkeypatch, capsys, verb, folder / "report.json", "--out", folder)
    assert (code, out) == (0, "")
    assert f"Wrote {folder / name}" in err
    assert (folder / name).read_text(encoding="utf-8") == printed
    assert run(monkeypatch, capsys, verb, folder, "--out", folder / name)[0] == 0
    assert sorted(path.name for path in folder.iterdir()) == sorted([name, "report.json"])


@pytest.mark.parametrize(("verb", "name"), [("card", "MODEL_CARD.md"), ("dossier", "DOSSIER.md")])
def test_an_authors_answers_are_never_replaced(monkeypatch, capsys, folder, verb, name):
    (folder / name).write_text("my answers")
    code, _, err = run(monkeypatch, capsys, verb, folder, "--out", folder)
    assert code == 2
    assert "exists with other content, perhaps an author's answers; nothing was written" in err
    assert (folder / name).read_text() == "my answers"


@pytest.mark.parametrize("verb", ["card", "dossier"])
def test_bad_input_is_one_message(monkeypatch, capsys, folder, verb):
    (folder / "old.json").write_text('{"schema": "dermbench.report/1"}')
    (folder / "other.json").write_text('{"schema": "dermbench.plan/1"}')
    for file, message in (
        ("old.json", "made by an older version of dermbench"),
        ("other.json", "'dermbench.report/2' is needed"),
        ("absent.json", "no such file"),
    ):
        code, out, err = run(monkeypatch, capsys, verb, folder / file)
        assert (code, out) == (2, "")
        assert message in err
        assert "Traceback" not in err


def test_a_standard_by_name(monkeypatch, capsys, folder):
    code, out, _ = run(monkeypatch, capsys, "dossier", folder, "--standard", "claim", "--standard", "claim")
    assert code == 0
    assert out.count("\n## ") == 1
    code, _, err = run(monkeypatch, capsys, "dossier", folder, "--standard", "stard")
    assert code == 2
    assert "unknown standard 'stard'; did you mean 'stard-ai'?" in err


def test_help_names_every_standard():
    from dermbench.reporting.documents.dossier import standard_names

    told = " ".join(CliRunner().invoke(cli.app, ["dossier", "--help"]).output.replace("│", " ").split())
    for name in standard_names():
        assert name in told
