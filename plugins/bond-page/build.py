"""Builds the page when a package of it is built: users of the wheel need no Node."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

HERE = Path(__file__).resolve().parent
BUILT = HERE / "bond_page" / "static" / "index.html"
# In an archive of sources the page is there already, and what it is built with is not.
TOOLS = HERE.parents[1] / "tests" / "javascript.py"


class PageHook(BuildHookInterface[Any]):
  """Has the page built, where this is a checkout with Node. Raises RuntimeError for a wheel that
  would have none; what is installed as it lies in its folder says so when it is served."""

  def initialize(self, version: str, build_data: dict[str, Any]) -> None:
    reason = _built() if TOOLS.exists() else None
    if reason is None and not BUILT.exists():
      reason = "the folder static is missing"
    needed = version != "editable" and not os.environ.get("BOND_WITHOUT_PAGE")
    if reason is not None and needed and not BUILT.exists():
      raise RuntimeError(f"the page is not built: {reason}; BOND_WITHOUT_PAGE=1 leaves it out")


def _built() -> str | None:
  """Builds what is not there or is old; why it could not be built, None where it was."""
  spec = importlib.util.spec_from_file_location("bond_page_build", TOOLS)
  assert spec is not None
  assert spec.loader is not None
  javascript = importlib.util.module_from_spec(spec)
  sys.modules[spec.name] = javascript
  spec.loader.exec_module(javascript)
  try:
    javascript.page()
  except (javascript.Unavailable, RuntimeError, subprocess.CalledProcessError) as exc:
    return str(exc)
  return None
