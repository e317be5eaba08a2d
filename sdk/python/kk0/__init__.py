"""Bond's live market data: `Stream` is an iterator over what a server sends; `frame`, `Locked` and
`walk` read recordings."""

from kk0.errors import Refused, StreamClosed, StreamError
from kk0.events import Event
from kk0.recordings import Fold, Locked, LookAhead, frame, walk
from kk0.stream import Stream

__all__ = [
  "Event",
  "Fold",
  "Locked",
  "LookAhead",
  "Refused",
  "Stream",
  "StreamClosed",
  "StreamError",
  "frame",
  "walk",
]
