"""What a browser makes of the pages; ``nox -s browser`` installs what these tests need besides a browser."""

from __future__ import annotations

import shutil

import full
import pytest
from test_comparison import comparison
from test_html import hostile

from dermbench.artifacts.entry import Entry
from dermbench.leaderboard.board import Board
from dermbench.leaderboard.page import to_page
from dermbench.leaderboard.ranking import Ranked, Standings
from dermbench.reporting import to_html
from dermbench.reporting.pages.comparison_html import comparison_html

pytestmark = pytest.mark.browser

BROWSER = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome", "chrome") if (path := shutil.which(name))),
    None,
)
SIZES = {"wide": (1280, 800), "phone": (390, 844)}
OPEN = "document.querySelectorAll('details').forEach(item => item.open = true)"


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright, which drives the browser, is missing"
    )
    if BROWSER is None:
        pytest.skip("no Chromium on this machine to render the page in")
    with playwright.sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox", "--disable-gpu"])
        yield found
        found.close()


def board_page():
    """Return the page of a board of three entries; what they share is declared once."""
    facts = {"authors": "A", "licence": "MIT"}
    names = ("Mean of ten networks", "One network, 224 px, sampled by class and by skin type, seed 0", "Control")
    entries = tuple(
        Ranked(
            f"e{k}",
            Entry(schema="dermbench.entry/1", name=name, model=f"net {k}", **facts),
            full.report(),
            k,
            (k, 3),
        )
        for k, name in enumerate(names, start=1)
    )
    board = Board(
        schema="dermbench.board/1", task="toy", title="Toy", metric="macro_f1", note="What to know. " * 20
    )
    return to_page(board, Standings(entries, 0.0123, withdrawn=2))


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Return {name: path} of the pages to look at."""
    folder = tmp_path_factory.mktemp("pages")
    made = {
        "report": to_html(full.report()),
        "hostile": to_html(hostile()),
        "comparison": comparison_html(comparison()),
        "board": board_page(),
    }
    paths = {name: folder / f"{name}.html" for name in made}
    for name, text in made.items():
        paths[name].write_text(text, encoding="utf-8")
    return paths


@pytest.fixture(
    scope="module",
    params=[
        (name, *look)
        for name in ("report", "hostile", "comparison", "board")
        for look in (("light", "wide"), ("dark", "phone"))
    ],
    ids="-".join,
)
def opened(request, browser, pages):
    """Return a page as one browser window shows it, and the addresses that it asked for."""
    name, scheme, size = request.param
    width, height = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    tab, asked = context.new_page(), []
    tab.on("request", lambda item: asked.append(item.url))
    tab.goto(pages[name].as_uri())
    yield tab, asked, pages[name].as_uri()
    context.close()


def test_pages_request_nothing_and_do_not_overflow_sideways(opened):
    tab, asked, address = opened
    width = tab.viewport_size["width"]
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    tab.evaluate(OPEN)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert asked == [address]


def test_the_page_is_drawn(opened, tmp_path):
    tab, *_ = opened
    shot = tmp_path / "shot.png"
    tab.screenshot(path=shot)
    colours = pytest.importorskip("PIL.Image").open(shot).convert("L").histogram()
    paper = max(range(256), key=lambda shade: colours[shade])
    assert sum(n for shade, n in enumerate(colours) if abs(shade - paper) > 80) > 5_000, "the page is blank"


def test_axe_finds_nothing(opened):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is missing")
    tab, *_ = opened
    tab.evaluate(OPEN)
    found = axe.Axe().run(tab).response["violations"]
    assert [(item["id"], [node["html"] for node in item["nodes"]][:3]) for item in found] == []


def test_the_first_screen_has_answers_reading_and_metrics(browser, pages):
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    tab = context.new_page()
    tab.goto(pages["report"].as_uri())
    for part in (".answers", ".reading", ".cards"):
        box = tab.locator(part).bounding_box()
        assert box["y"] + box["height"] <= 800, part
    context.close()


def test_a_board_is_sorted_and_filtered_by_keyboard(browser, pages):
    context = browser.new_context()
    tab = context.new_page()
    tab.goto(pages["board"].as_uri())
    rows = tab.locator("table.sortable").first.locator("tbody tr:visible th")
    names = rows.all_inner_texts()
    tab.keyboard.press("Tab")
    tab.keyboard.type("seed 0")
    assert rows.all_inner_texts() == names[1:2]
    assert tab.get_by_role("status").inner_text() == "1 of 3 entries"
    tab.keyboard.press("Control+A")
    tab.keyboard.press("Delete")
    for _ in range(3):  # the box that scrolls, then the headings of rank and entry
        tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    assert rows.all_inner_texts() == sorted(names)
    tab.keyboard.press("Space")
    assert rows.all_inner_texts() == sorted(names, reverse=True)
    heading = tab.locator("table.sortable").first.locator("thead th").nth(1)
    assert heading.get_attribute("aria-sort") == "descending"
    context.close()


def test_a_link_of_the_contents_opens_its_tables(browser, pages):
    context = browser.new_context()
    tab = context.new_page()
    tab.goto(pages["report"].as_uri())
    tab.click("nav a[href='#tables-classes']")
    assert tab.evaluate("document.querySelector('#tables-classes').closest('details').open")
    context.close()


def test_a_printed_page_holds_the_answer_and_leaves_out_what_is_folded(browser, pages):
    context = browser.new_context()
    tab = context.new_page()
    tab.goto(pages["report"].as_uri())
    tab.emulate_media(media="print")
    assert tab.locator(".answers").is_visible()
    assert not tab.locator("details").first.is_visible()
    assert tab.get_by_text("Folded tables are not printed").is_visible()
    assert tab.pdf(format="A4").startswith(b"%PDF")
    context.close()
