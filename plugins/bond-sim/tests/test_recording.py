from pathlib import Path

import pytest
from bond_sim.binance.capture import records, scan
from bond_sim.binance.frames import span
from bond_simkit import SimulatorError


def test_a_recording_is_scanned_for_its_contents(recording):
  [capture] = scan(Path(recording))
  assert capture.market == "spot"
  assert capture.streams == {"btcusdt@trade": 600, "btcusdt@depth@100ms": 200}
  assert capture.symbols == ["BTCUSDT"]
  assert list(capture.snapshots) == ["BTCUSDT"]
  assert capture.last_ns - capture.first_ns == 599_000_000


def test_data_is_read_to_the_byte_plain_and_in_cryptofeeds_format(tmp_path):
  data = b'{"e":"trade","s":"AUSDT","t":5,"X":"MARKET","odd" : [1.50]}'
  frame = b'{"stream":"ausdt@trade","data":%b}' % data
  book = b'{"lastUpdateId":7,"bids":[["1.0","2"]],"asks":[]}'
  plain, captured = tmp_path / "plain", tmp_path / "captured"
  plain.write_bytes(b"1700000000000000001 %b\n1700000000000000002 %b\n" % (frame, book))
  captured.write_bytes(
    b"wss://fstream.binance.com/stream?streams=ausdt@trade <-> 1700000000.5\n"
    b"1700000000.25: %b\n"
    b"https://fapi.binance.com/fapi/v1/depth?symbol=AUSDT&limit=5 -> 1700000000.5: %b\n"
    b"https://fapi.binance.com/fapi/v1/exchangeInfo -> 1700000000.6: {}\n\n" % (frame, book)
  )
  assert [r[:3] for r in records(plain)] == [
    (1_700_000_000_000_000_001, "ausdt@trade", data),
    (1_700_000_000_000_000_002, "", book),
  ]
  assert list(records(captured)) == [
    (1_700_000_000_250_000_000, "ausdt@trade", data, ""),
    (1_700_000_000_500_000_000, "", book, "AUSDT"),
  ]
  [one], [other] = scan(plain), scan(captured)
  assert one.market == other.market == "usdm"
  assert other.exchange_info == b"{}"


@pytest.mark.parametrize(
  ("content", "message"),
  [
    (b"", "holds no Binance messages"),
    (b"hello\nworld\n", "holds no Binance messages"),
    (b'1700000000000000000 {"e":"trade"}\n', ":1: neither a frame of a combined stream"),
    (b"\x1f\x8bnot really gzip", "cannot read the recording"),
    (b'1700000000000000000 {"stream":"ausdt@trade","data":{"e":"tr', ":1: the frame is cut short"),
  ],
)
def test_what_is_no_recording_is_a_clear_sentence(tmp_path, content, message):
  path = tmp_path / "file.gz"
  path.write_bytes(content)
  with pytest.raises(SimulatorError, match=message):
    scan(path)


def test_a_missing_recording_is_a_clear_sentence(tmp_path):
  with pytest.raises(SimulatorError, match=r"cannot read the recording .*nowhere"):
    scan(tmp_path / "nowhere")


@pytest.mark.parametrize(
  ("data", "expected"),
  [
    (b'{"e":"trade","t":7,"p":"1"}', (7, 7)),
    (b'{"e":"aggTrade","a":3,"f":1,"l":2}', (3, 3)),
    (b'{"e":"depthUpdate","U":5,"u":9,"b":[],"a":[]}', (5, 9)),
    (b'{"e":"depthUpdate","U":5,"u":9,"pu":2,"b":[],"a":[["1","2"]]}', (3, 9)),
    (b'{"u":11,"s":"X","b":"1","B":"2","a":"3","A":"4"}', (11, 11)),
    (b'{"e":"bookTicker","u":11,"b":"1"}', (11, 11)),
    (b'{"lastUpdateId":12,"bids":[],"asks":[]}', (12, 12)),
    (b'{"e":"kline","k":{}}', None),
  ],
)
def test_a_message_tells_its_numbers(data, expected):
  assert span(data) == expected
