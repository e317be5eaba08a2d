"""Requests in English that are for recordings, and the commands that carry them out.

A stream is what a request in English is for; to record one and to play a recording are commands of
their own. What says so stands at the ends: record … to FILE for an hour, replay FILE at 10x.
"""

import re
import shlex
from typing import NamedTuple

_NUMBERS = {"a": "1", "an": "1", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5"}
_NUMBERS |= {"six": "6", "eight": "8", "ten": "10", "twelve": "12", "twenty": "20", "thirty": "30"}
_PLEASE = r"\s*(?:(?:please|can you|could you)\s+)*"
_FILE = r"[\"'`]?(?P<path>[^\s\"'`]+\.(?:jsonl|zst|ndjson))[\"'`]?"
_RECORD = re.compile(rf"{_PLEASE}(?:record|save|capture)\s+(?P<request>\S+\s.*)", re.I | re.S)
_INTO = re.compile(rf"[\s,]+(?:in)?to\s+(?:(?:a|the)\s+)?(?:file\s+)?{_FILE}", re.I)
_FOR = re.compile(
  rf"[\s,]+for\s+(?P<half>half\s+)?(?P<number>\d{{1,6}}(?:\.\d{{1,3}})?|{'|'.join(_NUMBERS)})\s*"
  r"(?P<unit>s|sec|second|m|min|minute|h|hr|hour|d|day)s?(?:\s+please)?\s*[.!?]*\s*$",
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
  number = _NUMBERS.get(found["number"].lower(), found["number"])
  # Each unit is the first letter of its words.
  unit = found["unit"][0].lower()
  return f"{float(number) / 2:g}{unit}" if found["half"] else f"{number}{unit}"


def _named(path: str) -> str:
  """A recording's name, which ends with .jsonl.zst."""
  base = re.sub(r"(?:\.jsonl|\.ndjson)?(?:\.zst)?$", "", path, flags=re.IGNORECASE)
  return f"{base}.jsonl.zst"
