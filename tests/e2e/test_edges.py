"""Every command where it cannot do its work, or is stopped: one sentence, no traceback, and an exit
code that says what happened."""

import os
import random
import re
import signal
import socket
import subprocess
import time
from contextlib import closing

import pytest
from own_terminal import on_a_terminal
from venue import BOND

CLOCK = "sources: {c: {use: clock.ticks, with: {seconds: 0.05}}}\n"
TO_FILE = CLOCK + "sinks: {k: {use: core.jsonl, from: c, with: {path: %s}}}\n"
HOME = {
  name: value
  for name, value in os.environ.items()
  if not name.startswith("BOND_") and name not in ("COLUMNS", "LINES")
}

FAULTS = re.compile(rb"Traceback|Exception ignored|ExceptionGroup|please report")


class Place:
  """A folder with specs, and what each command is given to do its work."""

  def __init__(self, folder):
    self.folder = folder
    self.clock = self.spec("clock", CLOCK)
    self.commands = {
      "check": ["check", self.clock],
      "explain": ["explain", "BTC price every 5s"],
      "help": ["--help"],
      "new": ["new", "source", "acme", "--into", str(folder / "new")],
      "plan": ["plan", self.clock],
      "plugins": ["plugins"],
      "run": ["run", self.clock, "--json", "--duration", "300ms"],
      "serve": ["serve", self.clock, "--memory", "--port", "0", "--api-port", "0"],
      "sim": ["sim", "binance", "--port", "0"],
      "token": ["token", "market", "--data", str(folder / "data")],
    }

  def spec(self, name, text):
    path = self.folder / f"{name}.yaml"
    path.write_text(text)
    return str(path)


@pytest.fixture
def place(tmp_path):
  return Place(tmp_path)


def bond(arguments, environ=HOME, **options):
  """What a command says on standard error, and its exit code."""
  options.setdefault("stdout", subprocess.PIPE)
  done = subprocess.run(
    [*BOND, *arguments],
    stderr=subprocess.PIPE,
    stdin=subprocess.DEVNULL,
    env=environ,
    timeout=120,
    check=False,
    **options,
  )
  assert not FAULTS.search(done.stderr), done.stderr.decode()
  return done.stderr.decode(), done.returncode


def last(said):
  return said.strip().splitlines()[-1]


PRINTING = ["check", "explain", "help", "new", "plan", "plugins", "token"]


@pytest.fixture
def taken():
  with closing(socket.create_server(("127.0.0.1", 0))) as server:
    yield str(server.getsockname()[1])


@pytest.mark.parametrize(
  ("arguments", "option"),
  [
    (["serve", "--memory", "--api-port", "0", "--port"], "--port"),
    (["serve", "--memory", "--port", "0", "--api-port"], "--api-port"),
    (["sim", "binance", "--port"], "--port"),
    (["sim", "geyser", "--port"], "--port"),
  ],
)
def test_a_port_that_is_taken_or_is_none_is_named_with_its_option(arguments, option, taken):
  said, code = bond([*arguments, taken])
  assert code == 1
  assert last(said).endswith(f"Address already in use; choose another {option}")
  said, code = bond([*arguments, "99999"])
  assert code == 2
  assert option in last(said)
  assert "65535" in last(said)


def test_an_address_that_this_machine_does_not_have_is_named_with_its_option():
  said, code = bond(["sim", "binance", "--port", "0", "--host", "203.0.113.9"])
  assert code == 1
  assert last(said).endswith("choose another --host")


@pytest.mark.parametrize("name", [*PRINTING, "run"])
def test_closed_standard_streams_are_as_if_nobody_read_them(name, place):
  _, code = bond(place.commands[name], stdout=None, preexec_fn=lambda: os.close(1))
  assert code == 0


@pytest.mark.parametrize("name", PRINTING)
def test_a_full_disk_on_standard_output_is_a_failure(name, place):
  with open("/dev/full", "w") as full:
    said, code = bond(place.commands[name], stdout=full)
  assert (last(said), code) == ("bond: No space left on device", 1)


@pytest.mark.parametrize("path", ["/dev/full", "/dev/null/events.jsonl"])
def test_a_run_whose_sink_cannot_write_has_failed(path, place):
  said, code = bond(["run", place.spec("to-file", TO_FILE % path), "--duration", "300ms"])
  assert code == 1
  assert last(said).startswith("failed: sinks.k: ")


def test_a_run_that_cannot_print_has_failed(place):
  with open("/dev/full", "w") as full:
    said, code = bond(place.commands["run"], stdout=full)
  assert code == 1
  assert "failed: sinks.print: " in said


