"""Bond's live market data: `Stream` is an iterator over what a server sends."""

from kk0.errors import Refused, StreamClosed, StreamError
from kk0.events import Event
from kk0.stream import Stream

__all__ = ["Event", "Refused", "Stream", "StreamClosed", "StreamError"]
