"""What is asked of the venue, and what becomes of its answers."""

import json

import pytest
from bond_okx import config
from bond_okx.feed import okx_feed
from bond_okx.symbols import spelling, venue_symbol

from bond_core import Refused
from bond_core.feeds import Expire, Fetch, Moment, Notice, Pong, Reject, Reset, Response

NOBODY = {"SWAP": [], "FUTURES": []}


@pytest.mark.parametrize(
  ("written", "native", "full"),
  [
    ("btcusdt", "BTC-USDT", "BTC/USDT"),
    ("BTC/USDT:USDT", "BTC-USDT-SWAP", "BTC/USDT:USDT"),
    ("BTC-USDT-SWAP", "BTC-USDT-SWAP", "BTC/USDT:USDT"),
    ("BTC/USD:BTC", "BTC-USD-SWAP", "BTC/USD:BTC"),
    ("BTC-USD-261225", "BTC-USD-261225", "BTC/USD:BTC-261225"),
    ("BTC/USDT:USDT-261225", "BTC-USDT-261225", "BTC/USDT:USDT-261225"),
    ("BTC/USD:USD", "BTC-USD_UM-SWAP", "BTC/USD:USD"),
    ("BTC-USD_UM-SWAP", "BTC-USD_UM-SWAP", "BTC/USD:USD"),
    ("btc-usd_um-261030", "BTC-USD_UM-261030", "BTC/USD:USD-261030"),
    ("BTC/USD:USD-261030", "BTC-USD_UM-261030", "BTC/USD:USD-261030"),
    ("BTC-USD_UM_XPERP-310404", "BTC-USD_UM_XPERP-310404", "BTC-USD_UM_XPERP-310404"),
    ("币安人生-USDT-SWAP", "币安人生-USDT-SWAP", "币安人生/USDT:USDT"),
  ],
)
def test_spellings(written, native, full):
  instrument = config.Trades(symbols=[written]).instrument(written)
  assert venue_symbol(instrument) == native
  assert spelling(instrument) == full
  assert config.Trades(symbols=[full]).instrument(full) == instrument


def test_a_contract_that_settles_in_what_the_venue_has_not_is_refused():
  with pytest.raises(ValueError, match="settles contracts on BTC/USD in BTC, so write BTC/USD:BTC"):
    config.Trades(symbols=["BTC/USD:USDC"])


def test_contracts_of_one_pair_are_as_many_instruments():
  written = [
    *("BTC-USD-SWAP", "BTC-USD_UM-SWAP", "BTC-USD-261030", "BTC-USD_UM-261030"),
    "BTC-USD_UM_XPERP-310404",
  ]
  found = [s.instrument for s in config.Trades(symbols=written).subscriptions()]
  assert [(i.market_type, i.symbol, i.expiry) for i in found] == [
    ("perp", "BTC/USD", None),
    ("perp", "BTC/USD:USD", None),
    ("future", "BTC/USD", "261030"),
    ("future", "BTC/USD:USD", "261030"),
    ("perp", "BTC/USD:USD", "310404"),
  ]


def test_a_contract_in_dollars_that_is_linear_is_counted_as_the_list_says(venue):
  um = {"ctVal": "0.01", "ctMult": "1", "ctType": "linear", "lotSz": "0.01"}
  okx = venue(
    config.Trades(symbols=["BTC-USD_UM-261030", "BTC-USD_UM_XPERP-310404"]),
    listed={
      "FUTURES": [
        {"instId": "BTC-USD_UM-261030", **um},
        {"instId": "BTC-USD_UM_XPERP-310404", **um},
      ]
    },
  )
  assert not okx.other
  for name, kind, expiry in (
    ("BTC-USD_UM-261030", "future", "261030"),
    ("BTC-USD_UM_XPERP-310404", "perp", "310404"),
  ):
    arg = {"channel": "trades", "instId": name}
    trade = {"tradeId": "1", "px": "83772.6", "sz": "300", "side": "buy", "ts": "1", "count": "1"}
    [event] = okx.hear({"arg": arg, "data": [{"instId": name, **trade}]})
    assert (event.symbol, event.market_type, event.expiry) == ("BTC/USD:USD", kind, expiry)
    assert event.size == 3


