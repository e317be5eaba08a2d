"""Requests to record something or to play a recording: the answer is the command that does it."""

from collections.abc import Callable
from typing import Any

from bond_commandkit.recording_words import recording_request, replay_command

from bond_core import Reading
from bond_english.answering.rivals import STARTED


def about_recordings(text: str, read: Callable[[str], Reading]) -> Reading | None:
  """The answer to a request that names a recording or is to make one, None for any other. `read`
  reads what is to be recorded, which is offered as a stream, too."""
  if (command := replay_command(text)) is not None:
    reason = f"A recording is played by a command of its own: {command}"
    return Reading(
      outcome="reject", account=_numbered([_said(text, 0, len(text))]), questions=[reason]
    )
  requested = recording_request(text)
  if requested is None or recording_request(requested.request) is not None:
    # Each "record" more would be one more request to read.
    return None
  inner = read(requested.request)
  if inner.outcome not in STARTED or not inner.spec:
    return None
  first = text.index(requested.request)
  end = first + len(requested.request)
  inside = [_moved(entry, first) for entry in inner.account]
  question = f"To record is a command of its own: {requested.command}"
  return Reading(
    outcome="ask",
    account=_numbered([_said(text, 0, first), *inside, _said(text, end, len(text))]),
    questions=[question],
    offers=[{"question": question, "request": requested.request}],
    delivers=inner.delivers,
    remarks=inner.remarks,
  )


def _said(text: str, first: int, end: int) -> dict[str, Any]:
  """Words that say where something is recorded, or what plays it."""
  place = {"start": first, "end": end, "text": text[first:end]}
  return {**place, "slot": "refused", "value": "recording", "how": "exact", "shaped": []}


def _moved(entry: dict[str, Any], by: int) -> dict[str, Any]:
  """An entry of the account of a part of the text; no spec is there that it would shape."""
  at = {} if entry["start"] is None else {"start": entry["start"] + by, "end": entry["end"] + by}
  return {**entry, **at, "shaped": []}


def _numbered(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
  kept = [entry for entry in entries if entry["text"].strip() or entry["start"] is None]
  return [{**entry, "id": number} for number, entry in enumerate(kept)]
