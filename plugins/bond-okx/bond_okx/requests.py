"""How channels are named in requests and messages, and requests."""

from bond_core.venues import Operation


def encode_request(operation: Operation, arguments: str, number: int) -> bytes:
  """A request to subscribe or unsubscribe."""
  return f'{{"id":"{number}","op":"{operation}","args":[{arguments}]}}'.encode()


def key_of(channel: str, field: str, of: str) -> str:
  """What names a channel of an instrument, or of a family, in its messages."""
  return f'{channel}","{field}":"{of}'


def argument_of(key: str) -> str:
  """A channel as requests have it."""
  return f'{{"channel":"{key}"}}'
