"""The parts of the documentation site that need no mkdocs; ``nox -s docs`` builds the whole."""

import json
import re
import sys
from importlib import import_module

import pytest
import typer.main

import dermbench
from dermbench.cli import app


@pytest.fixture(scope="module", autouse=True)
def website(project_root):
    """Let the tests import the modules of docs/website."""
    folder = str(project_root / "docs" / "website")
    sys.path.insert(0, folder)
    yield
    sys.path.remove(folder)


def commands(group, words):
    for name, command in group.commands.items():
        yield f"{words} {name}", command
        if hasattr(command, "commands"):
            yield from commands(command, f"{words} {name}")


def test_every_verb_is_on_the_page_of_the_command_line_with_every_option_in_words():
    from reference_pages import command_line

    page = command_line()
    sections = dict(re.findall(r"^#+ `([^`]+)`\n(.*?)(?=^#|\Z)", page, re.MULTILINE | re.DOTALL))
    found = dict(commands(typer.main.get_command(app), "dermbench"))
    assert list(sections) == list(found)
    assert {"dermbench eval", "dermbench data prepare", "dermbench leaderboard init"} <= set(found)
    for words, command in found.items():
        for parameter in command.params:
            for option in (one for one in parameter.opts if one.startswith("--")):
                assert re.search(rf"^`[^`]*{option}\b[^`]*`\n:   \w", sections[words], re.MULTILINE), (
                    words,
                    option,
                )
    assert re.search(
        r"^`--resamples .*\n.*default: 9999; 99&lt;=x&lt;=1000000", sections["dermbench eval"], re.MULTILINE
    )


def test_every_public_name_is_on_the_page_of_python_once():
    from reference_pages import python

    shown = [path.rpartition(".") for path in re.findall(r"^::: ([\w.]+)$", python(), re.MULTILINE)]
    public = {name: getattr(dermbench, name) for name in dermbench.__all__ if name != "__version__"}
    assert sorted(name for _, _, name in shown) == sorted(public)
    assert all(vars(import_module(module))[name] is public[name] for module, _, name in shown)


def test_every_kind_of_plug_in_is_shown_by_the_module_that_defines_it(project_root):
    from reference_pages import find_kinds

    package = project_root / "dermbench"
    source = "\n".join(path.read_text(encoding="utf-8") for path in package.rglob("*.py"))
    groups = re.findall(r'Registry\(\s*"[^"]+", "(dermbench\.\w+)"', source)
    modules = {kind.group: kind.module for kind in find_kinds(package)}
    assert sorted(modules) == sorted(groups)
    assert modules["dermbench.methods"] == "dermbench.training.methods.base"
    assert modules["dermbench.predictors"] == "dermbench.training.predicting.predictor"
    assert modules["dermbench.metrics"] == "dermbench.evaluation.core.metric"
    assert modules["dermbench.tasks"] == "dermbench.tasks"


def test_every_record_with_a_schema_id_has_a_schema(project_root):
    from record_schemas import document, find_kinds, page

    source = "\n".join(path.read_text(encoding="utf-8") for path in (project_root / "dermbench").rglob("*.py"))
    kinds = find_kinds(project_root / "dermbench")
    assert sorted(kind.name for kind in kinds) == sorted(re.findall(r'Literal\["(dermbench\.\w+/\d+)"\]', source))
    for kind in kinds:
        assert re.search(rf"^\| `{kind.name}` \| \w.* \| \[{kind.file}\]", page(kinds), re.MULTILINE)
        assert json.loads(document(kind))["properties"]["schema"]["const"] == kind.name


def test_the_schema_of_a_report_has_the_keys_of_a_report(project_root):
    from record_schemas import find_kinds

    kinds = {kind.name: kind for kind in find_kinds(project_root / "dermbench")}
    reports = sorted(project_root.glob("leaderboards/*/entries/*/report.json"))
    for path in (reports[0], reports[-1]):
        schema = kinds["dermbench.report/2"].schema
        keys = set(json.loads(path.read_text(encoding="utf-8")))
        assert set(schema["required"]) <= keys <= set(schema["properties"])


