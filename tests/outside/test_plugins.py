"""A plugin that raises what ends a process, or does not come back: only its branch ends."""

import json
import os
import signal
import subprocess
import time

import pytest
import trio
from clients import client, hear, say
from hostile import installed
from serving import served
from venue import BOND

KINDS = ("exit", "keyboard", "generator", "unreadable", "base", "error")


def specs():
  """A spec for each component, place and kind of error."""
  good = {"use": "binance.trades", "with": {"symbols": ["BTC/USDT"]}}
  out = {"use": "broker.websocket", "from": "bad"}
  for kind in KINDS:
    yield {
      "name": f"source-{kind}",
      "sources": {"bad": _bad("source", kind)},
      "sinks": {"out": out},
    }
    for where in ("call", "next_timer", "on_timer"):
      yield {
        "name": f"transform-{where}-{kind}",
        "sources": {"good": good},
        "transforms": {"bad": {**_bad("transform", kind, where), "from": "good"}},
        "sinks": {"out": out},
      }
    for where in ("open", "write"):
      yield {
        "name": f"sink-{where}-{kind}",
        "sources": {"good": good},
        "sinks": {"bad": {**_bad("sink", kind, where), "from": "good"}},
      }


def _bad(component, kind, where="call"):
  return {"use": f"bad.{component}", "with": {"kind": kind, "where": where}}


async def test_whatever_a_plugin_raises_only_its_branch_ends(tmp_path):
  names = []
  for number, spec in enumerate(specs()):
    (tmp_path / f"{number}.yaml").write_text(json.dumps(spec))
    names.append(str(tmp_path / f"{number}.yaml"))
  async with served(*names, environ=installed(tmp_path).items()) as server:
    async with client(server.port) as socket:
      await say(socket, type="subscribe", channel="trades", symbol="BTC/USDT")
      for _ in range(30):
        await hear(socket, lambda message: message["type"] == "trade")
    # Restarts take their time until a branch is given up.
    await trio.sleep(3)
    async with client(server.port) as socket:
      await say(socket, type="ping")
      assert (await hear(socket))["type"] == "pong"
    assert server.process.poll() is None
  assert server.process.returncode == 0
  said = server.errors.decode()
  for kind in ("SystemExit", "KeyboardInterrupt", "GeneratorExit", "Unreadable", "ValueError"):
    assert kind in said
  assert "its text cannot be read" in said


@pytest.mark.parametrize("kind", KINDS)
async def test_whatever_a_plugin_raises_when_it_is_made_is_a_sentence(tmp_path, kind):
  spec = next(s for s in specs() if s["name"] == f"transform-call-{kind}")
  spec["transforms"]["bad"]["with"]["where"] = "make"
  (tmp_path / "spec.yaml").write_text(json.dumps(spec))
  done = await trio.run_process(
    [*BOND, "run", str(tmp_path / "spec.yaml"), "--sim"],
    check=False,
    capture_stderr=True,
    env=_environ(tmp_path),
  )
  assert done.returncode == 1
  assert b"make of bad.transform raised" in done.stderr
  assert b"Traceback" not in done.stderr


def _environ(folder):
  return os.environ | installed(folder)


@pytest.mark.parametrize("command", ["serve", pytest.param("run", marks=pytest.mark.slow)])
def test_an_endless_loop_does_not_keep_the_process_from_ending(tmp_path, command):
  spec = next(s for s in specs() if s["name"] == "transform-call-exit")
  spec["transforms"]["bad"]["with"]["where"] = "loop"
  (tmp_path / "spec.yaml").write_text(json.dumps(spec))
  more = ["--memory", "--port", "0", "--api-port", "0"] if command == "serve" else []
  process = subprocess.Popen(
    [*BOND, command, str(tmp_path / "spec.yaml"), "--sim", *more],
    stderr=subprocess.DEVNULL,
    env=_environ(tmp_path) | {"BAD_LOOPS": str(tmp_path / "loops")},
  )
  try:
    while not (tmp_path / "loops").exists():
      assert process.poll() is None
      time.sleep(0.1)
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(15) == 1
    assert time.monotonic() - began < 14
  finally:
    process.kill()
    process.wait()
