"""What a client's socket has not taken yet."""

import trio

MAX_WAITING_BYTES = 1024 * 1024
"""Answers and heartbeats that may wait for a client; one that leaves more does not read at all."""


class Unsent:
  """The rest of a write, and frames that wait behind it."""

  __slots__ = ("_waiting", "moved_at", "rest", "waiting_bytes")

  def __init__(self, rest: memoryview | None = None) -> None:
    self.rest = rest
    self.waiting_bytes = 0
    self.moved_at = trio.current_time()
    """When the socket last took something (trio's time)."""
    self._waiting: list[bytes] = []

  @property
  def overflows(self) -> bool:
    """Whether more waits than a client that reads at all would leave."""
    return self.waiting_bytes > MAX_WAITING_BYTES

  def put(self, frame: bytes, *, counted: bool = True) -> None:
    """One more frame in its turn. What a client has requested is not `counted`, however much."""
    self._waiting.append(frame)
    self.waiting_bytes += len(frame) if counted else 0

  def held(self, known: set[int]) -> int:
    """The bytes in memory because of it; a buffer among the `known` ids is another's already."""
    size = sum(map(len, self._waiting))
    if self.rest is not None and id(self.rest.obj) not in known:
      # What a part of it keeps is all of it.
      known.add(id(self.rest.obj))
      size += len(memoryview(self.rest.obj))
    return size

  def next(self) -> memoryview | None:
    """What is to be written next, if there is anything."""
    if self.rest is None and self._waiting:
      self.rest = memoryview(b"".join(self._waiting))
      self._waiting.clear()
      self.waiting_bytes = 0
    return self.rest

  def took(self, count: int) -> None:
    """The socket took so many bytes of what is next."""
    self.moved_at = trio.current_time()
    if self.rest is not None:
      self.rest = self.rest[count:] if count < len(self.rest) else None

  def stalled_for(self, now: float) -> float:
    """Seconds since the socket took something, while something is to be written."""
    return 0.0 if self.rest is None else now - self.moved_at