PLACES = {
    "docs/concepts/gaps.md": "concepts/gaps.md",
    "docs/images/gap.svg": "images/gap.svg",
    "leaderboards/synthderm/README.md": "leaderboards/synthderm/README.md",
    "CHANGELOG.md": "CHANGELOG.md",
}


@pytest.mark.parametrize(
    ("link", "moved"),
    [
        ("[board](../../leaderboards/synthderm)", "[board](../leaderboards/synthderm/README.md)"),
        ("[new](../../CHANGELOG.md#v-1)", "[new](../CHANGELOG.md#v-1)"),
        ("![drawn](../images/gap.svg)", "![drawn](../images/gap.svg)"),
        ("[a [b] `c`](gaps.md)", "[a [b] `c`](gaps.md)"),
        ("[found.py](../../dermbench/found.py)", "`dermbench/found.py`"),
        ("[`dermbench/found.py`](../../dermbench/found.py)", "`dermbench/found.py`"),
        ("[the code](../../dermbench/found.py#L3)", "the code (`dermbench/found.py`)"),
        ("[below](#here), [site](https://example.org/a.md)", "[below](#here), [site](https://example.org/a.md)"),
        ("`[x](nothing.md)`", "`[x](nothing.md)`"),
        ("```\n[x](nothing.md)\n```", "```\n[x](nothing.md)\n```"),
    ],
)
def test_links_lead_to_the_place_on_the_site_or_show_the_path(link, moved):
    from site_text import move_links

    assert move_links(link, "docs/concepts/gaps.md", PLACES, lambda path: path == "dermbench/found.py") == moved


def test_a_link_from_outside_of_docs_leads_into_docs():
    from site_text import move_links

    moved = move_links("[gaps](docs/concepts/gaps.md)", "CHANGELOG.md", PLACES, lambda _: False)
    assert moved == "[gaps](concepts/gaps.md)"


def test_a_link_to_nothing_is_refused():
    from site_text import move_links

    with pytest.raises(ValueError, match=r"CHANGELOG\.md: the link to docs/away\.md leads to nothing"):
        move_links("[x](docs/away.md)", "CHANGELOG.md", PLACES, lambda _: False)


def test_every_page_of_the_repository_is_on_the_site(project_root):
    from site_files import find_files, is_page

    places = find_files(project_root)
    written = {path.relative_to(project_root).as_posix() for path in (project_root / "docs").rglob("*.md")}
    boards = {path.relative_to(project_root).as_posix() for path in project_root.glob("leaderboards/*/README.md")}
    assert written | boards | {"CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE.md"} <= set(places)
    assert "README.md" not in places
    assert not [place for place in places.values() if place.startswith("website/")]
    assert len(set(places.values())) == len(places)
    assert sum(map(is_page, places)) > len(written) + len(boards)


def leaves(menu):
    for item in menu:
        if isinstance(item, str):
            yield item
        else:
            for inner in item.values():
                yield from [inner] if isinstance(inner, str) else leaves(inner)


def test_the_menu_has_every_page_once_and_known_pages_first(project_root):
    from site_files import find_files, is_entry, is_page, make_menu, read_page

    places = find_files(project_root)
    pages = [
        read_page(place, (project_root / path).read_text(encoding="utf-8"))
        for path, place in places.items()
        if is_page(place) and not is_entry(place)
    ]
    new = [read_page("concepts/aa.md", "# A new page"), read_page("recipes/soup.md", "Soup")]
    menu = make_menu([*pages, *new])
    found = list(leaves(menu))
    assert sorted(found) == sorted(["results/index.md", *(page.path for page in [*pages, *new])])
    assert found[0] == "index.md"
    concepts = next(item["Concepts"] for item in menu if "Concepts" in item)
    assert list(leaves(concepts))[:2] == ["concepts/gaps.md", "concepts/methods.md"]
    assert {"A new page": "concepts/aa.md"} in concepts
    assert {"Recipes": [{"Soup": "recipes/soup.md"}]} in menu


