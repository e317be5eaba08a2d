from contextlib import suppress

import msgspec
import pytest
from bond_sim.binance.control_messages import (
  BinanceControlError,
  property_value,
  read_message,
  stream_names,
)
from bond_sim.binance.paths import locate
from bond_sim.binance.stream_names import parse_stream_name
from hypothesis import given, strategies as st


@pytest.mark.parametrize(
  ("path", "location"),
  [
    ("/api/v3/depth", ("spot", "", "/api/v3/depth")),
    ("/spot/api/v3/depth", ("spot", "", "/api/v3/depth")),
    ("/api.binance.com/api/v3/depth", ("spot", "", "/api/v3/depth")),
    ("/stream", ("spot", "", "/stream")),
    ("/stream.binance.com:9443/ws/btcusdt@trade", ("spot", "", "/ws/btcusdt@trade")),
    ("/data-stream.binance.vision/ws", ("spot", "", "/ws")),
    ("/fapi/v1/depth", ("usdm", "", "/fapi/v1/depth")),
    ("/usdm/fapi/v1/depth", ("usdm", "", "/fapi/v1/depth")),
    ("/fapi.binance.com/fapi/v1/depth", ("usdm", "", "/fapi/v1/depth")),
    ("/usdm/stream", ("usdm", "", "/stream")),
    ("/usdm/public/stream", ("usdm", "public", "/stream")),
    ("/fstream.binance.com/market/ws/0", ("usdm", "market", "/ws/0")),
    ("/dapi.binance.com/dapi/v1/exchangeInfo", ("coinm", "", "/dapi/v1/exchangeInfo")),
  ],
)
def test_a_path_leads_to_its_market(path, location):
  assert locate(path) == location


@pytest.mark.parametrize(
  ("market", "name", "expected"),
  [
    ("spot", "btcusdt@trade", ("BTCUSDT", "trade", 0, 0, "")),
    ("spot", "btcusdt@depth", ("BTCUSDT", "depth", 1000, 0, "")),
    ("spot", "btcusdt@depth@100ms", ("BTCUSDT", "depth", 100, 0, "")),
    ("spot", "btcusdt@depth5@100ms", ("BTCUSDT", "partial", 100, 5, "")),
    ("spot", "btcusdt@kline_1s", ("BTCUSDT", "kline", 1000, 0, "1s")),
    ("spot", "btcusdt@kline_5m", ("BTCUSDT", "kline", 2000, 0, "5m")),
    ("usdm", "btcusdt_261225@depth@500ms", ("BTCUSDT_261225", "depth", 500, 0, "")),
    ("usdm", "btcusdt@markPrice@1s", ("BTCUSDT", "markPrice", 1000, 0, "")),
    ("usdm", "btcusdt@markPrice", ("BTCUSDT", "markPrice", 3000, 0, "")),
    ("usdm", "btcusdt@depth@0ms", ("BTCUSDT", "depth", 0, 0, "")),
  ],
)
def test_a_stream_name_is_understood(market, name, expected):
  assert parse_stream_name(market, name) == expected


@pytest.mark.parametrize(
  ("market", "name"),
  [
    ("spot", "BTCUSDT@trade"),
    ("spot", "btcusdt@depth@250ms"),
    ("spot", "btcusdt@depth7"),
    ("spot", "btcusdt@markPrice"),
    ("spot", "btcusdt@forceOrder"),
    ("usdm", "btcusdt@kline_1s"),
    ("usdm", "btcusdt@kline_7m"),
    ("spot", "btcusdt@trade@100ms"),
    ("spot", "btcusdt@kline"),
    ("spot", "0"),
    ("spot", "!ticker@arr"),
  ],
)
def test_a_name_the_market_does_not_have_is_none(market, name):
  assert parse_stream_name(market, name) is None


@pytest.mark.parametrize(
  ("sent", "code", "msg"),
  [
    (b"{", 3, "Invalid JSON: expected value at line 1 column 1"),
    (b'{"id":1}', 2, "Invalid request: missing field `method` at line 1 column 8"),
    (b'{"method":"SUBSCRIBE","params":[]}', 2, "Invalid request: request ID must be"),
    (b'{"method":"SUBSCRIBE","params":[],"id":1.5}', 2, "Invalid request: request ID must be"),
    (b'{"method":"subscribe","params":[],"id":1}', 2, "Invalid request: unknown variant `subscr"),
  ],
)
def test_bad_control_messages_get_the_documented_errors(sent, code, msg):
  with pytest.raises(BinanceControlError) as raised:
    read_message(sent, spot=True)
  assert raised.value.body["code"] == code
  assert raised.value.body["msg"].startswith(msg)


def test_spot_takes_ids_that_futures_refuse():
  for given_id in (-5, "abc-1", None):
    sent = msgspec.json.encode({"method": "LIST_SUBSCRIPTIONS", "id": given_id})
    assert read_message(sent, spot=True).id == given_id
    with pytest.raises(BinanceControlError, match="unsigned integer"):
      read_message(sent, spot=False)


@pytest.mark.parametrize(
  ("message", "code", "msg"),
  [
    ({"method": "GET_PROPERTY", "params": [], "id": 1}, 2, "property name must be a string"),
    ({"method": "GET_PROPERTY", "params": [1], "id": 1}, 2, "property name must be a string"),
    ({"method": "GET_PROPERTY", "params": ["combined", 1], "id": 1}, 2, "too many parameters"),
    ({"method": "GET_PROPERTY", "params": ["color"], "id": 1}, 0, "Unknown property"),
    ({"method": "SET_PROPERTY", "params": ["combined", "yes"], "id": 1}, 1, "expected Boolean"),
    ({"method": "SET_PROPERTY", "params": ["combined"], "id": 1}, 1, "expected Boolean"),
  ],
)
def test_bad_properties_get_the_documented_errors(message, code, msg):
  with pytest.raises(BinanceControlError, match=msg) as raised:
    property_value(read_message(msgspec.json.encode(message), spot=True))
  assert raised.value.body["code"] == code


@given(st.binary(max_size=200) | st.dictionaries(st.text(), st.integers()).map(msgspec.json.encode))
def test_no_message_does_more_than_raise_a_control_error(data):
  with suppress(BinanceControlError):
    stream_names(read_message(data, spot=True))
