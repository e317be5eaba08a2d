"""Client messages: each vector is parsed as it says, and nothing else than an error comes of
what is no message."""

import json
import time

import msgspec
import pytest
from bond_broker.protocol.filters import Filter
from bond_broker.protocol.messages import ack, error_message, pong_message
from bond_broker.protocol.requests import (
  DEFAULT_CHANNELS,
  MAX_NESTING,
  Auth,
  BadRequest,
  Ping,
  Subscribe,
  Unsubscribe,
  parse_request,
)
from hypothesis import given, settings, strategies as st
from wire_vectors import filter_fields, vectors

from bond_core._instruments import Market

USUAL = Filter(frozenset(DEFAULT_CHANNELS))


def fields_of(request):
  """A request as vectors write it: what is not as if nothing had been said."""
  kind = type(request).__name__.lower()
  found = {"request": "subscriptions" if kind == "subscriptionlist" else kind}
  if isinstance(request, Ping):
    return {**found, "echo": request.echo}
  if isinstance(request, Auth):
    return {**found, "token": request.token}
  if isinstance(request, Subscribe | Unsubscribe):
    matched = request.filter
    found["filter"] = None if matched is None else filter_fields(matched, USUAL)
  if request.request_id is not None:
    found["id"] = request.request_id
  if isinstance(request, Subscribe):
    if request.since is not None:
      found["from"] = request.since
    if request.policy != "auto":
      found["policy"] = request.policy
  return found


@pytest.mark.parametrize("vector", vectors("requests"))
def test_a_message_means_this(vector):
  vector = dict(vector)
  vector.pop("name")
  sent = vector.pop("send")
  data = (sent if isinstance(sent, str) else json.dumps(sent, ensure_ascii=False)).encode()
  if "error" not in vector:
    request = parse_request(data)
    assert fields_of(request) == vector
    if not isinstance(request, Ping | Auth):
      assert request.received == json.loads(data)
    return
  with pytest.raises(BadRequest) as caught:
    parse_request(data)
  exc, expected = caught.value, vector["error"]
  start, unfrozen, end = expected["message"].partition("(…)")
  # What stands in brackets are the words of the JSON library.
  assert str(exc).startswith(start)
  assert str(exc).endswith(end)
  assert unfrozen or str(exc) == expected["message"]
  assert (exc.name, exc.code, exc.request_id) == (
    expected["name"],
    expected["code"],
    expected["id"],
  )
  assert not exc.retryable


@pytest.mark.parametrize("vector", vectors("symbols", "spelling"))
def test_a_spelling_is_this_symbol(vector):
  data = msgspec.json.encode({"type": "subscribe", "symbols": vector["spelling"]})
  if "error" in vector:
    with pytest.raises(BadRequest) as caught:
      parse_request(data)
    assert "write BASE/QUOTE such as BTC/USDT" in str(caught.value)
    return
  request = parse_request(data)
  (want,) = request.filter.markets
  assert want[:3] == (vector["symbol"], vector["market_type"], vector["expiry"])
  (market,) = request.markets
  assert market.symbol == vector["symbol"]
  # What acks list can be subscribed to again.
  again = parse_request(msgspec.json.encode({"type": "subscribe", "symbols": str(market)}))
  assert again.filter == request.filter


def test_markets_keep_the_order_in_which_they_were_named():
  data = b'{"type":"subscribe","symbols":["SOL","BTC/USDT:USDT","btcusdt","BTC"]}'
  expected = (Market("SOL", "USDT"), Market("BTC", "USDT", "perp", "USDT"), Market("BTC", "USDT"))
  assert parse_request(data).markets == expected


def test_too_many_names_are_refused():
  data = msgspec.json.encode({"type": "subscribe", "id": 1, "symbols": ["BTC"] * 1001})
  with pytest.raises(BadRequest, match="symbols has 1001 entries; up to 1000 are possible"):
    parse_request(data)


def test_a_token_does_not_show_itself():
  assert "secret" not in repr(parse_request(b'{"type":"auth","token":"secret"}'))


# Properties ------------------------------------------------------------------------------------

