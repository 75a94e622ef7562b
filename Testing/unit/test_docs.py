"""The documentation against the tree: links, pictures, commands."""

from __future__ import annotations

import argparse
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from LungPNetLib import cli

ROOT = Path(__file__).resolve().parents[2]
MODULES = ("LungPNet", "LungSegment", "NoduleGrade", "SurvivalRisk")
PAGES = sorted(
    [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "Testing").rglob("*.md")]
)
PICTURES = sorted((ROOT / "docs" / "pictures").iterdir())
MOST_PICTURE_BYTES, MOST_WIDTH_PX = 300_000, 1400
VERBS_WITH_ACTIONS = ("config", "models")


def links(page: Path) -> list[str]:
    """Targets of the links and pictures of a page."""
    return re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """What the headings of a page are called in links to them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in links(page):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        place = (page.parent / path).resolve() if path else page
        assert place.exists(), target
        assert not anchor or anchor in anchors(place), target


def test_every_picture_is_shown() -> None:
    shown = {(page.parent / target).resolve() for page in PAGES for target in links(page)}
    assert set(PICTURES) - shown == set()


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_pictures_are_small(picture: Path) -> None:
    assert picture.suffix == ".png"
    assert picture.stat().st_size <= MOST_PICTURE_BYTES
    with Image.open(picture) as image:
        assert image.width <= MOST_WIDTH_PX


def test_pictures_of_the_extensions_index_exist() -> None:
    text = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    (addresses,) = re.findall(r'EXTENSION_SCREENSHOTURLS "([^"]+)"', text)
    for address in addresses.split():
        assert (ROOT / address.partition("/main/")[2]).is_file(), address


@pytest.mark.parametrize("module", MODULES)
def test_help_of_a_module_leads_to_its_page(module: str) -> None:
    entry = json.loads((ROOT / "Resources" / "LungPNet.json").read_text(encoding="utf-8"))
    text = (ROOT / module / f"{module}.py").read_text(encoding="utf-8")
    (page,) = re.findall(r'"(https://[^"]+\.md)"', text)
    assert page == f"{entry['scm_url']}/blob/{entry['scm_revision']}/docs/{module}.md"
    assert (ROOT / "docs" / f"{module}.md").is_file()


# Commands


def commands(page: Path) -> Iterator[list[str]]:
    """Every `lungpnet VERB ...` of a page, in code blocks and in running text."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    blocks = re.findall(r"^(?: {4}|\t)(.*)$", text, re.MULTILINE)
    fenced = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [*blocks, *"\n".join(fenced).splitlines(), *re.findall(r"`([^`]+)`", text)]
    for line in lines:
        words = shlex.split(line, comments=True) if re.match(r"\s*lungpnet ", line) else []
        if words[1:]:
            yield words[1:]
        if train := re.search(r"Scripts/train\.py\s+(\w.*)", line):
            yield ["train", *shlex.split(train[1], comments=True)]


def parser_of(verb: str) -> argparse.ArgumentParser:
    """The parser of one verb."""
    (verbs,) = (
        action
        for action in cli._parser()._actions
        if isinstance(action, argparse._SubParsersAction)
    )
    return verbs.choices[verb]


SHOWN = [(page.name, words) for page in PAGES for words in commands(page)]


def test_commands_are_found() -> None:
    assert {words[0] for _, words in SHOWN} >= {"analyze", "train", "phantom", "lungs", "view"}


@pytest.mark.parametrize(("page", "words"), SHOWN, ids=lambda value: str(value)[:60])
def test_commands_are_accepted(page: str, words: list[str]) -> None:
    verb, *rest = words
    if verb in ("ANY", "VERB"):
        return
    if verb == "--version":
        assert verb in cli._parser().format_help()
        return
    known = parser_of(verb).format_help()
    options = [word.partition("=")[0] for word in rest if word.startswith("--")]
    assert [option for option in options if option not in known] == []
    if verb in VERBS_WITH_ACTIONS and rest:
        assert rest[0] in known
    # A command that is whole, with its input and where it writes, is parsed as a person gives it.
    if "--out" in rest or "--manifest" in rest:
        cli._parser().parse_args(words)


def test_targets_of_make_exist() -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    named = {
        name
        for page in PAGES
        for name in re.findall(r"(?:^ {4}|`)make ([\w-]+)", page.read_text(encoding="utf-8"), re.M)
    }
    assert {"demo", "test", "screenshots"} <= named <= targets
