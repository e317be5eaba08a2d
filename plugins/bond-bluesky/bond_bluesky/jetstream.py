"""The one conversation with Jetstream, for all sources of the process. No I/O.

Jetstream has no search: it sends every post of the network, and each source's filter takes some.
After an outage the stream resumes at the next server.
"""

from collections.abc import Sequence
from urllib.parse import urlencode

from bond_social import SeenPosts, post_gap

from bond_bluesky.cursor import StreamCursor
from bond_bluesky.filters import PostFilter
from bond_bluesky.messages import COLLECTION, read_message, words_of
from bond_core import Batch, BondError, Refused
from bond_core.feeds import Handshake, Moment, own_words
from bond_core.sessions import Member, Session

OUTDATED = "OutdatedCursor"
"""What a server calls it that it no longer has all since the cursor."""


class Jetstream(Session[Handshake, bytes, bytes]):
  """Members are prepared with their PostFilter. `servers` are base URLs of WebSockets, used in
  turn."""

  resumes = True
  silence = 60.0
  """The network writes dozens of posts a second."""
  longest_silence = 3600.0
  """On a server of one's own, which may be quiet for long."""

  def __init__(self, servers: tuple[str, ...]) -> None:
    super().__init__()
    self._servers = servers
    self._turn = 0
    self._refusals = 0
    self._open = False
    self._heard = False
    self._cursor = StreamCursor()
    self._seen = SeenPosts()
    self.name = servers[0]

  def target(self, now: Moment) -> Handshake:
    """The server whose turn it is, from where the stream was interrupted."""
    query = [("wantedCollections", COLLECTION)]
    if (cursor := self._cursor.resume_at()) is not None:
      query.append(("cursor", str(cursor)))
    return Handshake(f"{self.name}/subscribe?{urlencode(query)}")

  def on_open(self, now: Moment) -> None:
    self._open, self._heard = True, False
    self._cursor.opened(now.ts_ms * 1000)
    for member in self.members:
      member.live()

  def on_join(self, member: Member, now: Moment) -> None:
    for reason in member.prepared.refused:
      member.refuse(reason)
    if self._open:
      member.live()

  def on_messages(self, messages: Sequence[bytes], now: Moment) -> None:
    self._heard = True
    batches: dict[Member, Batch] = {member: [] for member in self.members}
    filters: list[tuple[PostFilter, Batch]] = [(m.prepared, batches[m]) for m in batches]
    for data in messages:
      self._read(data, now.ts_ms, filters)
    for member, batch in batches.items():
      if batch:
        member.give(batch)

  def on_close(self, error: BondError, now: Moment) -> float | None:
    if self._open and not self._heard and len(self._servers) == 1:
      self.silence = min(2 * self.silence, self.longest_silence)
    self._open = False
    self._turn += 1
    self.name = self._servers[self._turn % len(self._servers)]
    self._refusals = self._refusals + 1 if isinstance(error, Refused) else 0
    # One server may refuse what another one takes.
    return 0.0 if 0 < self._refusals < len(self._servers) else None

  def _read(self, data: bytes, now_ms: int, filters: list[tuple[PostFilter, Batch]]) -> None:
    """Adds the events of a message to the batches of those whose filters take it."""
    try:
      message = read_message(data)
    except (ValueError, RecursionError):
      for _, batch in filters:
        batch.append(post_gap("bluesky", "a message could not be read", now_ms, now_ms, 1))
      return
    if message.notice is not None:
      if message.notice.startswith(OUTDATED):
        cause = f"the server says: {own_words(message.notice)}"
        for _, batch in filters:
          batch.append(post_gap("bluesky", cause, now_ms, now_ms))
      return
    if (missing := self._cursor.advance(message.time_us, now_ms * 1000)) is not None:
      cause = "the server no longer has what was written during an outage"
      for _, batch in filters:
        batch.append(post_gap("bluesky", cause, missing[0] // 1000, missing[1] // 1000))
    if message.record is None or not self._seen.add((message.did, message.rkey)):
      return
    words = words_of(message.record)
    for post_filter, batch in filters:
      batch += post_filter.posts(message, words)
