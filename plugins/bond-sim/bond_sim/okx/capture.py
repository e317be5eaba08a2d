"""Recordings of OKX's messages: captures of cryptofeed, plain or gzip, and what
`bond record --raw` wrote.

Lines of `SECONDS: FRAME` for what was received on a socket, and `URL -> SECONDS: BODY` for
responses of "Get instruments"."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import attrs
import msgspec
from bond_simkit import SimulatorError

from bond_sim.market.capture_files import capture_lines, nanoseconds, unreadable

_FRAME = re.compile(rb"(\d+\.\d+): (\{.*\})")
_LISTING = re.compile(
  rb"https?://\S+/api/v5/public/instruments\?instType=\w+\S* -> [\d.]+: (\{.*\})"
)


class _Arg(msgspec.Struct):
  channel: str
  instId: str = ""  # noqa: N815 - the venue's name


class _OkxFrame(msgspec.Struct):
  arg: _Arg | None = None
  data: msgspec.Raw = msgspec.Raw()


_read_frame = msgspec.json.Decoder(_OkxFrame).decode


class OkxRecord(NamedTuple):
  """One recorded message, exactly as it was received; `topic` is its channel and symbol."""

  time_ns: int
  topic: str
  data: bytes


@attrs.define
class OkxCapture:
  """The contents of a recording: its topics with their numbers of frames, the first receive time in
  ns, and the instruments that were listed."""

  path: Path
  topics: Counter[str] = attrs.field(factory=Counter)
  first_ns: int = 0
  instruments: list[dict[str, Any]] = attrs.field(factory=list)


def scan(path: Path) -> OkxCapture:
  """The contents of a recording, from reading it through. Raises SimulatorError for a file that is
  not a recording."""
  capture = OkxCapture(path)
  for record in _records(path, capture):
    capture.first_ns = capture.first_ns or record.time_ns
    capture.topics[record.topic] += 1
  if not capture.topics and not capture.instruments:
    raise SimulatorError(
      f"{path} holds no messages of OKX; expected a capture of cryptofeed, with lines such as "
      '1652459225.70: {"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[…]}'
    )
  return capture


def records(path: Path) -> Iterator[OkxRecord]:
  """The records of a recording, in order."""
  return _records(path, OkxCapture(path))


def _records(path: Path, capture: OkxCapture) -> Iterator[OkxRecord]:
  """The records of a recording; `capture` gets the instruments of the lines that are not
  records."""
  for number, line in capture_lines(path, "okx"):
    try:
      if listed := _LISTING.fullmatch(line):
        capture.instruments += msgspec.json.decode(listed[1])["data"]
      elif timed := _FRAME.fullmatch(line):
        frame = _read_frame(timed[2])
        if frame.arg is not None and bytes(frame.data):
          topic = f"{frame.arg.channel} {frame.arg.instId}"
          yield OkxRecord(nanoseconds(timed[1]), topic, timed[2])
      elif b': {"arg"' in line:
        raise SimulatorError(f"{path}:{number}: the frame is cut short; remove the line")
    except (msgspec.DecodeError, KeyError) as error:
      raise unreadable(path, error) from error
