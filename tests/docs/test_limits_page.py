"""The defaults that docs/write-a-venue.md names are those of the code."""

from pathlib import Path

from bond_core.feeds import Limits

PAGE = (Path(__file__).parents[2] / "docs" / "write-a-venue.md").read_text(encoding="utf-8")


def test_the_defaults_of_limits():
  limits = Limits()
  (messages, each), (connects, seconds), (weight, period) = (
    limits.messages,
    limits.connects,
    limits.weight,
  )
  assert each == 1
  text = " ".join(PAGE.split())
  assert (
    f"{limits.subscriptions_per_connection} subscriptions a connection, "
    f"{limits.subscriptions_per_message} a message, {messages} messages a second, {connects} "
    f"connects in {seconds:g} s, a REST weight of {weight} in {period:g} s"
  ) in text
