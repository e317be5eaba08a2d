"""docs/architecture.md: the rooms that it draws are those that there are."""

import re
from pathlib import Path

from tests.test_architecture import LIBRARIES, PLUGINS, PUBLIC

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
(PICTURE,) = re.findall(r"^```\n(.*?)^```", PAGE, re.S | re.M)
WORDS = set(re.findall(r"[\w.]+(?:-\w+)*", PICTURE))


def test_every_room_of_the_core_is_drawn():
  rooms = {f"bond_core.{path.parent.name}" for path in ROOT.glob("bond_core/_*/__init__.py")}
  assert rooms - WORDS == {"bond_core._cli"}
  assert {word for word in WORDS if word.startswith("bond_core._")} <= rooms


def test_every_public_module_and_every_library_is_drawn():
  modules = {name.rpartition(".")[2] for name in PUBLIC} - {"__main__"}
  assert modules - WORDS == set()
  assert {name.removeprefix("bond_") for name in LIBRARIES} - WORDS == set()


def test_every_plugin_is_drawn():
  assert {name.removeprefix("bond-") for name in PLUGINS} - WORDS == set()
