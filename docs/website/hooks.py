"""What mkdocs does besides: adds files from outside of docs/, makes pages from the code, moves links.

mkdocs calls the functions that begin with ``on_``.
"""

from __future__ import annotations

import logging
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent))

import record_schemas
import reference_pages
from mkdocs.structure.files import File, InclusionLevel
from results_page import results_page
from site_files import HOMES, find_files, is_entry, is_page, make_menu, read_page
from site_text import count_parts, move_links, read_as_code_host, slug

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page
    from site_files import Page as Found

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "dermbench"
ROLE = re.compile(r":(?:attr|class|data|exc|func|meth|mod):(<code>)~?")
"""Role of a name in a docstring, such as ``:class:``, before the name."""
PLACES: dict[str, str] = {}
"""{path in the repository: path on the site} of this build."""
LOG = logging.getLogger("mkdocs.hooks.dermbench")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Give headings the anchors that a code host gives them."""
    config.mdx_configs.setdefault("toc", {})["slugify"] = slug
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the files from outside of docs/ and the pages made from the code; make the menu."""
    PLACES.clear()
    PLACES.update(find_files(ROOT))
    for path, place in PLACES.items():
        if files.get_file_from_path(place) is None:
            level = InclusionLevel.NOT_IN_NAV if is_entry(place) else InclusionLevel.UNDEFINED
            files.append(File.generated(config, place, abs_src_path=str(ROOT / path), inclusion=level))
    written = {
        place: (ROOT / path).read_text(encoding="utf-8") for path, place in PLACES.items() if is_page(place)
    }
    pages = [read_page(place, text) for place, text in written.items()]
    made = _make(pages)
    for place, text in made.items():
        files.append(File.generated(config, place, content=text))
    pages += [read_page(place, text) for place, text in made.items() if is_page(place)]
    config.nav = make_menu([page for page in pages if not is_entry(page.path)])
    return files


def _make(pages: list[Found]) -> dict[str, str]:
    """Return {path on the site: text} of what is made from the code and from other pages."""
    kinds = record_schemas.find_kinds(PACKAGE)
    return {
        "reference/cli.md": reference_pages.command_line(),
        "reference/python.md": reference_pages.python(),
        "reference/plug-ins.md": reference_pages.plug_ins(PACKAGE),
        "reference/json-schema.md": record_schemas.page(kinds),
        "results/index.md": results_page(pages),
    } | {f"reference/schema/{kind.file}": record_schemas.document(kind) for kind in kinds}


def on_page_markdown(text: str, page: Page, **_: object) -> str:
    """Move the links of a page of the repository; leave the reports of entries out of the search."""
    place = page.file.src_uri
    if place == "index.md":
        page.meta["hide"] = ["navigation"]
    source = next((path for path, other in PLACES.items() if other == place), None)
    if source is None:
        return text
    if is_entry(place):
        page.meta["search"] = {"exclude": True}
    try:
        return move_links(text, source, HOMES | PLACES, lambda path: (ROOT / path).exists())
    except ValueError as error:
        LOG.warning("%s", error)
        return text


def on_page_content(html: str, page: Page, **_: object) -> str:
    """Warn where the page shows other lists, tables or code than a code host would; mend empty table headings."""
    here, there = count_parts(html), read_as_code_host(page.markdown or "")
    if here != there and ":::" not in (page.markdown or ""):
        LOG.warning("%s: shown with %s, by a code host with %s", page.file.src_uri, here, there)
    html = re.sub(r"<th([^>]*)></th>", r"<td\1></td>", html)  # a heading without a word heads nothing
    return ROLE.sub(r"\1", html)
