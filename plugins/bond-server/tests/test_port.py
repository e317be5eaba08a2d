"""What a port says of the names that it is reached by."""

import pytest
from bond_server.access.port import rules_of


def test_a_refused_name_is_answered_with_the_option_that_lets_it_in():
  rules = rules_of("0.0.0.0", allow_option="--api-allow-host")
  status, reason = rules.refuse(["feed.example.com:8000"], [])
  assert status == 421
  assert reason.endswith("bond serve --api-allow-host feed.example.com")


def test_a_port_that_others_reach_says_by_which_names():
  names = rules_of("0.0.0.0", hosts=["feed.example.com"]).names
  assert "as 0.0.0.0, feed.example.com, and by no other name" in names
  assert names.endswith("with --allow-host")


@pytest.mark.parametrize(("host", "hosts"), [("127.0.0.1", []), ("::1", []), ("0.0.0.0", ["*"])])
def test_there_is_nothing_to_say_where_no_name_is_wrong_for_others(host, hosts):
  assert rules_of(host, hosts=hosts).names is None
