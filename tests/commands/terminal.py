"""A terminal as a reader has it: a folder, a real shell, and commands that go on until Ctrl-C."""

import configparser
import os
import re
import signal
import subprocess
import time
import tomllib
from pathlib import Path

import attrs

WITHIN = 90.0
"""Seconds in which a command has ended, or has shown that it works."""

_SERVES = re.compile(r"\bbond (?:serve|sim)\b(?!.*(?:--print-config|--help))")
_GOES_ON = re.compile(
  r"\bbond (?:run|listen)\b(?!.*(?:--duration|replay\.yaml|fast\.yaml))|\bpython \w+\.py$"
)
_LOCAL = re.compile(
  r"(?:clock|drop|fast|replay)\.yaml|bond run -|--sim\b|--follow\b|--print-config"
)
"""Commands that go to no venue as they are."""

_PORT = re.compile(r"--port (\d+)")
_BROKER = re.compile(r"broker: wss?://[\d.]+:(\d+)")
_API = re.compile(r"api: https?://[\d.]+:(\d+)")
_SIMULATED = re.compile(r"is simulated at \S+:(\d+)")
_MADE = re.compile(r'"stream_id": ?"([^"]+)".*"ws_url": ?"([^"]+)"')


@attrs.frozen
class Typed:
  """A line that is at work, or was."""

  line: str
  process: "subprocess.Popen[bytes]"
  output: Path
  errors: Path
  target: Path | None

  def said(self) -> str:
    """Returns all that it has said so far."""
    texts = [path.read_text(errors="replace") for path in (self.output, self.errors)]
    return "\n".join(texts)

  def is_at_work(self) -> bool:
    """Whether it has shown what it goes on to do until Ctrl-C."""
    if _SERVES.search(self.line):
      text = self.said()
      signs = (_SIMULATED,) if "bond sim" in self.line else (_BROKER, _API)
      return all(sign.search(text) for sign in signs)
    return any(path.exists() and path.stat().st_size for path in (self.output, self.target) if path)

  def interrupt(self) -> None:
    """Ends it as Ctrl-C does: the shell and all that it started get the signal."""
    if self.process.poll() is None:
      os.killpg(self.process.pid, signal.SIGINT)

  def kill(self) -> None:
    """Leaves nothing of it."""
    if self.process.poll() is None:
      os.killpg(self.process.pid, signal.SIGKILL)
    self.process.wait()

  def check(self) -> None:
    """Raises AssertionError where it has not ended well."""
    text, code = self.said(), self.process.wait(WITHIN)
    # A program that has no ending of its own for Ctrl-C.
    if self.line.startswith("python ") and "KeyboardInterrupt" in text:
      return
    assert code == 0, f"{self.line}: exit code {code}: {text}"
    assert "Traceback" not in text, text


