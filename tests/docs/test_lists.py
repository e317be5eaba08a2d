"""What is listed by hand is complete: packages, pages, decisions, and a file for each change."""

import re
from pathlib import Path

import pytest

from tests.packages import packages
from tests.test_architecture import LIBRARIES

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PLUGINS = {name for name, folder in packages().items() if folder.parent.name == "plugins"}
LIBRARY_NAMES = {module.replace("_", "-") for module in LIBRARIES}
CHANGES = sorted({*ROOT.glob("changes/*.md")} - {ROOT / "changes/README.md"})


def text_of(path):
  return path.read_text(encoding="utf-8")


def named(text):
  """The packages of plugins/ that a text names."""
  return set(re.findall(r"\bbond(?:-[a-z0-9]+)+\b", text)) & PLUGINS


def part(text, begin, end):
  found = re.search(rf"{re.escape(begin)}(.*?){re.escape(end)}", text, re.S)
  assert found, f"nothing stands between {begin!r} and {end!r}"
  return found[1]


def rows(text):
  """What the first column of tables names."""
  return set().union(*(named(line.split("|")[1]) for line in text.splitlines() if "|" in line))


def test_the_readme_names_every_component_and_every_library():
  text = text_of(ROOT / "README.md")
  assert rows(part(text, "| install | for |", "## Serving it")) | {"bond-builtin"} == (
    PLUGINS - LIBRARY_NAMES
  )
  assert rows(part(text, "| library | what it gives |", "Apache-2.0.")) == LIBRARY_NAMES


def test_the_index_of_the_documentation_names_every_component_and_every_library():
  text = text_of(DOCS / "README.md")
  assert named(part(text, "| what | packages |", "Libraries are")) == PLUGINS - LIBRARY_NAMES
  assert named(text.partition("Libraries are")[2]) == LIBRARY_NAMES


def test_the_index_of_the_documentation_names_every_page():
  pages = {path.name for path in DOCS.glob("*.md")} - {"README.md"}
  assert set(re.findall(r"\]\(([\w-]+\.md)\)", text_of(DOCS / "README.md"))) == pages


def test_the_index_of_decisions_names_every_page_by_its_title():
  text = text_of(DOCS / "decisions" / "README.md")
  lines = re.findall(r"^(\d+)\. \[(.+)\]\(([\w-]+\.md)\)$", text, re.M)
  index = {file: f"# {number}. {title}" for number, title, file in lines}
  pages = sorted(path for path in DOCS.glob("decisions/0*.md"))
  assert sorted(index) == [path.name for path in pages]
  for path in pages:
    assert text_of(path).splitlines()[0].startswith(index[path.name])


@pytest.mark.parametrize("name", sorted(PLUGINS))
def test_every_package_has_a_page_that_says_what_it_is(name):
  page = text_of(packages()[name] / "README.md")
  assert page.startswith(f"# {name}\n")
  assert ("library package" in page.lower() or "as a library" in page) == (name in LIBRARY_NAMES)


def test_each_change_says_its_package_and_kind():
  assert "PACKAGE.KIND.md" in text_of(ROOT / "changes/README.md")
  # Hundreds of them, so they are one test.
  wrong = {path.name: said for path in CHANGES if (said := wrong_with_change(path))}
  assert wrong == {}


def wrong_with_change(path):
  """What is wrong with an entry of the next changelog; an empty text where nothing is."""
  found = re.fullmatch(r"(.+?)\.(added|changed|fixed|removed)(\.\d+)?\.md", path.name)
  text = text_of(path).strip()
  if not found or found[1] not in packages():
    return "its name is PACKAGE.KIND.md; see changes/README.md"
  # It goes on behind "**PACKAGE**: ", and is one entry of a list.
  if not re.match(r"[a-z`{]", text) or "\n\n" in text:
    return "it is one entry of a list and begins with a small letter"
  # It ends up in CHANGELOG.md, where links begin at the root.
  lost = [name for name in re.findall(r"\]\(([^):#]+)", text) if not (ROOT / name).exists()]
  return f"links that lead nowhere: {lost}" if lost else ""