def test_an_x_perp_pays_funding_and_a_dated_contract_does_not(venue):
  okx = venue(config.Funding(symbols=["BTC-USD_UM_XPERP-310404"]))
  assert okx.asked[0]["args"] == [{"channel": "funding-rate", "instId": "BTC-USD_UM_XPERP-310404"}]
  [dated] = config.Funding(symbols=["BTC-USD_UM-261030"]).subscriptions()
  with pytest.raises(Refused, match=r"the perpetual is BTC/USD:USD"):
    okx.feed.group(dated)


ROW = {"instType": "SPOT", "state": "live"}


def test_a_name_in_one_word_is_what_the_list_has(venue):
  feed = okx_feed(config.Connection("http://127.0.0.1:1"))
  written = ["DOTUSD", "DOT/USD", "WBTC", "BTCAED", "NOTHING"]
  wanted = config.Trades(symbols=written).subscriptions()
  feed.on_open(1, wanted, overlap=False, now=Moment(0, 0))
  send, fetch = feed.actions
  assert fetch.url == "http://127.0.0.1:1/api/v5/public/instruments?instType=SPOT"
  # What needs no list does not wait for it.
  assert json.loads(send.data)["args"] == [{"channel": "trades", "instId": "DOT-USD"}]
  feed.actions.clear()
  # A proxy's page is no list: it is requested again.
  feed.on_response(fetch, Response(200, {}, b"<html>"), Moment(0, 0))
  assert not feed.actions
  feed.on_timer(Moment(2_000, 2_000_000_000))
  assert list(feed.actions) == [fetch]
  feed.actions.clear()
  listed = ["DOT-USD", "DO-TUSD2", "WBTC-USDT", "BTC-AED", "NOTH-ING9"]
  body = json.dumps({"code": "0", "data": [{"instId": one, **ROW} for one in listed]}).encode()
  feed.on_response(fetch, Response(200, {}, body), Moment(0, 0))
  refused = [action for action in feed.actions if isinstance(action, Reject)]
  reason = "OKX lists no NOTHING (spot), neither as a pair nor as NOTHING/USDT"
  assert refused == [Reject(wanted[4], f"{reason}; did you mean 'NOTHING9'?")]
  sent = [json.loads(a.data)["args"] for a in feed.actions if not isinstance(a, Reject)]
  assert sent == [[{"channel": "trades", "instId": one}] for one in ("WBTC-USDT", "BTC-AED")]
  message = (
    b'{"arg":{"channel":"trades","instId":"DOT-USD"},"data":[{"tradeId":"7","px":"4","sz":"1",'
  )
  message += b'"side":"buy","ts":"1","count":"1"}]}'
  [event] = feed.on_frames(1, [message], Moment(5, 5))
  assert event.symbol == "DOT/USD"
  assert feed.last_received(wanted[0]) == feed.last_received(wanted[1]) == 5
  # One of two readers goes, and the other reads on.
  feed.actions.clear()
  feed.on_change(1, [], [wanted[1]], Moment(6, 6))
  assert not feed.actions
  feed.on_change(1, [], [wanted[0]], Moment(6, 6))
  [send] = feed.actions
  assert json.loads(send.data)["op"] == "unsubscribe"


@pytest.mark.parametrize("source", [config.OpenInterest, config.Liquidations, config.Funding])
def test_what_only_contracts_have(source):
  [subscription] = source(symbols=["BTC/USDT"]).subscriptions()
  spot = subscription._replace(instrument=subscription.instrument._replace(market_type="spot"))
  with pytest.raises(Refused, match=r"the perpetual is BTC/USDT:USDT"):
    okx_feed(config.Connection()).group(spot)


def test_a_contract_waits_until_it_is_known_what_it_is_worth():
  feed = okx_feed(config.Connection("http://127.0.0.1:1"))
  source = config.Trades(symbols=["BTC/USDT", "BTC/USDT:USDT"])
  feed.on_open(1, source.subscriptions(), overlap=False, now=Moment(0, 0))
  fetch, send = feed.actions
  assert fetch.url == "http://127.0.0.1:1/api/v5/public/instruments?instType=SWAP"
  assert json.loads(send.data)["args"] == [{"channel": "trades", "instId": "BTC-USDT"}]
  feed.actions.clear()
  listed = [{"instId": "BTC-USDT-SWAP", "ctVal": "0.01", "ctMult": "1", "ctType": "linear"}]
  body = json.dumps({"code": "0", "data": listed}).encode()
  feed.on_response(fetch, Response(200, {}, body), Moment(0, 0))
  [send] = feed.actions
  assert json.loads(send.data)["args"] == [{"channel": "trades", "instId": "BTC-USDT-SWAP"}]


