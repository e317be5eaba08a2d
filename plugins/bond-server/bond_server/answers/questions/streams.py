"""Streams: made, found, and what their events were made of."""

from typing import Any, Final

from bond_recordkit.errors import RecordingError
from bond_recordkit.lookup import read_position
from bond_recordkit.served import why_in_market, why_of_stream

from bond_core import Principal
from bond_server.answers.arguments import budget_of
from bond_server.answers.bounds import allow
from bond_server.answers.fitting import fit, note
from bond_server.answers.freshness import Freshness
from bond_server.answers.questions.common import Questions
from bond_server.answers.questions.heads import MAX_GAPS
from bond_server.answers.refused import QuestionRefused
from bond_server.answers.rows import gap_row, marked, quoted, row_of, tokens_of
from bond_server.making import StreamRefused

MAX_POSITION: Final = 100
MAX_EVENTS: Final = 500
"""Events of which a window was made that one answer lists."""


class StreamQuestions(Questions):
  """Making streams, and looking behind their events."""

  async def stream(
    self,
    caller: Principal,
    *,
    english: object = None,
    spec: object = None,
    confirm: bool = False,
    budget: object = None,
    host: str = "localhost",
  ) -> dict[str, Any]:
    """Makes a stream from plain English or from a spec, or finds the one that runs already; says
    what was understood, or what has to be said first."""
    self.allowances.call(caller.name)
    room = budget_of(budget)
    maker = self._server.maker
    if maker is None:
      raise QuestionRefused(503, "nothing in this process keeps streams; ask the control plane")
    if (english is None) == (spec is None):
      raise QuestionRefused(422, "give either english, a sentence, or spec")
    if caller.streams is not None or caller.reads_only:
      raise QuestionRefused(403, "these credentials read streams and cannot make any")
    try:
      made = await maker.make(
        caller.name,
        text=None if english is None else str(english),
        spec=spec if isinstance(spec, dict | str) else None,
        confirm=confirm is True,
        host=host,
      )
    except StreamRefused as exc:
      if not exc.asks:
        raise QuestionRefused(
          exc.status, "the stream was not made", quoted={"detail": str(exc), **exc.more}
        ) from exc
      answer = self._heads.of_market(Freshness(None, None, "stale"), "stream", None, [], None, ())
      answer["note"] = "Nothing was started: answer the questions, and ask again."
      return marked(
        {**answer, "started": False, "questions": exc.asks, **_account(exc.more, room // 2)}
      )
    stream_id = made["stream_id"]
    running = self._server.streams.get(stream_id)
    if running is None:
      raise QuestionRefused(503, "the stream ended at once; look it up with the control plane")
    head = self._heads.of_stream(running, None)
    note(head, "Read it with since, window or wait_until and this stream_id.")
    answer = {**head, "started": True, "new": made["new"], "stream_id": stream_id}
    answer["ws_url"] = made["ws_url"]
    return marked({**answer, **_account(made, room)})

  async def why(
    self, caller: Principal, position: object, *, budget: object = None
  ) -> dict[str, Any]:
    """What an event or a window was made of, as far as the logs reach: its events, losses in its
    time, the transforms, and whether computing it again gives the same."""
    self.allowances.call(caller.name)
    room = budget_of(budget)
    log, stream = self._server.log, None
    try:
      found = read_position(str(position)[:MAX_POSITION])
      if found.of in (None, log.epoch):
        if caller.bounds is not None:
          raise QuestionRefused(403, "this narrow token is not for the log of all events")
        allow(caller, (), (), None)
        self._check_ahead(f"{log.epoch}:{found.seq}", log)
        made = await why_in_market(log, found.seq)
      else:
        stream = self._stream(caller, found.of)
        self._check_ahead(f"{stream.log.epoch}:{found.seq}", stream.log)
        made = await why_of_stream(log, stream, found.seq)
    except RecordingError as exc:
      raise QuestionRefused(
        404, "there is nothing at this position any more, or never was", quoted={"detail": str(exc)}
      ) from exc
    told = made.as_data(0)
    if stream is None:
      head = self._heads.of_market(
        self._heads.of_sources([], made.event), "event", None, [], None, ()
      )
      head["note"] = "This is the past: its age says nothing of the market now."
    else:
      head = self._heads.of_stream(stream, None)
    head["gaps"] = [gap_row(gap) for gap in made.gaps][:MAX_GAPS]
    answer = {**head, "event": row_of(made.event), "made_by": quoted(told["made_by"])}
    answer |= {name: told[name] for name in ("count", "seqs", "equal", "late") if name in told}
    nodes = quoted(told["nodes"], 6)
    if tokens_of(nodes) < room // 3:
      # Settings are the words of whoever wrote the spec.
      answer["untrusted"] = {"nodes": nodes}
    fit(answer, "events", [row_of(event) for event in made.events[:MAX_EVENTS]], room)
    return marked(answer)


_LONG = ("account", "spec", "delivers", "remarks", "filters", "offers", "text")
"""What an answer that has to be short leaves out of what was understood, the longest first."""


def _account(made: dict[str, Any], room: int) -> dict[str, Any]:
  """What was understood of a text, the same object as everywhere, as far as it fits."""
  understood = made.get("understood")
  if not understood:
    return {}
  account = {
    key: [quoted(one, 8) for one in value] if isinstance(value, list) else quoted(value, 8)
    for key, value in understood.items()
  }
  for long in _LONG:
    if tokens_of(account) <= room:
      break
    account.pop(long, None)
  return {"understood": account}
