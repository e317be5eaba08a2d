"""Writes constraints.txt anew: every package that those of this repository need, with its version.

python -m tests.constraints             # the newest versions that fit
python -m tests.constraints --keep      # those that are there, and what is missing
python -m tests.constraints --hashes    # to standard output, with the hashes of the files

`make constraints` does the first. It needs uv, which comes with the group `lint`. What it writes
holds for every Python from 3.11 on and every platform. pip takes no hashes together with editable
packages, so constraints.txt has none; what --hashes writes is for an installation of the packages
alone, with `pip install --require-hashes --requirement`.
"""

import subprocess
import sys
import tomllib

from tests.packages import CORE, ROOT, packages

FILE = ROOT / "constraints.txt"
PYTHON = "3.11"
EDITABLES = "editables"
"""What hatchling needs beside itself for packages installed as they lie in their folders."""
HEAD = "# Versions that were tested together. The packages themselves declare ranges.\n"


def requirements() -> list[str]:
  """Returns what the packages need that are not of this repository: to be built, to run, for their
  tests and for lint."""
  folders = packages()
  found = {EDITABLES}
  for name, folder in folders.items():
    read = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    found.update(read["build-system"]["requires"])
    found.update(read["project"].get("dependencies", ()))
    for extra in read["project"].get("optional-dependencies", {}).values():
      found.update(extra)
    for group in ("test", "lint") if name == CORE else ("test",):
      found.update(read.get("dependency-groups", {}).get(group, ()))
  ours = tuple(folders)
  return sorted(line for line in found if not _is_of(line, ours))


def _is_of(line: str, names: tuple[str, ...]) -> bool:
  return any(
    line == name or line.startswith((f"{name}>", f"{name}[", f"{name}=")) for name in names
  )


def resolved(*, keep: bool = False, hashes: bool = False) -> str:
  """Returns the lines of a constraints file."""
  command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal", "-"]
  command += ["--python-version", PYTHON, "--no-header", "--no-annotate"]
  command += ["--constraints", str(FILE)] if keep else []
  command += ["--generate-hashes"] if hashes else []
  text = "\n".join(requirements())
  return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
  if "--hashes" in sys.argv:
    print(resolved(keep=True, hashes=True), end="")
  else:
    FILE.write_text(HEAD + resolved(keep="--keep" in sys.argv), encoding="utf-8")
