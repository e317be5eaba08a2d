"""Request targets: what a URL narrows /raw to, and what it says beside."""

import time

import pytest
from bond_broker.protocol.bad_request import BadRequest
from bond_broker.protocol.filters import Filter
from bond_broker.protocol.messages import error_message
from bond_broker.protocol.query import parse_target
from hypothesis import given, strategies as st
from wire_vectors import filter_fields, vectors

from bond_core._events import CHANNELS

EVERYTHING = Filter(frozenset(CHANNELS), deltas=True)


@pytest.mark.parametrize("vector", vectors("targets", "target"))
def test_a_target_means_this(vector):
  if "error" in vector:
    with pytest.raises(BadRequest) as caught:
      parse_target(vector["target"])
    assert str(caught.value) == vector["error"]
    return
  query = parse_target(vector["target"])
  assert query.path == vector["path"]
  assert filter_fields(query.filter, EVERYTHING) == vector["filter"]
  assert list(query.exchanges) == vector.get("exchanges", [])
  assert query.since == vector.get("from")
  assert query.policy == vector.get("policy", "auto")


SPELLINGS = [one for one in vectors("symbols", "spelling") if "error" not in one.values[0]]


@pytest.mark.parametrize("vector", SPELLINGS)
def test_a_spelling_is_the_same_symbol_as_in_a_message(vector):
  escaped = "".join(f"%{byte:02x}" for byte in vector["spelling"].encode())
  query = parse_target(f"/raw?symbol={escaped}")
  (want,) = query.filter.markets
  assert want[:3] == (vector["symbol"], vector["market_type"], vector["expiry"])


def test_too_many_parameters_are_refused():
  with pytest.raises(BadRequest, match="the query of the URL cannot be read"):
    parse_target("/raw?" + "a=1&" * 1001)


def test_too_many_names_are_refused():
  with pytest.raises(BadRequest, match="symbol has 1001 entries; up to 1000 are possible"):
    parse_target("/raw?symbol=" + "B," * 1001)


@given(
  st.one_of(
    st.text(max_size=60),
    st.text(alphabet="/[]:@?#%&=;,+*rawstemxchngyobl0f", max_size=40),
    st.builds(
      "{}{}?{}={}".format,
      st.sampled_from(["", "http://a", "ws://[::1]:8080", "//", "http:"]),
      st.sampled_from(["/raw", "/stream", "/ws/x", "/[", ""]),
      st.sampled_from(["exchange", "symbol", "channels", "from", "policy", "mode", "token"]),
      st.text(max_size=30),
    ),
  )
)
def test_no_target_raises_anything_but_bad_request_and_every_text_in_it_can_be_sent(target):
  try:
    query = parse_target(target)
  except BadRequest as exc:
    error_message(exc.code, exc.name, str(exc))
    return
  assert query.path.startswith("/")
  for text in (query.path, *query.exchanges, query.since or "", query.policy):
    text.encode()


@pytest.mark.parametrize(
  "target",
  [
    "/" * 16000,
    "/raw?" + "&" * 16000,
    "/raw?symbol=" + "%" * 16000,
    "/raw?a" + "=" * 16000,
    "/raw?symbol=" + "," * 16000,
    "/raw?exchange=" + "a,b," * 240,
    "http://" + "[" * 16000,
  ],
  ids=lambda target: target[:16],
)
def test_long_targets_are_read_in_no_time(target):
  started = time.process_time()
  try:
    parse_target(target)
  except BadRequest:
    pass
  assert time.process_time() - started < 0.2
