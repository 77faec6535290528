"""Links between the pages of this repository lead somewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("crds", "deploy", "docs", "examples", "tests")
PAGES = sorted(
    [*ROOT.glob("*.md"), *(page for folder in FOLDERS for page in (ROOT / folder).rglob("*.md"))]
)
FENCED = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)|\b(?:href|src)=\"([^\"]+)\"")


def anchors(page: Path) -> set[str]:
    """Return what GitHub calls the headings of a page; a second one of a name gets a number."""
    found: set[str] = set()
    for heading in re.findall(r"^#{1,6} (.*)$", text(page), re.MULTILINE):
        shown = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        name = re.sub(r"[^\w -]", "", shown).strip().lower().replace(" ", "-")
        same = sum(1 for other in found if re.fullmatch(rf"{re.escape(name)}(-\d+)?", other))
        found.add(f"{name}-{same}" if name in found else name)
    return found


def text(page: Path) -> str:
    """Return a page without its blocks of code, in which nothing is a link or a heading."""
    return FENCED.sub("", page.read_text(encoding="utf-8"))


def dead_links(page: Path) -> list[str]:
    """Return the relative links of a page which lead nowhere."""
    dead = []
    for link in (first or second for first, second in LINK.findall(text(page))):
        if re.match(r"[a-z][a-z0-9+.-]*:", link):
            continue
        target, _, anchor = link.partition("#")
        file = (page.parent / target).resolve() if target else page
        there = file.exists() and file.is_relative_to(ROOT)
        if not there or (anchor and file.suffix == ".md" and anchor not in anchors(file)):
            dead.append(link)
    return dead


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_lead_to_a_file_and_a_heading(page: Path) -> None:
    assert dead_links(page) == []


def test_readme_leads_to_every_page_of_docs() -> None:
    linked = {first for first, _ in LINK.findall(text(ROOT / "README.md"))}
    pages = {str(page.relative_to(ROOT)) for page in (ROOT / "docs").glob("*.md")}
    assert pages - linked == set()


@pytest.mark.parametrize(
    ("link", "dead"),
    [
        pytest.param("there.md", False, id="a page beside it"),
        pytest.param("there.md#a-heading-of-it", False, id="a heading of another page"),
        pytest.param("#here", False, id="a heading of its own"),
        pytest.param("https://example.com/gone", False, id="other sites are not looked at"),
        pytest.param("gone.md", True, id="a page that is not there"),
        pytest.param("there.md#gone", True, id="a heading that is not there"),
        pytest.param("#code", True, id="a comment in a block of code is no heading"),
    ],
)
def test_a_dead_link_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, link: str, dead: bool
) -> None:
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    (tmp_path / "there.md").write_text("# There\n\n## A `heading`, of it\n", encoding="utf-8")
    page = tmp_path / "page.md"
    page.write_text(f"# Here\n\n```\n# code\n```\n\n[x]({link})\n", encoding="utf-8")
    assert dead_links(page) == ([link] if dead else [])
