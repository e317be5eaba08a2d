"""Requests in English that are for recordings, and the commands that carry them out.

A stream is what a request in English is for; to record one and to play a recording are commands of
their own. What says so stands at the ends: record … to FILE for an hour, replay FILE at 10x.
"""

import re
import shlex
from typing import NamedTuple

_UNITS = {"s": "s", "sec": "s", "second": "s", "m": "m", "min": "m", "minute": "m"}
_UNITS |= {"h": "h", "hr": "h", "hour": "h", "d": "d", "day": "d"}
_PLEASE = r"\s*(?:(?:please|can you|could you)\s+)*"
_FILE = r"[\"'`]?(?P<path>[^\s\"'`]+\.(?:jsonl|zst|ndjson))[\"'`]?"
_RECORD = re.compile(rf"{_PLEASE}(?:record|save|capture)\s+(?P<request>\S+\s.*)", re.I | re.S)
_INTO = re.compile(rf"[\s,]+(?:in)?to\s+(?:(?:a|the)\s+)?(?:file\s+)?{_FILE}", re.I)
_FOR = re.compile(
  r"[\s,]+for\s+(?:(?P<half>half\s+an?)|(?P<one>an?|one)|(?P<number>\d{1,6}))\s*"
  r"(?P<unit>s|sec|second|m|min|minute|h|hr|hour|d|day)s?\s*[.!?]*\s*$",
  re.I,
)
_REPLAY = re.compile(
  rf"{_PLEASE}(?:re-?play|play(?:\s+back|\s+again)?)\s+(?P<rest>.*)", re.I | re.S
)
_SPEED = re.compile(
  r"(?P<speed>\d{1,5}(?:\.\d{1,3})?)\s*(?:x\b|×|times\b)|(?P<most>\bmax\b|\bas fast as)", re.I
)


class RecordingRequest(NamedTuple):
  """What is to be recorded, as a request in English; the file, "" for none, and how long in the
  form of an option, "" for until it is stopped."""

  request: str
  path: str = ""
  duration: str = ""

  @property
  def command(self) -> str:
    """The command that records it."""
    into = f" -o {shlex.quote(self.path)}" if self.path else ""
    length = f" --duration {self.duration}" if self.duration else ""
    return f"bond record {shlex.quote(self.request)}{into}{length}"


def recording_request(text: str) -> RecordingRequest | None:
  """What a request to record something says; None for another one."""
  found = _RECORD.fullmatch(text)
  if found is None:
    return None
  request, path, duration = found["request"], "", ""
  # The file and the time may stand in either order, both at the end.
  for _ in range(2):
    if not duration and (length := _FOR.search(request)) is not None:
      duration, request = _duration(length), request[: length.start()]
    into = _INTO.search(request)
    if not path and into is not None and not request[into.end() :].strip(" .!?"):
      path, request = _named(into["path"]), request[: into.start()]
  return RecordingRequest(request.strip(), path, duration)


def replay_command(text: str) -> str | None:
  """The command that plays the recording which a request names; None where it names none."""
  found = _REPLAY.fullmatch(text)
  file = re.search(rf"(?:^|\s){_FILE}(?=[\s,.!?]|$)", found["rest"], re.I) if found else None
  if found is None or file is None:
    return None
  speed = _SPEED.search(found["rest"].replace(file["path"], " "))
  option = "" if speed is None else f" --speed {speed['speed'] or 'max'}"
  return f"bond replay {shlex.quote(file['path'])}{option}"


def _duration(found: re.Match[str]) -> str:
  unit = _UNITS[found["unit"].lower()]
  if found["half"]:
    return {"h": "30m", "m": "30s", "d": "12h"}.get(unit, f"1{unit}")
  return f"{found['number'] or 1}{unit}"


def _named(path: str) -> str:
  """A recording's name, which ends with .jsonl.zst."""
  base = re.sub(r"(?:\.jsonl|\.ndjson)?(?:\.zst)?$", "", path, flags=re.IGNORECASE)
  return f"{base}.jsonl.zst"
