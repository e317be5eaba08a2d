"""Counting: every refusal says what to do, and what is left is forgotten."""

import pytest
from bond_server.access.limits import ConnectionLimits, LimitReached, Seats, network_of
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule


def empty(seats):
  return (
    seats.connections == 0
    and seats.waiting == 0
    and not seats.by_address
    and not seats.by_principal
    and not seats.subscriptions
  )


def test_connections_in_all_are_limited():
  seats = Seats(ConnectionLimits(connections=2))
  with seats.enter("192.0.2.1"), seats.enter("192.0.2.2"):
    with pytest.raises(LimitReached, match="has its 2 connections; try again later") as error:
      seats.enter("192.0.2.3")
    assert (error.value.code, error.value.retry_after) == (4504, 5)
  assert empty(seats)
  seats.enter("192.0.2.3")


def test_one_address_takes_no_more_than_its_part():
  seats = Seats(ConnectionLimits(per_address=2))
  taken = [seats.enter("192.0.2.1") for _ in range(2)]
  with pytest.raises(LimitReached, match="2 connections from your address already"):
    seats.enter("::ffff:192.0.2.1")
  seats.enter("192.0.2.2")
  taken[0].leave()
  seats.enter("192.0.2.1")


def test_many_addresses_that_never_say_who_they_are_are_limited():
  seats = Seats(ConnectionLimits(waiting=2))
  first = seats.enter("192.0.2.1")
  seats.enter("192.0.2.2")
  with pytest.raises(LimitReached, match="too many connections are being opened") as error:
    seats.enter("192.0.2.3")
  assert error.value.retry_after == 1
  first.belongs_to("local")
  seats.enter("192.0.2.3")


def test_one_principal_takes_no_more_than_its_part():
  seats = Seats(ConnectionLimits(per_principal=1))
  one, other = seats.enter("192.0.2.1"), seats.enter("192.0.2.2")
  one.belongs_to("key:alice")
  one.belongs_to("key:alice")
  with pytest.raises(LimitReached, match="1 connections with these credentials already"):
    other.belongs_to("key:alice")
  other.belongs_to("key:bob")
  one.leave()
  seats.enter(None).belongs_to("key:alice")


def test_subscriptions_are_limited_over_all_connections_of_a_principal():
  seats = Seats(ConnectionLimits(subscriptions=5))
  one, other = seats.enter("192.0.2.1"), seats.enter("192.0.2.1")
  for seat in (one, other):
    seat.belongs_to("key:alice")
  one.subscribe(3)
  with pytest.raises(LimitReached, match="there can be 5 subscriptions with these credentials"):
    other.subscribe(3)
  assert other.subscribed == 0
  other.subscribe(2)
  one.unsubscribe(2)
  other.subscribe(2)
  one.leave()
  assert seats.subscriptions == {"key:alice": 4}


def test_a_caller_that_is_not_identified_cannot_subscribe():
  with pytest.raises(ValueError, match="belong to a principal"):
    Seats().enter(None).subscribe()


def test_a_refused_stranger_leaves_no_trace():
  seats = Seats(
    ConnectionLimits(connections=1, per_address=1, waiting=1, per_principal=1, subscriptions=1)
  )
  with seats.enter("192.0.2.1") as seat:
    seat.belongs_to("a")
    seat.subscribe()
    for number in range(100):
      with pytest.raises(LimitReached):
        seats.enter(f"198.51.100.{number}")
    assert len(seats.by_address) == 1
  assert empty(seats)
  seats = Seats(ConnectionLimits(waiting=1))
  seats.enter("192.0.2.1")
  for number in range(100):
    with pytest.raises(LimitReached):
      seats.enter(f"198.51.100.{number}")
  assert len(seats.by_address) == 1


