"""What a session says and understands, without a socket."""

import asyncio
import json

import pytest
from kk0 import Refused
from kk0.drivers import AsyncioDriver, ThreadDriver
from kk0.session import Session
from kk0.steps import receive

URL = "ws://localhost:8080/stream"


def ack(number, seq, epoch="e" * 16, recovered=None):
  message = {"type": "system", "status": "subscribed", "id": number, "epoch": epoch, "seq": seq}
  return json.dumps({**message, "recovered": recovered, "rejected": []})


def subscribed(session, **more):
  return json.loads(session.subscribe(["trades"], ["BTC/USDT"], "*", **more))


def test_a_subscription_goes_on_after_the_last_number_that_came():
  session = Session(URL)
  assert "from" not in subscribed(session)
  session.take(ack(0, 10))
  session.take('{"type":"trade","seq_internal":15}')
  session.take('{"type":"live","seq":14}')
  (again,) = map(json.loads, session.connected())
  assert again["from"] == f"{'e' * 16}:15"


def test_numbers_move_only_what_was_acknowledged_on_this_connection():
  session = Session(URL)
  subscribed(session)
  subscribed(session)
  session.take(ack(0, 10))
  session.take(ack(1, 12))
  session.connected()
  session.take(ack(0, 12, recovered=True))
  session.take('{"type":"trade","seq_internal":20}')
  first, second = map(json.loads, session.connected())
  assert (first["from"], second["from"]) == (f"{'e' * 16}:20", f"{'e' * 16}:12")


def test_one_that_was_never_acknowledged_is_sent_again_unchanged():
  session = Session(URL)
  first = subscribed(session, **{"from": "now-1m"})
  (again,) = map(json.loads, session.connected())
  assert again == first


def test_without_acks_heartbeats_tell_where_a_reader_is():
  session = Session("ws://h/ws/0123456789abcdef?token=x&from=now-1m")
  assert session.subscribe(["trades"], "*", "*") is None
  session.take('{"type":"heartbeat","info":{"seq":4,"epoch":"abc"}}')
  session.take('{"seq":9,"price_avg":1.0}')
  assert session.url() == "ws://h/ws/0123456789abcdef?token=x&from=abc%3A9"


@pytest.mark.parametrize("code", [1003, 1009, 4500, 4501, 4504, 403, 404])
def test_what_another_try_does_not_help_against_is_refused(code):
  with pytest.raises(Refused) as refused:
    Session(URL).lost(code, "why")
  assert (refused.value.code, refused.value.reason) == (code, "why")


@pytest.mark.parametrize("code", [None, 1006, 1011, 1012, 4001, 4008, 429, 503])
def test_everything_else_is_tried_again_later_and_later(code):
  session = Session(URL)
  waits = [session.lost(code) for _ in range(12)]
  assert all(0 <= wait <= min(30, 0.5 * 2**n) for n, wait in enumerate(waits))
  assert max(waits[6:]) > 0.5


def test_a_server_that_does_not_answer_is_named_once_an_outage(caplog):
  errors = []
  session = Session(f"{URL}?token=secret", on_error=errors.append)
  for _ in range(3):
    session.unreachable("connection refused")
    session.lost(None)
  (error,) = errors
  assert (error["name"], error["retryable"]) == ("unreachable", True)
  assert error["message"] == f"no server answers at {URL} (connection refused); trying again"
  assert [record.getMessage() for record in caplog.records] == [error["message"]]
  session.take('{"type":"heartbeat","info":{}}')
  session.unreachable("connection refused")
  assert len(errors) == 2


def test_a_server_that_stops_says_how_long_to_stay_away():
  session = Session(URL)
  session.take('{"type":"shutdown","retry_after_ms":40000}')
  assert session.lost(4001) >= 40
  assert session.lost(4001) <= 1


def test_an_expired_token_is_replaced_where_that_can_be():
  session = Session("ws://h/ws/0123456789abcdef?token=old")
  with pytest.raises(Refused):
    session.lost(4005, "expired")
  session.renews = True
  session.lost(4005, "expired")
  assert session.expired
  session.take('{"type":"heartbeat","info":{"seq":4,"epoch":"abc"}}')
  session.move("ws://h/ws/0123456789abcdef?token=new")
  assert session.url() == "ws://h/ws/0123456789abcdef?token=new&from=abc%3A4"


@pytest.mark.parametrize("text", ["", "{", "[]", "1", b"\xff"])
def test_what_is_no_message_is_a_damaged_connection(text):
  with pytest.raises(ValueError, match=r"Expecting|object|decode"):
    Session(URL).take(text)


def test_what_needs_nothing_of_a_connection_is_what_its_steps_return():
  session = Session(URL)
  session.declared = {"type": "gap"}
  assert ThreadDriver().run(receive(session, 1.0)) == {"type": "gap"}
  session.declared = {"type": "gap"}
  assert asyncio.run(AsyncioDriver().run(receive(session, 1.0))) == {"type": "gap"}


def test_a_wrong_url_is_refused():
  with pytest.raises(ValueError, match="write ws://host:port/stream"):
    Session("localhost:8080")