SCALARS = st.one_of(
  st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False)
)
TEXTS = st.one_of(
  st.text(max_size=12),
  st.sampled_from(
    ["*", "", "BTC/USDT", "btc", "trades", "price", "binance", "now-60s", "lossless"]
  ),
)
ANYTHING = st.recursive(
  SCALARS | TEXTS,
  lambda inner: (
    st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
  ),
  max_leaves=12,
)
FIELDS = st.sampled_from(
  [
    "channels",
    "symbols",
    "exchanges",
    "channel",
    "symbol",
    "exchange",
    "depth",
    "speed_ms",
    "raw",
    "compact",
    "deltas",
    "consolidated",
    "id",
    "from",
    "policy",
    "token",
    "other",
  ]
)
MESSAGES = st.builds(
  lambda kind, fields: {"type": kind, **fields},
  st.sampled_from(["subscribe", "unsubscribe", "subscriptions", "ping", "auth"]) | ANYTHING,
  st.dictionaries(FIELDS, ANYTHING, max_size=6),
)


def answered(data):
  """Parses, and writes the answer that a server would give."""
  try:
    request = parse_request(data)
  except BadRequest as exc:
    assert str(exc)
    assert 4000 <= exc.code <= 4999
    return error_message(exc.code, exc.name, str(exc), request_id=exc.request_id)
  if isinstance(request, Ping):
    return pong_message(request.echo)
  if isinstance(request, Auth):
    return b""
  return ack(
    "subscribed",
    received=request.received,
    request_id=request.request_id,
    subscriptions=[],
    rejected=[],
    epoch="e",
    seq=1,
    recovered=None,
  )


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_bad_request(data):
  answered(data)


@given(st.text(max_size=60))
def test_no_text_raises_anything_but_bad_request(text):
  answered(text.encode(errors="surrogatepass"))


@settings(max_examples=300)
@given(MESSAGES)
def test_no_json_raises_anything_but_bad_request_and_every_answer_can_be_written(message):
  answered(msgspec.json.encode(message))


@settings(max_examples=60)
@given(st.data())
def test_damaged_messages_raise_nothing_but_bad_request(data):
  whole = bytearray(b'{"type":"subscribe","channels":["trades"],"symbols":["BTC/USDT"],"id":1}')
  for _ in range(data.draw(st.integers(1, 4))):
    whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
  answered(bytes(whole))


@pytest.mark.parametrize(
  "data",
  [
    b"[" * 65_536,
    b'{"type":' * 8_000,
    b'{"type":"ping","a":' + b"[" * 30_000 + b"]" * 30_000 + b"}",
    b'{"type":"ping","a":' + b"[" * 900 + b"]" * 900 + b"}",
    b'{"type":"ping","a":[' + b"[]," * 20_000 + b"[]]}",
    b'{"type":"subscribe","symbols":[' + b'"BTC",' * 10_000 + b'"BTC"]}',
    b'{"type":"subscribe","symbols":"' + b"B" * 60_000 + b'"}',
    b'{"type":"subscribe","from":"now-' + b"9" * 60_000 + b's"}',
    b'{"type":"subscribe","depth":' + b"9" * 60_000 + b"}",
    b'{"type":"subscribe","depth":"' + b"9" * 60_000 + b'"}',
    b'{"type":"subscribe","id":' + b"9" * 4_000 + b"}",
    b'{"type":"subscribe","channels":["' + b'trades","' * 990 + b'trades"]}',
  ],
  ids=lambda data: data[:34].decode(),
)
def test_the_largest_messages_are_answered_in_no_time(data):
  started = time.process_time()
  answered(data)
  # Milliseconds in truth; what this finds is a square of the length.
  assert time.process_time() - started < 0.5


@pytest.mark.parametrize("depth", range(MAX_NESTING - 2, MAX_NESTING + 3))
def test_nesting_ends_at_one_depth_however_deep_it_is_read(depth):
  data = b'{"type":"ping","a":' + b"[" * (depth - 1) + b"1" + b"]" * (depth - 1) + b"}"
  if depth <= MAX_NESTING:
    assert isinstance(parse_request(data), Ping)
  else:
    with pytest.raises(BadRequest, match="nested deeper than 32 levels"):
      parse_request(data)
