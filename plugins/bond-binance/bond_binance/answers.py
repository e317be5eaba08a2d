"""What a message means that does not begin as a combined stream's does: answers to requests,
errors, notices, payloads without their envelope."""

from bond_venuekit import request_number

from bond_binance.messages import Other, decode_other
from bond_binance.refusals import INVALID_SYMBOL
from bond_core.feeds import Expire
from bond_core.venues import Answer, Confirmed, Denied, TopicMessage, Unknown

# The stream that a payload without its envelope belongs to, by its event type.
_STREAMS = {
  "trade": "trade",
  "aggTrade": "aggTrade",
  "depthUpdate": "depth@100ms",
  "bookTicker": "bookTicker",
  "24hrTicker": "ticker",
  "markPriceUpdate": "markPrice@1s",
  "forceOrder": "forceOrder",
}


def read_answer(connection: int, frame: bytes) -> Answer:
  """What the message means. Raises UNREADABLE for one that cannot be decoded."""
  other = decode_other(frame)
  if "serverShutdown" in (other.event, (other.stream or "").removeprefix("!")):
    return Expire(connection, "Binance is about to shut this server down")
  if other.stream is not None:
    return TopicMessage(other.stream, _enveloped(bytes(other.data)))
  if other.id is not None or other.code is not None or other.error is not None:
    return _read_reply(other)
  if (name := _stream_of(other)) is not None:
    return TopicMessage(name, _enveloped(frame))
  return Unknown()


def _read_reply(other: Other) -> Answer:
  number = request_number(other.id)
  if other.error is not None:
    return _denied(number, other.error.code, other.error.msg)
  if other.code is not None:
    return _denied(number, other.code, other.msg)
  return Unknown() if number is None else Confirmed(number)


def _denied(number: int | None, code: int, msg: str) -> Denied:
  """A refusal: small codes are of wrong requests, -1121 of a wrong symbol; others pass."""
  return Denied(number, msg, passing=code not in (*range(5), INVALID_SYMBOL))


def _enveloped(data: bytes) -> bytes:
  return b'{"data":%b}' % data


def _stream_of(other: Other) -> str | None:
  """The stream that a payload without its envelope is of; spot's bookTicker has no event type."""
  if other.event == "kline" and other.bar is not None:
    return f"{other.symbol.lower()}@kline_{other.bar.interval}"
  if other.event == "forceOrder" and isinstance(other.order, dict):
    return f"{str(other.order.get('s', '')).lower()}@forceOrder"
  kind = _STREAMS.get(other.event)
  if kind is None and not other.event and other.symbol and other.number is not None:
    kind = "bookTicker"
  return None if kind is None else f"{other.symbol.lower()}@{kind}"
