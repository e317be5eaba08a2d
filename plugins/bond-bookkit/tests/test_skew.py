"""Skew: the least difference of the last minute or two."""

from bond_bookkit import Skew

MINUTE = 60_000


def skews(*samples):
  skew = Skew()
  found = []
  for ts, difference in samples:
    skew.add(ts, difference)
    found.append(skew.ms)
  return found


def test_there_is_none_before_the_first_sample():
  assert Skew().ms is None


def test_the_network_adds_to_it_so_the_least_counts():
  assert skews((0, 40), (1_000, 25), (2_000, 90)) == [40, 25, 25]


def test_a_sample_counts_until_the_next_minute_ends():
  assert skews((0, 25), (MINUTE, 40), (2 * MINUTE - 1, 50), (2 * MINUTE, 60)) == [25, 25, 25, 40]