def test_a_contract_that_is_not_listed_is_rejected_with_what_was_meant(venue):
  okx = venue(config.Trades(symbols=["BTD/USDT:USDT", "BTC/USDT:USDT"]))
  [reject] = okx.other
  assert isinstance(reject, Reject)
  assert reject.reason == (
    "there is no BTD/USDT:USDT among OKX's perpetuals; did you mean 'BTC-USDT-SWAP'?"
  )
  assert [arg["instId"] for request in okx.asked for arg in request["args"]] == ["BTC-USDT-SWAP"]


def test_a_listing_that_cannot_be_had_is_asked_for_again_for_ever():
  feed = okx_feed(config.Connection())
  source = config.Books(symbols=["BTC/USDT:USDT"])
  feed.on_open(1, source.subscriptions(), overlap=False, now=Moment(0, 0))
  tries, told = 0, []
  for second in range(1000):
    now = Moment(second * 1000, second * 10**9)
    feed.on_timer(now)
    while feed.actions:
      action = feed.actions.popleft()
      assert not isinstance(action, Reject)
      if isinstance(action, Notice):
        told.append(action.reason)
      elif isinstance(action, Fetch):
        tries += 1
        feed.on_response(action, Response(400, {}, b'{"code":"1"}'), now)
  assert 60 <= tries <= 70
  # The reason is told once, not at each try.
  [reason] = told
  assert "not known yet what BTC/USDT:USDT is among OKX's perpetuals: HTTP 400" in reason


def contract(**changed):
  terms = {"ctVal": "0.01", "ctMult": "1", "ctType": "linear", "lotSz": "0.01", "tickSz": "0.1"}
  return {"SWAP": [{"instId": "BTC-USDT-SWAP", **terms, "state": "live", **changed}]}


def trade(symbol, number):
  row = {"tradeId": str(number), "px": "4", "sz": "100", "side": "buy", "ts": "1", "count": "1"}
  return {"arg": {"channel": "trades", "instId": symbol}, "data": [row]}


def test_a_contract_that_is_worth_another_amount_is_told_and_counted_so(venue):
  okx = venue(config.Trades(symbols=["BTC/USDT:USDT"]), listed=contract())
  assert [event.size for event in okx.hear(trade("BTC-USDT-SWAP", 7))] == [1.0]
  okx.listed = contract(ctVal="0.001", tickSz="0.2")
  okx.later(370)
  [notice] = okx.other
  assert not notice.unavailable
  assert notice.reason == (
    "BTC/USDT:USDT among OKX's perpetuals: the tick size is 0.2 now, it was 0.1; "
    "the contract size is 0.001 now, it was 0.01"
  )
  assert [event.size for event in okx.hear(trade("BTC-USDT-SWAP", 8))] == [0.1]


def pushed(**changed):
  arg = {"channel": "instruments", "instType": "SWAP"}
  return {"arg": arg, "data": contract(**changed)["SWAP"]}


def test_a_contract_size_that_is_pushed_counts_from_the_next_message(venue):
  okx = venue(config.Trades(symbols=["BTC/USDT:USDT"]), listed=contract())
  okx.later(1)
  channel = {"channel": "instruments", "instType": "SWAP"}
  assert okx.news == [(1, [channel])]
  events = okx.hear(trade("BTC-USDT-SWAP", 7), pushed(ctVal="0.001"), trade("BTC-USDT-SWAP", 8))
  assert [event.size for event in events] == [1.0, 0.1]
  okx.listed = contract(ctVal="0.001")
  okx.later(1)
  assert [notice.reason for notice in okx.take(Notice)] == [
    "BTC/USDT:USDT among OKX's perpetuals: the contract size is 0.001 now, it was 0.01"
  ]
  # The list that is read later says the same; another connection is told of changes too.
  read = okx.lists
  okx.later(370)
  assert (okx.lists, okx.other) == (read + 1, [])
  okx.open(2, overlap=True)
  okx.later(1)
  assert okx.news == [(1, [channel]), (2, [channel])]


