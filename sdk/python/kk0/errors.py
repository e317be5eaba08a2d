"""Errors that end a stream. Others pass by themselves: the stream reconnects."""


class StreamError(Exception):
  """Base of the errors of a stream."""


class Refused(StreamError):
  """The server refuses for good: a wrong token, a wrong request, a
  limit. `code` is the close code or HTTP status, the text what to do."""

  def __init__(self, code: int, reason: str) -> None:
    super().__init__(f"{reason or 'the server gave no reason'} ({code})")
    self.code = code
    self.reason = reason


class StreamClosed(StreamError):
  """The stream was closed, and cannot be used any more."""
