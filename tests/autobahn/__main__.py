"""The Autobahn test suite against Bond: python -m tests.autobahn.

Runs `wstest` of autobahntestsuite (https://github.com/crossbario/autobahn-testsuite), which needs
Python 2.7: its fuzzing client against the broker with an echo mounted, its fuzzing server against
the client that sources use. Prints how many cases ended how, and each that did not end OK. Exit
code 1 where a case failed or is missing, 0 where all stand or where there is no Python 2.7.
"""

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import trio

from tests.autobahn import client
from tests.autobahn.server import serving

BEHAVIORS = ("OK", "NON-STRICT", "INFORMATIONAL", "UNIMPLEMENTED", "FAILED")
# What else the suite says of a case: it was cut short, or how the connection was closed is wrong.
BAD = ("FAILED", "WRONG CODE", "UNCLEAN", "FAILED BY CLIENT", "MISSING")
SUITE = "autobahntestsuite==25.10.1"
ALL_CASES = 517
STARTED_WITHIN = 30.0
Index = dict[str, dict[str, str]]


def main() -> int:
  """Runs what the command line asks for; the exit code."""
  parser = argparse.ArgumentParser(prog="python -m tests.autobahn", description=__doc__)
  parser.add_argument("--side", choices=("both", "server", "client"), default="both")
  parser.add_argument("--cases", default="*", help='such as "1.*,6.4.*"; all unless told')
  parser.add_argument("--out", type=Path, help="folder for the suite's own report")
  arguments = parser.parse_args()
  wstest = find_wstest()
  if wstest is None:
    print(
      "Skipped: the Autobahn suite needs Python 2.7 and there is none here; put python2.7 on the "
      "PATH, or set BOND_WSTEST=/path/to/wstest."
    )
    return 0
  cases = arguments.cases.split(",")
  with tempfile.TemporaryDirectory() as temporary:
    out = (arguments.out or Path(temporary)).resolve()
    indexes: dict[str, Index] = {}
    if arguments.side != "client":
      indexes["server"] = trio.run(judge_server, wstest, cases, out / "server")
    if arguments.side != "server":
      indexes["client"] = trio.run(judge_client, wstest, cases, out / "client")
  expected = ALL_CASES if cases == ["*"] else None
  verdicts = [report(side, index, expected) for side, index in indexes.items()]
  return 0 if all(verdicts) else 1


def find_wstest() -> str | None:
  """The suite's command: from BOND_WSTEST, the PATH, or an environment made once for Python 2.7.
  None where there is no Python 2.7."""
  given = os.environ.get("BOND_WSTEST") or shutil.which("wstest")
  if given is not None:
    return given
  made = Path.home() / ".cache" / "bond" / "autobahn"
  wstest = made / "bin" / "wstest"
  if wstest.exists():
    return str(wstest)
  python = shutil.which("python2.7")
  # A version manager's stand-in is found even where its Python is not.
  if python is None or subprocess.run([python, "--version"], capture_output=True).returncode:
    return None
  tools = made.with_name("virtualenv")
  pip = [python, "-m", "pip", "install", "--quiet", "--target", str(tools), "virtualenv"]
  subprocess.run(pip, check=True)
  environment = os.environ | {"PYTHONPATH": str(tools)}
  subprocess.run([python, "-m", "virtualenv", "--quiet", str(made)], env=environment, check=True)
  subprocess.run([str(made / "bin" / "pip"), "install", "--quiet", SUITE], check=True)
  return str(wstest)


async def judge_server(wstest: str, cases: list[str], out: Path) -> Index:
  """What the suite's client says of the broker."""
  async with serving() as url:
    spec = _spec(out, cases, servers=[{"agent": "bond", "url": url}])
    with (out / "log").open("wb") as log:
      await trio.run_process([wstest, "-m", "fuzzingclient", "-s", spec], stdout=log, stderr=log)
  return _index(out)


async def judge_client(wstest: str, cases: list[str], out: Path) -> Index:
  """What the suite's server says of the client."""
  with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
  url = f"ws://127.0.0.1:{port}"
  command = [wstest, "-m", "fuzzingserver", "-u", "0", "-s", _spec(out, cases, url=url)]
  with (out / "log").open("wb") as log:
    process = await trio.lowlevel.open_process(command, stdout=log, stderr=log)
    try:
      await _started(port, process)
      await client.run_cases(url)
    finally:
      process.kill()
      with trio.CancelScope(shield=True):
        await process.wait()
  return _index(out)


async def _started(port: int, process: trio.Process) -> None:
  with trio.move_on_after(STARTED_WITHIN):
    while process.poll() is None:
      try:
        stream = await trio.open_tcp_stream("127.0.0.1", port)
      except OSError:
        await trio.sleep(0.1)
        continue
      await stream.aclose()
      return
  raise SystemExit(f"the suite's server did not start within {STARTED_WITHIN:g} s; see --out")


def _spec(out: Path, cases: list[str], **more: Any) -> str:
  out.mkdir(parents=True, exist_ok=True)
  spec = {"outdir": str(out), "cases": cases, "exclude-cases": [], "exclude-agent-cases": {}}
  path = out / "spec.json"
  path.write_text(json.dumps(spec | more))
  return str(path)


def _index(out: Path) -> Index:
  found = json.loads((out / "index.json").read_text())
  return next(iter(found.values()), {})


def report(side: str, index: Index, expected: int | None) -> bool:
  """Prints a side's table; whether nothing in it failed and nothing is missing."""
  behaviors = Counter(case["behavior"] for case in index.values())
  others = sorted(set(behaviors) - set(BEHAVIORS))
  counts = "  ".join(f"{behavior} {behaviors[behavior]}" for behavior in (*BEHAVIORS, *others))
  print(f"{side}: {len(index)} cases  {counts}")
  for behavior in (*BEHAVIORS[1:], *others):
    names = {name for name, case in index.items() if case["behavior"] == behavior}
    if names:
      print(f"  {behavior}: {_shown(names, set(index))}")
  failed = [
    name
    for name, case in index.items()
    if case["behavior"] in BAD or case["behaviorClose"] in BAD or case["behavior"] in others
  ]
  if failed:
    print(f"  failed, or closed wrongly: {' '.join(sorted(failed, key=_place))}")
  if expected is not None and len(index) != expected:
    print(f"  {expected} cases were expected")
    return False
  return bool(index) and not failed


def _shown(names: set[str], known: set[str]) -> str:
  """The names in order; a group of cases that is there as a whole is named as such: 12.*"""
  shown: list[str] = []
  for name in sorted(names, key=_place):
    group = name.partition(".")[0] + "."
    whole = all(other in names for other in known if other.startswith(group))
    if not whole:
      shown.append(name)
    elif f"{group}*" not in shown:
      shown.append(f"{group}*")
  return " ".join(shown)


def _place(name: str) -> list[int]:
  return [int(part) for part in name.split(".")]


if __name__ == "__main__":
  sys.exit(main())
