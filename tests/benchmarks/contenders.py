"""The servers that are measured: Bond's broker and its peers, and how the peers are installed.

`python -m tests.benchmarks.contenders` installs what is missing into a folder of its own
(BOND_PEERS, or bond-peers in the user's cache): a virtual environment for the Python ones, and
node's ws. nats-server comes from the system (Debian: apt-get install nats-server), node too. A peer
that is not there is left out with a sentence.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from functools import cache
from pathlib import Path

import attrs

from tests.benchmarks import drain
from tests.benchmarks.servers import nats, offered

PACKAGES = ("uvloop", "websockets", "msgspec", "socketify")
INSTALL = "`python -m tests.benchmarks.contenders` installs it"
SERVERS = Path(__file__).with_name("servers")
TRADE = r'"size":(?P<stamp>[\d.]+),"side":"\w+","trade_id":"(?P<number>\d+)"'
"""How a trade of tests.benchmarks.servers.venue looks when it has come through."""


def folder() -> Path:
  """Where the peers are."""
  cache_home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
  return Path(os.environ.get("BOND_PEERS") or Path(cache_home) / "bond-peers")


@attrs.frozen
class Contender:
  """A server and how clients subscribe to topics on it. `missing` says why it is not here, None
  where it is."""

  command: tuple[str, ...]
  missing: Callable[[], str | None]
  subscribe: Callable[[list[str]], list[str]]
  """The messages with which a client asks for some topics; the load is published on "bench"."""
  filters: bool = False
  """Clients choose what they get; without, everybody gets everything."""
  path: str = "/"
  pattern: str = drain.PATTERN
  environment: dict[str, str] = attrs.field(factory=dict)


def _python() -> str:
  return str(folder() / "venv" / "bin" / "python")


@cache
def _imports(module: str) -> str | None:
  if not Path(_python()).exists():
    return f"not here: {INSTALL}"
  tried = subprocess.run([_python(), "-c", f"import {module}"], capture_output=True, text=True)
  if tried.returncode:
    told = tried.stderr.strip().splitlines()[-1]
    return f"not here: {module} cannot be imported ({told}); {INSTALL}"
  return None


def _node() -> str | None:
  if shutil.which("node") is None:
    return "not here: node is not installed"
  if not (folder() / "node_modules" / "ws").is_dir():
    return f"not here: {INSTALL}"
  return None


def _nats() -> str | None:
  if nats.find_server() is None:
    return "not here: nats-server is not installed (Debian: apt-get install nats-server)"
  return None


def _nats_subscribe(topics: list[str]) -> list[str]:
  lines = [f"SUB {topic} {number}\r\n" for number, topic in enumerate(topics, 1)]
  return ['CONNECT {"verbose":false}\r\n' + "".join(lines) + "PING\r\n"]


def _module(name: str, python: str) -> tuple[str, ...]:
  return (python, "-m", f"tests.benchmarks.servers.{name}")


def _bond() -> str | None:
  if importlib.util.find_spec("bond_broker") is None:
    return "not here: bond-broker is not installed (make install)"
  return None


def _bond_subscribe(topics: list[str]) -> list[str]:
  wanted = {"type": "subscribe", "channels": ["custom"], "symbols": [*map(offered.symbol, topics)]}
  return [json.dumps(wanted)]


def bond() -> Contender:
  """Bond's broker over a log in memory."""
  return Contender(
    _module("bond", sys.executable), _bond, _bond_subscribe, filters=True, path="/stream"
  )


def peers() -> dict[str, Contender]:
  """Every peer by name."""
  pace = (offered.SIZE, offered.FIRST, offered.TURN * 1000, offered.MAX_LATE * 1000)
  return {
    "uWebSockets": Contender(
      _module("uwebsockets", _python()),
      lambda: _imports("socketify"),
      lambda topics: [json.dumps(topics)],
      filters=True,
    ),
    "NATS websocket gateway": Contender(
      _module("nats", sys.executable), _nats, _nats_subscribe, filters=True
    ),
    "node ws": Contender(
      ("node", str(SERVERS / "node_ws.js"), *map(str, pace)),
      _node,
      lambda topics: [],
      environment={"NODE_PATH": str(folder() / "node_modules")},
    ),
    "websockets broadcast": Contender(
      _module("websockets_broadcast", _python()),
      lambda: _imports("uvloop, websockets"),
      lambda topics: [],
    ),
  }


def whole_path() -> dict[str, Contender]:
  """Servers that carry a venue's trades to everybody, by name: Bond with its log in memory and on
  disk, and what can be made of two libraries. Their command ends with the venue's port."""
  wanted = {"type": "subscribe", "channels": ["trades"], "symbols": ["BTC/USDT"]}
  on_disk = Contender(
    _module("bond_path", sys.executable),
    _bond,
    lambda topics: [json.dumps(wanted)],
    path="/stream",
    pattern=TRADE,
  )
  return {
    "bond": attrs.evolve(on_disk, command=(*on_disk.command, "--memory")),
    "bond, log on disk": on_disk,
    "node ws": Contender(
      ("node", str(SERVERS / "node_path.js")),
      _node,
      lambda topics: [],
      pattern=TRADE,
      environment={"NODE_PATH": str(folder() / "node_modules")},
    ),
    "websockets broadcast": Contender(
      _module("websockets_path", _python()),
      lambda: _imports("uvloop, websockets, msgspec"),
      lambda topics: [],
      pattern=TRADE,
    ),
  }


def install() -> None:
  """Installs what a package registry has."""
  home = folder()
  home.mkdir(parents=True, exist_ok=True)
  if not Path(_python()).exists():
    venv.create(home / "venv", with_pip=True)
  for package in PACKAGES:
    # One by one: socketify is not built for every machine, and must not take the others with it.
    done = subprocess.run([_python(), "-m", "pip", "install", "--quiet", package], check=False)
    print(f"{package}: {'installed' if done.returncode == 0 else 'could not be installed'}")
  if shutil.which("npm"):
    done = subprocess.run(["npm", "install", "--silent", "--prefix", str(home), "ws"], check=False)
    print(f"ws: {'installed' if done.returncode == 0 else 'could not be installed'}")
  for name, peer in peers().items():
    print(f"{name}: {peer.missing() or 'here'}")


if __name__ == "__main__":
  install()