class Terminal:
  """`programs` is the folder that `bond` is taken from. Commands that go on are ended once they are
  at work, servers with the terminal. Venues are simulated, and each server has ports of its own,
  which stand for those that the lines name."""

  def __init__(self, folder: Path, programs: Path) -> None:
    self.folder = folder
    self._exported: list[str] = []
    self._ports: dict[str, str] = {}
    self._made: tuple[str, str] | None = None
    self._servers: list[Typed] = []
    self._count = 0
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BOND_")}
    self._environ = kept | {
      "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
      "BOND_PORT": "0",
      "BOND_API_PORT": "0",
      "BOND_API_KEYS": "a-key-of-the-reader",
      "BOND_DATA": str(folder / "data"),
      "KEY": "a-key-of-the-reader",
      "PYTHONUNBUFFERED": "1",
    }

  def close(self) -> None:
    """Ends the servers. Raises AssertionError where one does not end well."""
    servers, self._servers = self._servers, []
    try:
      for server in servers:
        server.interrupt()
      for server in servers:
        server.check()
    finally:
      for server in servers:
        server.kill()

  @property
  def serves(self) -> bool:
    """Whether there is a server for clients."""
    return "8000" in self._ports

  def write(self, name: str, text: str) -> None:
    """Writes a file that the reader is to write."""
    path = self.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(self.translated(text), encoding="utf-8")

  def install(self) -> None:
    """Stands for `pip install -e .`: Python finds the folder, and its entry points."""
    project = tomllib.loads((self.folder / "pyproject.toml").read_text())["project"]
    info = self.folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    said = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (info / "METADATA").write_text(said)
    points = configparser.ConfigParser()
    points.read_dict(project["entry-points"])
    with (info / "entry_points.txt").open("w") as file:
      points.write(file)
    self._environ["PYTHONPATH"] = str(self.folder)

  def python(self, program: str) -> str:
    """Runs a program of the page; see `type`."""
    self.write("program.py", program)
    return self.type("python program.py")

  def type(self, line: str) -> str:
    """Types a line and returns what it says. Raises AssertionError where it fails, or neither ends
    nor works in WITHIN seconds."""
    if line.startswith("export "):
      self._exported.append(line)
      return ""
    if _SERVES.search(line):
      self.close()  # A server has the folder for itself.
    self._count += 1
    output, errors = (self.folder / f".{kind}-{self._count}" for kind in ("output", "errors"))
    found = re.search(r"> (\S+)\s*$", line)
    with output.open("wb") as out, errors.open("wb") as err:
      process = subprocess.Popen(
        ["bash", "-o", "pipefail", "-c", "\n".join([*self._exported, self.translated(line)])],
        cwd=self.folder,
        env=self._environ,
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=err,
        start_new_session=True,
      )
    target = self.folder / found[1] if found else None
    typed = Typed(line, process, output, errors, target)
    try:
      self._watch(typed)
    except BaseException:
      typed.kill()
      raise
    text = typed.said()
    self._note(line, text)
    return text

  def _watch(self, typed: Typed) -> None:
    goes_on = _GOES_ON.search(typed.line) or _SERVES.search(typed.line)
    ends = time.monotonic() + WITHIN
    while typed.process.poll() is None:
      assert time.monotonic() < ends, f"{typed.line} does not end: {typed.said()}"
      if goes_on and typed.is_at_work():
        if _SERVES.search(typed.line):
          self._servers.append(typed)
          return
        typed.interrupt()
        goes_on = None
      time.sleep(0.05)
    typed.check()

  def _note(self, line: str, text: str) -> None:
    """Remembers the ports and the stream that a command names."""
    for usual, pattern in (("8080", _BROKER), ("8000", _API)):
      if found := pattern.search(text):
        self._ports[usual] = found[1]
    if (asked := _PORT.search(line)) and (found := _SIMULATED.search(text)):
      self._ports[asked[1]] = found[1]
    if found := _MADE.search(text):
      self._made = (found[1], found[2])
    if self.serves:
      api = f"http://127.0.0.1:{self._ports['8000']}"
      self._environ |= {
        "BOND_SERVER": api,
        "EKKO_API_URL": api,
        "KK0_STREAM_URL": f"ws://127.0.0.1:{self._ports['8080']}/stream",
      }

  def translated(self, text: str) -> str:
    """What a reader would write here, with the ports and the stream that there are."""
    text = re.sub(r"\b(bond sim \w+)\b(?!.*--port)", r"\1 --port 0", _PORT.sub("--port 0", text))
    if not _LOCAL.search(text):
      text = re.sub(r"\bbond (run|serve)\b", r"bond \1 --sim", text)
    for usual, port in self._ports.items():
      text = re.sub(rf"\b(localhost|127\.0\.0\.1):{usual}\b", f"127.0.0.1:{port}", text)
    if self.serves:
      text = text.replace("https://bond.example.com", self._environ["BOND_SERVER"])
    if self._made is not None:
      stream, url = self._made
      text = re.sub(r"ws://[\w.:]+/ws/…[^\"]*", url, text.replace("STREAM_ID", stream))
    return text