def test_what_is_pushed_while_the_list_is_read_is_newer_than_its_answer():
  feed = okx_feed(config.Connection("http://127.0.0.1:1"))
  wanted = config.Trades(symbols=["BTC/USDT:USDT"]).subscriptions()
  feed.on_open(1, wanted, overlap=False, now=Moment(0, 0))
  [fetch] = feed.actions
  feed.on_timer(Moment(0, 0))
  feed.on_frames(1, [json.dumps(pushed(ctVal="0.001")).encode()], Moment(0, 0))
  answer = json.dumps({"code": "0", "data": contract()["SWAP"]}).encode()
  feed.on_response(fetch, Response(200, {}, answer), Moment(0, 0))
  message = json.dumps(trade("BTC-USDT-SWAP", 8), separators=(",", ":")).encode()
  [event] = feed.on_frames(1, [message], Moment(0, 0))
  assert event.size == 0.1


@pytest.mark.parametrize("said", ["refused", "unreadable"])
def test_where_nothing_is_pushed_of_contracts_their_list_is_read(venue, said):
  okx = venue(config.Trades(symbols=["BTC/USDT:USDT", "BTC/USDT"]), listed=contract())
  okx.later(1)
  message = pushed() | {"data": {}}
  if said == "refused":
    message = {"id": "0", "event": "error", "code": "60018", "msg": "no"}
  assert okx.hear(message) == okx.other == []
  okx.listed = contract(ctVal="0.001")
  okx.later(370)
  assert [event.size for event in okx.hear(trade("BTC-USDT-SWAP", 8))] == [0.1]


def test_spot_has_no_news_of_contracts(venue):
  okx = venue(config.Trades(symbols=["BTC/USDT"]), config.OpenInterest(symbols=["BTC/USDT:USDT"]))
  okx.later(120)
  assert len(okx.asked) == 1
  assert okx.news == []


def test_a_book_begins_anew_when_its_contract_is_worth_another_amount(venue):
  okx = venue(config.Books(symbols=["BTC/USDT:USDT"], deltas=True), listed=contract())
  arg = {"channel": "books", "instId": "BTC-USDT-SWAP"}

  def message(action, number, previous):
    book = {"bids": [["9", "100", "0", "1"]], "asks": [["11", "100", "0", "1"]], "ts": "1"}
    row = {**book, "seqId": number, "prevSeqId": previous, "checksum": 0}
    return {"arg": arg, "action": action, "data": [row]}

  [book] = okx.hear(message("snapshot", 5, -1))
  assert book.bids == [(9.0, 1.0)]
  okx.listed = contract(ctVal="0.001")
  okx.later(370)
  [gap] = okx.hear(message("update", 6, 5))
  assert gap.cause == "the contract size has changed"
  assert [request["op"] for request in okx.asked] == ["subscribe", "unsubscribe", "subscribe"]
  [book] = okx.hear(message("snapshot", 9, -1))
  assert book.bids == [(9.0, 0.1)]


@pytest.mark.parametrize("written", ["BTC/USDT:USDT", "BTC/USD:BTC-220527", "BTC/USDT"])
def test_a_delisted_market_leaves_its_subscription_and_comes_back(venue, written):
  names = {
    "SPOT": ("BTC-USDT", "ETH-USDT"),
    "SWAP": ("BTC-USDT-SWAP", "ETH-USDT-SWAP"),
    "FUTURES": ("BTC-USD-220527", "BTC-USD-220624"),
  }
  listed = {
    kind: [{**contract()["SWAP"][0], "instId": symbol} for symbol in symbols]
    for kind, symbols in names.items()
  }
  okx = venue(config.Trades(symbols=[written]), listed=listed)
  symbol = okx.asked[0]["args"][0]["instId"]
  okx.later(61)
  okx.listed = {
    kind: [row for row in rows if row["instId"] != symbol] for kind, rows in listed.items()
  }
  before = okx.lists
  while okx.lists == before:
    okx.later(1)
  # One reading may be wrong; the second one counts.
  assert okx.other == []
  okx.later(16)
  [notice] = okx.other
  assert notice.unavailable
  assert notice.reason.startswith(f"{written} is no longer listed ")
  assert [request["op"] for request in okx.asked] == ["subscribe", "unsubscribe"]
  okx.listed = listed
  okx.later(370)
  assert okx.other[1:] == [Notice(notice.subscription, None)]
  assert [request["op"] for request in okx.asked] == ["subscribe", "unsubscribe", "subscribe"]