def test_the_row_of_a_board_says_what_the_board_says(project_root):
    from results_page import results_page
    from site_files import read_page

    for path in sorted(project_root.glob("leaderboards/*/README.md")):
        place = path.relative_to(project_root).as_posix()
        board = json.loads((path.parent / "leaderboard.json").read_text(encoding="utf-8"))
        best = board["entries"][0]
        page = results_page([read_page(place, path.read_text(encoding="utf-8"))])
        (row,) = re.findall(r"^\| \[.*$", page, re.MULTILINE)
        title, images, classes, metric, entries = (cell.strip() for cell in row.strip("|").split(" | "))
        assert title == f"[{board['board']['title']}](../{place})"
        assert (int(images.replace(",", "")), int(classes)) == (best["n"], board["board"]["n_classes"])
        assert int(entries) == len(board["entries"])
        assert f"| {metric} (95 %) |" in path.read_text(encoding="utf-8")


def test_a_page_that_is_no_board_is_refused():
    from results_page import results_page
    from site_files import read_page

    with pytest.raises(ValueError, match="no such page of a board"):
        results_page([read_page("leaderboards/x/README.md", "# X\n\n## Ranking\n")])


def test_parts_are_counted_as_a_code_host_shows_them():
    from site_text import count_parts, read_as_code_host, slug

    assert read_as_code_host("Text:\n* a\n* b\n\n| a |\n|--|\n| b |\n") == count_parts(
        "<ul><li>a</li><li>b</li></ul><table></table>"
    )
    assert slug("95 % of `x`: A-B") == "95--of-x-a-b"


@pytest.mark.parametrize(
    ("word", "syllables"), [("gap", 1), ("site", 1), ("table", 2), ("classes", 2), ("disparity", 4), ("used", 1)]
)
def test_syllables(word, syllables):
    from reading_ease import syllables as count

    assert count(word) == syllables


def test_reading_ease_is_of_the_prose_alone():
    from reading_ease import prose, reading_ease, sentences

    page = "# Heading\n\nThe *cat* sat on [the mat](mat.md).\n* It ran\n* `code` slept\n\n```\nx y\n```\n| a |\n"
    assert sentences(prose(page)) == ["The cat sat on the mat.", "It ran.", "it slept."]
    assert reading_ease("The cat sat on the mat.") == pytest.approx(206.835 - 1.015 * 6 - 84.6)
    assert reading_ease("Statistical uncertainty necessitates circumspection.") < 0


def test_links_of_the_built_site_are_checked(tmp_path):
    from check_links import main, problems

    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "index.html").write_text("<h1 id='top'>b</h1>", encoding="utf-8")
    good = "<a href='b/#top'>b</a><a href='https://example.org'>x</a><a href='#here' id='here'>y</a>"
    (tmp_path / "a.html").write_text(good, encoding="utf-8")
    assert problems(tmp_path) == ([], 2, 1)
    assert main(str(tmp_path)) == 0
    bad = "<a href='c.html'></a><a href='b/#no'></a><a href='https://nowhere'></a><img src='https://example.org/x.png'>"
    (tmp_path / "a.html").write_text(bad, encoding="utf-8")
    broken, _, _ = problems(tmp_path)
    assert [line.split(" ", 2)[1:] for line in broken] == [
        ["c.html", "leads to no file"],
        ["b/#no", "leads to no section"],
        ["https://nowhere", "is no address"],
        ["https://example.org/x.png", "is opened by the page itself, which must ask for nothing elsewhere"],
    ]
    assert main(str(tmp_path)) == 1