def test_leaving_twice_gives_back_once():
  seats = Seats()
  seat = seats.enter("192.0.2.1")
  seats.enter("192.0.2.1")
  for _ in range(3):
    seat.leave()
  assert seats.connections == 1
  seat.belongs_to("late")
  assert not seats.by_principal


def test_zero_is_no_limit():
  free = ConnectionLimits(connections=0, waiting=0, per_address=0, per_principal=0, subscriptions=0)
  seats = Seats(free)
  for _ in range(3000):
    seat = seats.enter("192.0.2.1")
    seat.belongs_to("a")
    seat.subscribe(100)
  assert seats.connections == 3000


def test_a_negative_limit_is_refused():
  with pytest.raises(ValueError, match="per_address"):
    ConnectionLimits(per_address=-1)


@pytest.mark.parametrize(
  ("address", "network"),
  [
    (None, "unix"),
    ("192.0.2.1", "192.0.2.1"),
    ("::ffff:192.0.2.1", "192.0.2.1"),
    ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
    ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
    ("fe80::1%eth0", "fe80::/64"),
    ("::1", "::1"),
    ("not an address", "not an address"),
  ],
)
def test_one_address_is_one_ipv4_address_or_one_ipv6_network(address, network):
  assert network_of(address) == network


class Counting(RuleBasedStateMachine):
  """Any order of what connections do leaves the counts equal to a plain recount."""

  seats_taken = Bundle("seats_taken")

  def __init__(self):
    super().__init__()
    self.seats = Seats(ConnectionLimits(6, 3, 3, 3, 5))
    self.model = []

  @rule(target=seats_taken, address=st.sampled_from(["192.0.2.1", "192.0.2.2", None]))
  def enter(self, address):
    network = address or "unix"
    here = [row for row in self.model if row["network"] == network]
    waiting = [row for row in self.model if row["principal"] is None]
    full = len(self.model) >= 6 or len(here) >= 3 or len(waiting) >= 3
    try:
      seat = self.seats.enter(address)
    except LimitReached:
      assert full
      return None
    assert not full
    row = {"seat": seat, "network": network, "principal": None, "subscriptions": 0}
    self.model.append(row)
    return row

  @rule(row=seats_taken, name=st.sampled_from("ab"))
  def belongs(self, row, name):
    if row is None or row not in self.model:
      return
    others = [r for r in self.model if r["principal"] == name and r is not row]
    try:
      row["seat"].belongs_to(name)
    except LimitReached:
      assert len(others) >= 3
      return
    assert len(others) < 3
    if row["principal"] != name:
      row.update(principal=name, subscriptions=0)

  @rule(row=seats_taken, count=st.integers(1, 3))
  def subscribe(self, row, count):
    if row is None or row not in self.model or row["principal"] is None:
      return
    mine = sum(r["subscriptions"] for r in self.model if r["principal"] == row["principal"])
    try:
      row["seat"].subscribe(count)
    except LimitReached:
      assert mine + count > 5
      return
    assert mine + count <= 5
    row["subscriptions"] += count

  @rule(row=seats_taken, count=st.integers(1, 3))
  def unsubscribe(self, row, count):
    if row is None or row not in self.model:
      return
    row["seat"].unsubscribe(count)
    row["subscriptions"] = max(0, row["subscriptions"] - count)

  @rule(row=consumes(seats_taken))
  def leave(self, row):
    if row is None:
      return
    row["seat"].leave()
    self.model.remove(row)

  @invariant()
  def the_counts_are_right(self):
    seats, rows = self.seats, self.model
    assert seats.connections == len(rows)
    assert seats.waiting == sum(r["principal"] is None for r in rows)
    for counts, field in ((seats.by_address, "network"), (seats.by_principal, "principal")):
      names = [r[field] for r in rows if r[field] is not None]
      assert dict(counts) == {name: names.count(name) for name in names}
    for name, count in seats.subscriptions.items():
      assert count == sum(r["subscriptions"] for r in rows if r["principal"] == name) > 0


TestCounting = Counting.TestCase
