"""The folder for what outlasts a run: logs, a server's secret, the generations of its streams."""

import os
from collections.abc import Mapping
from pathlib import Path


def data_folder(given: str | Path | None = None, environ: Mapping[str, str] | None = None) -> Path:
  """The folder that was named (--data), else BOND_DATA, else `bond` in XDG_DATA_HOME, which is
  ~/.local/share where it is not set. It need not exist yet."""
  environ = os.environ if environ is None else environ
  named = str(given) if given else environ.get("BOND_DATA")
  if named:
    return Path(named).expanduser().absolute()
  # The XDG Base Directory Specification: a relative path is to be ignored.
  home = environ.get("XDG_DATA_HOME", "")
  base = Path(home) if os.path.isabs(home) else Path.home() / ".local" / "share"
  return base / "bond"
