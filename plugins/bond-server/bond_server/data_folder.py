"""The folder for what outlasts a run: logs, a server's secret, the generations of its streams.

Servers of the venues and servers of simulators have a part of it each, and neither ever reads or
continues what the other stored.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal, TypeAlias

from bond_core import BondError
from bond_server.access.private_file import create_private, make_private_folder, read_private

Mode: TypeAlias = Literal["live", "simulated"]

NOTE: Final = "mode"
"""The file that says for which mode a folder is."""


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


def open_part(folder: Path, *, simulated: bool) -> Path:
  """The part of a data folder for a mode: the folder itself, or `simulated` in it. It is made where
  it is missing, and notes its mode. Raises BondError where it holds what the other mode stored, as
  when the part of one is named as the folder of the other."""
  mode: Mode = "simulated" if simulated else "live"
  part = folder / mode if simulated else folder
  make_private_folder(part)
  note = part / NOTE
  try:
    noted = (read_private(note) or create_private(note, f"{mode}\n".encode())).decode().strip()
  except OSError as exc:
    raise BondError(
      f"cannot write to {part}: {exc.strerror}; choose another folder with --data, or keep nothing "
      "with --memory"
    ) from None
  if noted != mode:
    other = "without --sim" if simulated else "with --sim"
    raise BondError(
      f"{part} is the folder of a server {other}: {note} says {noted!r}; choose another folder "
      "with --data, so that what was simulated never comes back as a venue's"
    )
  return part
