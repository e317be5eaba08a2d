"""Times from outside in whole milliseconds: cut off and never rounded, from what is written."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, strategies as st

from bond_core import epoch_ms


@pytest.mark.parametrize(
  ("time", "per_second", "ms"),
  [
    (1_700_000_000, 1, 1_700_000_000_000),
    (1_700_000_000_123, 1_000, 1_700_000_000_123),
    (1_700_000_000_123_999, 1_000_000, 1_700_000_000_123),
    (1_700_000_000_123_999_999, 1_000_000_000, 1_700_000_000_123),
    (1_700_000_000.123, 1, 1_700_000_000_123),
    (1_700_000_000.1239, 1, 1_700_000_000_123),
    ("1700000000.1239999999999999999999999999999999", 1, 1_700_000_000_123),
    ("1700000000123.9", 1_000, 1_700_000_000_123),
    ("1.7e9", 1, 1_700_000_000_000),
    (datetime(2023, 11, 14, 22, 13, 20, 123_999, UTC), 1_000, 1_700_000_000_123),
    (datetime(2023, 11, 14, 22, 13, 20, 123_999), 1_000, 1_700_000_000_123),
    (
      datetime(2023, 11, 15, 7, 13, 20, 999_999, timezone(timedelta(hours=9))),
      1_000,
      1_700_000_000_999,
    ),
  ],
)
def test_what_is_less_than_a_millisecond_is_cut_off(time, per_second, ms):
  assert epoch_ms(time, per_second) == ms


@given(st.integers(0, 4_102_444_800_000_000))
def test_every_way_to_write_a_moment_gives_the_same_milliseconds(micros):
  seconds, rest = divmod(micros, 1_000_000)
  moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
  ways = [
    epoch_ms(micros, 1_000_000),
    epoch_ms(micros * 1000 + 999, 1_000_000_000),
    epoch_ms(f"{seconds}.{rest:06}", 1),
    epoch_ms(f"{micros // 1000}.{micros % 1000:03}"),
    epoch_ms(float(f"{seconds}.{rest:06}"), 1),
    epoch_ms(moment),
    epoch_ms(datetime.fromisoformat(moment.isoformat())),
  ]
  assert set(ways) == {micros // 1000}


@pytest.mark.parametrize("time", ["", "abc", "nan", "1e999999999", float("inf"), 10**50])
def test_what_is_no_time_is_refused(time):
  with pytest.raises(ValueError, match=r"no time|could not convert"):
    epoch_ms(time, 1)
