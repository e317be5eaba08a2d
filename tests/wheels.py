"""What a user gets: wheels of every package, installed into an empty environment, in which every
command line of the documentation runs.

python -m tests.wheels [ARGUMENT of pytest …]
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.packages import ROOT, packages


def main(arguments: list[str]) -> int:
  """Returns the exit code of pytest. Raises CalledProcessError where building or installing
  fails."""
  with tempfile.TemporaryDirectory() as folder:
    wheels, empty = Path(folder) / "wheels", Path(folder) / "environment"
    programs = empty / "bin"
    pip = [sys.executable, "-m", "pip"]
    build = [*pip, "wheel", "--quiet", "--no-deps", "--wheel-dir", str(wheels)]
    _step("wheels are built", [*build, *map(str, packages().values())])
    _step("an environment is made", [sys.executable, "-m", "venv", str(empty)])
    pip = [str(programs / "python"), "-m", "pip"]
    built = sorted(map(str, wheels.glob("*.whl")))
    constraints = ["--constraint", str(ROOT / "constraints.txt")]
    _step("they are installed", [*pip, "install", "--quiet", *constraints, *built])
    return subprocess.run(
      [sys.executable, "-m", "pytest", "-m", "slow or not slow", "tests/commands", *arguments],
      cwd=ROOT,
      env=os.environ | {"BOND_PROGRAMS": str(programs)},
      check=False,
    ).returncode


def _step(what: str, command: list[str]) -> None:
  began = time.monotonic()
  # Outside of the repository, so that nothing of it is imported.
  subprocess.run(command, cwd=tempfile.gettempdir(), check=True)
  print(f"{what}: {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
  sys.exit(main(sys.argv[1:]))
