"""The forms of `from`."""

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from bond_broker.protocol.bad_request import BadRequest
from bond_broker.protocol.since import FORMS, AfterNumber, AtTime, parse_since
from hypothesis import given, strategies as st
from wire_vectors import vectors

NOW_MS = 1_795_440_600_000
"""2026-11-23T13:30:00Z"""


@pytest.mark.parametrize("vector", vectors("since", "from"))
def test_a_from_means_this_place(vector):
  if "error" in vector:
    with pytest.raises(BadRequest) as caught:
      parse_since(vector["from"], NOW_MS)
    assert caught.value.name == "bad_from"
    assert str(caught.value).endswith(f"; write {FORMS}")
    return
  if "time_ms" in vector:
    assert parse_since(vector["from"], NOW_MS) == AtTime(vector["time_ms"])
  else:
    expected = AfterNumber(vector["epoch"], vector["number"])
    assert parse_since(vector["from"], NOW_MS) == expected


def test_an_error_shows_no_more_of_a_long_value_than_tells_it():
  with pytest.raises(BadRequest) as caught:
    parse_since("x" * 5000, NOW_MS)
  assert str(caught.value).startswith(f"from is '{'x' * 37}…'; write now-60s")


@given(
  st.datetimes(datetime(1970, 1, 2), datetime(9000, 1, 1)),
  st.integers(-14 * 60, 14 * 60),
  st.sampled_from(["T", "t", " "]),
)
def test_every_time_of_rfc_3339_is_that_time(moment, offset, between):
  moment = moment.replace(tzinfo=timezone(timedelta(minutes=offset)))
  text = moment.isoformat(sep=between, timespec="milliseconds")
  at_ms = round(moment.replace(microsecond=moment.microsecond // 1000 * 1000).timestamp() * 1000)
  assert parse_since(text, NOW_MS) == AtTime(at_ms)
  utc = moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
  assert parse_since(utc, NOW_MS) == AtTime(at_ms)


@given(
  st.text(alphabet="0123456789abcdefABCDEF_-", min_size=1, max_size=64), st.integers(0, 10**17)
)
def test_every_place_is_read_back(epoch, number):
  assert parse_since(f"{epoch}:{number}", NOW_MS) == AfterNumber(epoch, number)


@given(
  st.one_of(
    st.text(max_size=80),
    st.text(alphabet="now-0123456789.smhdTZ:+ e", max_size=40),
    st.from_regex(r"\A\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[-+]\d\d:\d\d)?\Z"),
  )
)
def test_no_text_raises_anything_but_bad_request(text):
  try:
    place = parse_since(text, NOW_MS)
  except BadRequest:
    return
  assert (place.time_ms if isinstance(place, AtTime) else place.number) >= 0


@pytest.mark.parametrize(
  "text",
  [
    "9" * 60_000,
    "now-" + "9" * 60_000,
    "a" * 60_000 + ":",
    "2" * 60_000 + "-",
    " " * 60_000,
    "1:" * 30_000,
  ],
  ids=lambda text: text[:8],
)
def test_long_texts_are_refused_in_no_time(text):
  started = time.process_time()
  with pytest.raises(BadRequest):
    parse_since(text, NOW_MS)
  assert time.process_time() - started < 0.2
