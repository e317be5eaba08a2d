"""The transcripts of sdk/vectors, played by the Python client: what comes, what it says, what it
hands out. The JavaScript client plays the same."""

import json
from pathlib import Path

import pytest
from kk0 import Refused, session as session_module
from kk0.session import Session
from kk0.steps import Lost, Op, connect, receive, subscribe

VECTORS = Path(__file__).parents[2] / "vectors"
FIRST_WAIT = 0.5
SILENT_AFTER = 65.0
KINDS = {
  *("subscribe", "connect", "open", "fail", "send", "receive", "close", "pass", "drop", "wait"),
  *("renew", "event", "refused"),
}


def transcripts():
  for path in sorted(VECTORS.glob("*.json")):
    for vector in json.loads(path.read_text(encoding="utf-8")):
      if "python" not in vector.get("clients", ["python"]):
        continue
      for each in vector.get("each", [None]):
        name = f"{path.stem}: {vector['name']}"
        yield pytest.param(vector, each, id=name if "each" not in vector else f"{name}: {each!r}")


def filled(value, each):
  """A step with what stands for "$each" put in."""
  if isinstance(value, dict):
    return {key: filled(inner, each) for key, inner in value.items()}
  return each if value == "$each" else value


class Player:
  """A client as far as its next op, which a step answers."""

  def __init__(self, vector):
    self.session = Session(vector.get("url", "ws://h/stream"), first_wait=FIRST_WAIT)
    self.session.renews = vector.get("renews", False)
    self._flow = self._everything()
    self._op = None
    self._connected = False

  def _everything(self):
    yield from connect(self.session)
    while True:
      yield Op("event", (yield from receive(self.session, SILENT_AFTER)))

  def _go_on(self, result=None, lost=None):
    try:
      self._op = self._flow.throw(lost) if lost is not None else self._flow.send(result)
    except Refused as exc:
      self._op = Op("refused", exc)

  def _next(self, name):
    """The value of the next op, which has to be this one."""
    if self._op is None:
      self._go_on()
    if self._op.name == "drop" != name:
      # What the server has ended is dropped without a word.
      self._go_on()
    assert self._op.name == name, f"{self._op}, not {name}"
    return self._op.value

  def play(self, kind, value, reason):
    """One step."""
    match kind:
      case "subscribe":
        message = self.session.subscribe(
          **{"symbols": "*", "exchanges": "*", **value}  # as Stream.subscribe has it
        )
        if self._connected:
          self._flow = self._after(subscribe(self.session, message), self._flow, self._op)
          self._go_on()
      case "connect":
        assert self._next("connect") == value
      case "open":
        self._next("connect")
        self._connected = True
        self._go_on()
      case "fail":
        self._next("connect")
        self._go_on(lost=Lost(value, ""))
      case "send":
        has(json.loads(self._next("send")), value)
        self._go_on()
      case "receive":
        self._next("receive")
        self._go_on(value if isinstance(value, str) else json.dumps(value))
      case "event":
        has({"type": "window", **self._next("event")}, value)
        self._go_on()
      case "close":
        self._next("receive")
        self._connected = False
        self._go_on(lost=Lost(value, reason))
      case "pass":
        if self._next("receive") * 1000 <= value:
          self._go_on(lost=Lost(None, "silent"))
      case "drop":
        self._next("drop")
        self._go_on()
      case "wait":
        assert self._next("sleep") * 1000 == value
        self._go_on()
      case "renew":
        self._next("renew")
        self._go_on(value)
      case "refused":
        refused = self._next("refused")
        assert refused.code == value
        assert reason in ("", refused.reason)

  def ended(self):
    """Nothing is left over that no step has said."""
    if self._op is not None and self._op.name == "drop":
      self._go_on()
    waits = ("receive", "connect", "refused")
    assert self._op is None or self._op.name in waits, f"and then {self._op}"

  @staticmethod
  def _after(first, then, op):
    """Something of the user's, and then what went on meanwhile, at the op where it was."""
    yield from first
    while True:
      try:
        result = yield op
      except Lost as exc:
        op = then.throw(exc)
      else:
        op = then.send(result)


def has(message, wanted):
  """A message has these fields; those that are null may also not be there."""
  assert {key: message.get(key) for key in wanted} == wanted


@pytest.mark.parametrize(("vector", "each"), list(transcripts()))
def test_a_transcript_is_played_as_it_is_written(vector, each, monkeypatch):
  fraction = vector.get("random", 1)
  monkeypatch.setattr(
    session_module.random, "uniform", lambda low, high: low + fraction * (high - low)
  )
  player = Player(vector)
  for step in vector["steps"]:
    (kind, value), *more = filled(step, each).items()
    player.play(kind, value, dict(more).get("reason", ""))
  player.ended()


@pytest.mark.parametrize("path", sorted(VECTORS.glob("*.json")), ids=lambda path: path.stem)
def test_a_file_of_vectors_has_only_steps_that_there_are(path):
  vectors = json.loads(path.read_text(encoding="utf-8"))
  assert len({vector["name"] for vector in vectors}) == len(vectors)
  for vector in vectors:
    keys = {"name", "steps", "url", "each", "random", "renews", "buffer", "clients"}
    assert set(vector) <= keys
    assert {next(iter(step)) for step in vector["steps"]} <= KINDS
