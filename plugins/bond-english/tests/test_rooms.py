"""The rooms of the package: each imports only from those before it, and no files in a circle."""

import ast
from pathlib import Path

import bond_english
import pytest

PACKAGE = Path(bond_english.__file__).parent
README = PACKAGE.parent / "README.md"
ROOMS = ["text", "words", "quantities", "reading", "clauses", "meaning", "building", "answering"]
"""In the order of a request, after the vocabulary."""
FILES = sorted(PACKAGE.rglob("*.py"))


def module_of(path):
  parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
  return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in FILES}


def imports(path):
  """The modules of this package that a file imports, anywhere in it and for type checkers, too."""
  found = set()
  for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
    if isinstance(node, ast.Import):
      names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
      assert node.level == 0, f"{path} imports relatively"
      whole = [f"{node.module}.{alias.name}" for alias in node.names]
      names = [name if name in MODULES else node.module for name in whole]
    else:
      continue
    found.update(name for name in names if name in MODULES)
  return found


def room_of(module):
  """The index of a module's room; the files beside the rooms come last."""
  parts = module.split(".")
  return ROOMS.index(parts[1]) if len(parts) > 1 and parts[1] in ROOMS else len(ROOMS)


def test_every_folder_is_a_room():
  assert sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py")) == sorted(ROOMS)
  for name in ROOMS:
    assert ast.get_docstring(ast.parse((PACKAGE / name / "__init__.py").read_text("utf-8")))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_imports_only_from_its_room_and_those_before(path):
  module = module_of(path)
  above = {other for other in imports(path) if room_of(other) > room_of(module)}
  assert above == set()


def test_no_files_import_each_other():
  graph = {module: imports(path) - {module} for module, path in MODULES.items()}
  done = set()
  while len(done) < len(graph):
    ready = {module for module, needs in graph.items() if module not in done and needs <= done}
    assert ready, f"a circle is among {sorted(graph.keys() - done)}"
    done |= ready


def test_imports_are_seen():
  """So that the tests above cannot pass by seeing none."""
  assert {"bond_english.meaning.request", "bond_english.text.chunks"} <= imports(
    PACKAGE / "meaning" / "kinds.py"
  )
  assert "bond_english.parsing" in imports(PACKAGE / "__init__.py")
  assert "bond_english.words.data" in imports(PACKAGE / "answering" / "questions.py")


def test_the_readme_names_every_room_and_only_files_that_exist():
  text = README.read_text(encoding="utf-8")
  for name in ROOMS:
    assert f"`{name}/`" in text
  named = [part for part in text.split("`")[1::2] if part.endswith((".py", ".txt"))]
  names = {path.name for path in [*FILES, *PACKAGE.rglob("*.txt"), *PACKAGE.parent.glob("*.py")]}
  assert named
  assert [name for name in named if name not in names] == []