@pytest.mark.parametrize("name", ["plugins", "run", "sim"])
def test_a_reader_that_has_what_it_came_for_ends_a_command_quietly(name, place):
  arguments = [argument for argument in place.commands[name] if argument != "300ms"]
  arguments += ["5s"] if name == "run" else []
  with subprocess.Popen(
    [*BOND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=HOME
  ) as process:
    process.stdout.readline()
    process.stdout.close()
    if name == "sim":
      process.send_signal(signal.SIGTERM)
    said = process.stderr.read()
  assert not FAULTS.search(said), said.decode()
  assert process.returncode in (0, 1)


@pytest.mark.parametrize("name", ["new", "run", "token"])
def test_no_home_is_needed(name, place):
  without = {key: value for key, value in HOME.items() if not key.startswith(("HOME", "XDG_"))}
  assert bond(place.commands[name], without)[1] == 0


@pytest.mark.parametrize(
  ("arguments", "code", "hint"),
  [
    (["serve", "--port", "0", "--api-port", "0", "--data", "/dev/null/x"], 2, "--data"),
    (["token", "market", "--data", "/dev/null/x"], 2, "--data"),
    (["new", "source", "acme", "--into", "/dev/null/x"], 1, "--into"),
    (["check", "/nowhere/x.yaml"], 2, "cannot read /nowhere/x.yaml"),
    (["plan", "/nowhere/x.yaml"], 2, "cannot read /nowhere/x.yaml"),
    (["run", "/nowhere/x.yaml"], 2, "cannot read /nowhere/x.yaml"),
    (["serve", "/nowhere/x.yaml"], 2, "cannot read /nowhere/x.yaml"),
    (["listen", "/nowhere/x.yaml"], 2, "cannot read /nowhere/x.yaml"),
    (["serve", "--config", "/nowhere/x.yaml"], 2, "/nowhere/x.yaml"),
    (["serve", "--memory", "--auth", "/nowhere/x.yaml"], 2, "/nowhere/x.yaml"),
    (["sim", "binance", "--port", "0", "--capture", "/nowhere/x.gz"], 2, "/nowhere/x.gz"),
    (["new", "venue", "acme", "--from-capture", "/nowhere/x.gz"], 2, "/nowhere/x.gz"),
    (["listen", "BTC price", "--server", "http://127.0.0.1:9"], 1, "http://127.0.0.1:9"),
    (["top", "--url", "http://127.0.0.1:9"], 1, "--url"),
    (["top", "--url", "127.0.0.1:8000"], 1, "127.0.0.1:8000"),
  ],
)
def test_what_is_not_there_is_named_with_the_option_to_change(arguments, code, hint):
  said, left = bond(arguments)
  assert (left, len(said.strip().splitlines())) == (code, 1), said
  assert hint in said


# Signals ------------------------------------------------------------------------------------------

LONG = ["run", "serve", "sim", "plugins", "explain"]
INTERRUPTED = {0, -signal.SIGINT, -signal.SIGTERM}


def begun(process):
  """Waits until the process is past Python's own start, in which nothing can be promised."""
  with open(f"/proc/{process.pid}/status") as status:
    deadline, seen, since = time.monotonic() + 20, False, None
    while (now := time.monotonic()) < deadline and process.poll() is None:
      status.seek(0)
      ignored, caught = (
        int(mask, 16) for mask in re.findall(r"Sig(?:Ign|Cgt):\s*(\w+)", status.read())
      )
      # Python ignores SIGPIPE, then catches SIGINT; then `bond` gives that back. A machine that is
      # busy may stop Python between the two, so what was not seen to be caught has to last.
      if caught & 1 << signal.SIGINT - 1:
        seen = True
      elif ignored & 1 << signal.SIGPIPE - 1:
        since = now if since is None else since
        if seen or now - since > 1.0:
          return
      time.sleep(0.002)


@pytest.mark.parametrize("name", LONG)
def test_ctrl_c_and_sigterm_at_any_moment_end_a_command_without_a_traceback(name, place):
  chance = random.Random(name)
  arguments = [word for word in place.commands[name] if word not in ("--duration", "300ms")]
  for number in [signal.SIGINT] * 5 + [signal.SIGTERM]:
    with subprocess.Popen(
      [*BOND, *arguments],
      stdout=subprocess.PIPE,
      stderr=subprocess.PIPE,
      env=HOME,
      # What a shell starts in the background ignores it, and so would this.
      preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
      begun(process)
      time.sleep(chance.uniform(0, 0.8))
      process.send_signal(number)
      try:
        _, said = process.communicate(timeout=120)
      finally:
        process.kill()
    assert not FAULTS.search(said), said.decode()
    assert process.returncode in INTERRUPTED


@pytest.mark.parametrize("name", ["run", "sim", "serve"])
def test_ctrl_c_on_a_terminal_ends_a_command_in_order(name, place):
  """The key as the terminal sends it, once the command says that it works."""
  arguments = [word for word in place.commands[name] if word not in ("--duration", "300ms")]
  screen, code = on_a_terminal(arguments, HOME, until=rb"count|127\.0\.0\.1:\d+", keys=b"\x03")
  assert not FAULTS.search(screen), screen.decode()
  assert code == 0


@pytest.mark.parametrize(
  "name", ["check", "explain", "listen", "new", "plan", "plugins", "run", "top"]
)
def test_help_fits_a_narrow_terminal(name):
  screen, code = on_a_terminal([name, "--help"], HOME, columns=60)
  assert code == 0
  lines = re.sub(rb"\x1b\[[\d;?]*[a-zA-Z]", b"", screen).decode().splitlines()
  # Commands to copy stay whole.
  assert [line for line in lines if len(line) > 60 and not line.startswith("  bond ")] == []