@pytest.mark.parametrize("state", ["suspend", "preopen", "rebase"])
def test_a_market_that_is_not_open_is_waited_for(venue, state):
  okx = venue(config.Trades(symbols=["BTC/USDT:USDT"]), listed=contract(state=state))
  [notice] = okx.other
  assert notice.unavailable
  assert notice.reason == (
    f"BTC/USDT:USDT is not traded at present among OKX's perpetuals (status {state})"
  )
  assert len(okx.asked) == 1
  okx.listed = contract()
  okx.later(16)
  assert okx.other[1:] == [Notice(notice.subscription, None)]


def test_the_list_of_spot_is_first_read_later_and_refuses_nothing(venue):
  okx = venue(config.Trades(symbols=["BTC/USDT", "NEW/USDT"]))
  okx.listed = {"SPOT": [{"instId": "BTC-USDT"}]}
  okx.later(59)
  assert okx.lists == 0
  # What delivers has not left, whatever the list says.
  for number in range(50):
    assert len(okx.hear(trade("NEW-USDT", number))) == 1
    okx.later(16)
  assert okx.lists > 10
  assert okx.other == []


def test_a_refusal_that_passes_is_asked_again(venue):
  okx = venue(config.Trades(symbols=["BTC/USDT"]), confirms=False)
  okx.hear(
    {"id": "1", "event": "error", "code": "50001", "msg": "Service temporarily unavailable."}
  )
  [notice] = okx.other
  assert isinstance(notice, Notice)
  assert "OKX does not take it now: Service temporarily unavailable" in notice.reason
  okx.later(5)
  assert len(okx.asked) == 2


def test_a_refused_name_does_not_harm_the_others(venue):
  okx = venue(config.Trades(symbols=["BTC/USDT", "XXX/USDT", "ETH/USDT"]), confirms=False)
  for name in ("BTC-USDT", "ETH-USDT"):
    okx.hear({"id": "1", "event": "subscribe", "arg": {"channel": "trades", "instId": name}})
  okx.hear(
    {
      "id": "1",
      "event": "error",
      "code": "60018",
      "msg": "Wrong URL or channel:trades,instId:XXX-USDT doesn't exist. Please use the correct "
      "URL, channel and parameters referring to API document.",
      "connId": "a4d3ae55",
    }
  )
  [reject] = okx.other
  assert isinstance(reject, Reject)
  assert "XXX/USDT" in reject.reason
  assert "doesn't exist" in reject.reason
  okx.later(60)
  assert okx.other == [reject]


def test_too_many_requests_begin_on_another_connection(venue):
  okx = venue(config.Trades(symbols=["BTC/USDT"]), confirms=False)
  okx.hear({"event": "error", "code": "60014", "msg": "Requests too frequent.", "connId": "a"})
  [reset] = okx.other
  assert isinstance(reset, Reset)


def test_a_request_without_an_answer_is_not_waited_for_for_ever(venue):
  okx = venue(config.Trades(symbols=["BTC/USDT"]), confirms=False)
  okx.later(31)
  [reset] = okx.other
  assert "did not answer a request to subscribe within 30 s" in reset.reason


def test_the_notice_of_a_close_and_the_pong(venue):
  okx = venue(config.Trades(symbols=["BTC/USDT"]))
  okx.hear({"event": "notice", "code": "64008", "msg": "The connection will soon be closed."})
  okx.hear(b"pong")
  okx.hear(b"pong\n")
  okx.hear({"event": "notice", "code": 64008, "msg": None, "id": None, "connId": None})
  assert [type(action) for action in okx.other] == [Expire, Pong, Pong, Expire]


def test_four_hundred_names_go_in_requests_of_a_hundred(venue):
  symbols = [f"A{n}/USDT" for n in range(400)]
  okx = venue(config.Trades(symbols=symbols))
  assert [len(request["args"]) for request in okx.asked] == [100] * 4


