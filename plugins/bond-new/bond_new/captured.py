"""What a capture adds to a package: the structs of its messages, the frames, and a test of both."""

from bisect import bisect_right
from itertools import accumulate

import msgspec

from bond_core import BondError
from bond_new.capture import Capture
from bond_new.structs import StructWriter, by_kind, camel, shape_of

MAX_FRAMES = 100
"""Frames of each kind that the test has."""
MAX_BYTES = 256 * 1024
"""Of each kind; one frame it has in any case."""
MAX_KINDS = 50

_MODULE = '''"""The messages that {name} holds, as `bond new` found them there.

Rename what is here, take away what you do not read, and write the venue's documents beside it:
{connections}"""

from typing import Any

import msgspec


{classes}

KINDS: dict[str, Any] = {{
{kinds}
}}
"""What a message of each kind is decoded as; the test has frames of each."""


def decoder(kind: str) -> "msgspec.json.Decoder[Any]":
  """Decodes messages of a kind. Numbers that come as text are read as numbers."""
  return msgspec.json.Decoder(KINDS[kind], strict=False)
'''

_TEST = '''"""Every frame that was captured is read."""

import json
from pathlib import Path

import pytest

from @module@.captured import KINDS, decoder

FRAMES = Path(__file__).parent / "frames.jsonl"
CAPTURED = [json.loads(line) for line in FRAMES.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("kind", KINDS)
def test_every_frame_of_a_kind_is_read(kind: str) -> None:
  frames = [entry["frame"] for entry in CAPTURED if entry["kind"] == kind]
  assert frames
  decode = decoder(kind).decode
  for frame in frames:
    assert decode(frame) is not None
'''


def captured_files(capture: Capture) -> dict[str, str]:
  """Returns the files, by their paths in the package. Raises BondError where a capture has too many
  kinds of messages."""
  kinds = by_kind(capture)
  if len(kinds) > MAX_KINDS:
    raise BondError(
      f"{capture.name} has {len(kinds)} kinds of messages, too many to write structs for; give a "
      "capture of fewer channels"
    )
  writer = StructWriter()
  annotations = {
    kind: writer.add(camel(kind) or "Message", shape_of([msgspec.json.decode(f) for f in frames]))
    for kind, frames in kinds.items()
  }
  lines = [
    msgspec.json.encode({"kind": kind, "frame": frame.decode("utf-8", "replace")}).decode()
    for kind, frames in kinds.items()
    for frame in _first(frames)
  ]
  connections = [f"- opened: {url}" for url in capture.urls[:20]]
  connections += [f"- sent: {text[:300].decode(errors='replace')}" for text in capture.sent[:20]]
  module = _MODULE.format(
    name=capture.name,
    connections="".join(f"{_in_docstring(line)}\n" for line in connections),
    classes="\n\n".join(writer.classes),
    kinds="\n".join(f'  "{_escaped(kind)}": {kind_of},' for kind, kind_of in annotations.items()),
  )
  return {
    "@module@/captured.py": module,
    "tests/frames.jsonl": "\n".join(lines) + "\n",
    "tests/test_captured.py": _TEST,
  }


def _first(frames: list[bytes]) -> list[bytes]:
  total = list(accumulate(len(frame) for frame in frames[:MAX_FRAMES]))
  return frames[: max(1, bisect_right(total, MAX_BYTES))]


def _in_docstring(text: str) -> str:
  return text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')


def _escaped(text: str) -> str:
  return text.replace("\\", "\\\\").replace('"', '\\"')