@pytest.mark.parametrize(
  "frame",
  [
    b"",
    b"{",
    b"\xff\xfe",
    b"[]",
    b'{"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[{"tradeId":"x"}]}',
    b'{"arg":{"channel":"trades","instId":"BTC-USDT"},"data":7}',
    b'{"arg":{"channel":"trades","instId":"BTC-USDT"}',
    b'{"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[{"tradeId":"5","px":"nan","sz":"1"}]}',
    b"[" * 100_000,
    b'{"event":' + b"[" * 5000,
  ],
)
def test_what_cannot_be_read_is_a_gap_and_never_an_exception(venue, frame):
  okx = venue(config.Tickers(symbols=["BTC/USDT"]), config.Trades(symbols=["BTC/USDT"]))
  events = okx.feed.on_frames(1, [frame], okx.now)
  assert [event.channel for event in events] in (["trades"], ["ticker"])
  assert all(event.reason == "upstream" and event.missed == 1 for event in events)


def test_messages_written_in_another_order_are_read_too(venue):
  okx = venue(config.Trades(symbols=["BTC/USDT"]))
  one = {"tradeId": "1", "px": "5", "sz": "13", "side": "sell", "ts": "1", "count": "1"}
  [event] = okx.hear({"data": [one], "arg": {"instId": "BTC-USDT", "channel": "trades"}})
  assert event.price == 5


def test_an_error_that_names_no_request_is_no_verdict_on_the_one_that_waits(venue):
  okx = venue(config.Trades(symbols=["BTC/USDT"]), confirms=False)
  okx.hear({"event": "error", "code": "50001", "msg": "Service temporarily unavailable."})
  assert not [action for action in okx.other if isinstance(action, Reject)]
  okx.later(3)
  assert [request["op"] for request in okx.asked] == ["subscribe", "subscribe"]


PREOPEN = [
  # As OKX lists them: nothing is known of what is about to open.
  {"instId": "", "instIdCode": None, "instType": "FUTURES", "state": "preopen", "ctVal": ""},
  {"instId": "LISTING-SWAP-SLX-USDT", "state": "preopen", "ctVal": "", "uly": ""},
  {"instId": "SLX-USDT-SWAP", "state": "preopen", "ctVal": "", "ctType": "", "lotSz": ""},
  {"instId": None, "state": None},
]


@pytest.mark.parametrize("more", [PREOPEN, [{"instId": "SLX-USDT-SWAP", "state": None}]])
def test_a_row_that_cannot_be_read_tells_nothing_of_the_others(venue, more):
  symbols = ["BTC/USDT:USDT", "SLX/USDT:USDT", "BTD/USDT:USDT"]
  listed = contract()
  okx = venue(config.Trades(symbols=symbols), listed={"SWAP": [*more, *listed["SWAP"]]})
  assert [arg["instId"] for request in okx.asked for arg in request["args"]] == ["BTC-USDT-SWAP"]
  notice, reject = sorted(okx.other, key=lambda action: type(action).__name__)
  assert isinstance(reject, Reject)
  assert "there is no BTD/USDT:USDT" in reject.reason
  assert "what is listed among OKX's perpetuals for SLX/USDT:USDT cannot be read" in notice.reason
  # Once it opens, it is read with what its contract is worth.
  opened = {**listed["SWAP"][0], "instId": "SLX-USDT-SWAP", "ctVal": "10"}
  okx.listed = {"SWAP": [opened, *listed["SWAP"]]}
  okx.later(16)
  assert [event.size for event in okx.hear(trade("SLX-USDT-SWAP", 7))] == [1000.0]
  assert okx.other[-1] == Notice(notice.subscription, None)


def test_an_empty_list_is_told(venue):
  okx = venue(config.Trades(symbols=["BTC/USDT:USDT"]), listed={"SWAP": []})
  [notice] = okx.other
  assert notice.reason.endswith("the list is empty")
  okx.listed = contract()
  okx.later(16)
  assert len(okx.asked) == 1


def test_a_list_that_nothing_waits_for_is_requested_less_often_where_it_does_not_come(venue):
  okx = venue(config.Trades(symbols=["BTC/USDT"]), listed={})
  at = []
  for second in range(1, 1200):
    before = okx.lists
    okx.later(1)
    at += [second] if okx.lists != before else []
  assert at == [60, 75, 105, 165, 285, 525, 825, 1125]
  assert okx.other == []


@pytest.mark.parametrize("depth", [0, 401, 500])
def test_more_levels_than_the_venue_has_are_refused(depth):
  with pytest.raises(ValueError, match=f"{depth} levels cannot be shown; write 1 to 400"):
    config.Books(symbols=["BTC/USDT"], depth=depth)
  assert config.Books(symbols=["BTC/USDT"], depth=400).depth == 400
