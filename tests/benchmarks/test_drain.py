"""The load client and the load tell the truth: what they would hide, no benchmark would show."""

import re
import shutil
import threading
import time

import pytest
from hypothesis import given, strategies as st
from websockets.sync.server import serve

from tests.benchmarks import drain
from tests.benchmarks.rig import DRAIN, Process, cores
from tests.benchmarks.servers import offered
from tests.benchmarks.servers.offered import FIRST, SIZE, Offer

NOW = 1_700_000_000_000_000_000


def message(number, stamp=NOW):
  return offered._TEMPLATE % (number, stamp)


def witness_of(reads, now=NOW):
  witness = drain.Witness(re.compile(drain.PATTERN.encode()))
  for read in reads:
    witness.take(read, now)
  return witness


@given(st.lists(st.integers(1, 2500), max_size=20))
def test_messages_are_counted_once_wherever_reads_are_cut(cuts):
  data = b"".join(b"\x81\x7e\x01\x2c" + message(FIRST + i) for i in range(7))
  places = sorted({0, *(cut for cut in cuts if cut < len(data)), len(data)})
  reads = [data[a:b] for a, b in zip(places, places[1:], strict=False)]
  witness = witness_of(reads)
  assert (witness.count, witness.missing, witness.doubled) == (7, 0, 0)


def test_a_missing_a_doubled_and_a_late_number_are_seen():
  numbers = [1, 2, 4, 5, 5, 6]
  witness = witness_of([b"".join(message(FIRST + n) for n in numbers)])
  assert (witness.count, witness.missing, witness.doubled) == (6, 1, 1)
  one_by_one = witness_of([message(FIRST + n) for n in (1, 3, 2, 4)])
  # 2 is missing after 1, then comes too late, and 3 has gone by then.
  assert (one_by_one.missing, one_by_one.doubled) == (2, 1)


def test_a_declared_gap_is_seen():
  gap = b'{"type":"gap","from_seq":1}'
  for reads in ([message(FIRST) + gap], [message(FIRST), gap[:9], gap[9:], message(FIRST + 1)]):
    witness = witness_of(reads)
    assert (witness.gaps, witness.gap) == (1, '"type":"gap","from_seq":1')


def test_latency_runs_from_the_stamp_to_the_read():
  witness = witness_of([message(FIRST, NOW - 3_000_000) + message(FIRST + 1, NOW - 1_000_000)])
  assert witness.latencies == [3_000_000, 1_000_000]


def test_a_stamp_in_seconds_of_the_clock_survives_the_lap():
  witness = drain.Witness(re.compile(rb'"q":(?P<stamp>[\d.]+),"t":(?P<number>\d+)'))
  now = 170_000 * drain.STAMP_LAP * 10**9 + 500_000
  witness.take(b'"q":9999.999,"t":1', now)
  assert witness.latencies == [1_500_000]


def test_a_message_has_its_size_and_is_found_by_the_load_client():
  found = re.search(drain.PATTERN.encode(), message(FIRST))
  assert len(message(FIRST)) == SIZE
  assert (int(found["number"]), int(found["stamp"])) == (FIRST, NOW)


@pytest.mark.parametrize("rate", [20, 1000, 33_333])
def test_the_offered_rate_is_met_exactly_and_lateness_is_bounded(monkeypatch, rate):
  now = [100.0]
  monkeypatch.setattr(time, "perf_counter", lambda: now[0])
  offer = Offer()
  offer._rate, offer._next = rate, now[0]
  for _ in range(3000):
    now[0] += 0.001
    offer.count_due()
  assert abs(offer.published - 3 * rate) <= 1
  now[0] += 5
  assert offer.count_due() <= max(rate * offered.MAX_LATE, 2)


@pytest.mark.skipif(shutil.which("taskset") is None, reason="processes are pinned with taskset")
def test_what_did_not_arrive_is_reported_as_loss():
  connections, ready = {}, threading.Event()

  def client(connection):
    # Each says which it is: their threads may begin in any order.
    connections[int(connection.recv())] = connection
    connection.send("ack")
    if len(connections) == 3:
      ready.set()
    for _ in connection:
      connection.send("ack")

  with serve(client, "127.0.0.1", 0, compression=None) as server:
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    port = server.socket.getsockname()[1]
    load = Process("drain", [*DRAIN, str(port), "--witnesses", "2"], cores()[1])
    try:
      opened = load.ask(do="connect", clients=3, messages=[["0"], ["1"], ["2"]])
      assert opened["clients"] == 3
      assert opened["answer"].endswith("ack")
      assert ready.wait(5)
      load.ask(do="begin")
      for number in range(20):
        for index, connection in connections.items():
          # The second of three is no witness: its loss shows in its bytes.
          if (index, number) != (1, 7):
            connection.send(offered._TEMPLATE % (FIRST + number, time.time_ns()), text=True)
      finished = load.ask(do="finish", published=20)
      window = load.ask(do="end")
    finally:
      load.close()
      server.shutdown()
      thread.join()
  assert (finished["received_min"], finished["received_max"], finished["witnesses"]) == (19, 20, 2)
  assert finished["loss"] == pytest.approx(1 / 60, abs=1e-6)
  assert window["witnessed"] == 40
  assert 0 < window["p50_ms"] <= window["p99_ms"] <= window["max_ms"] < 10_000
  assert window["bytes_per_message"] == SIZE + 4


def test_the_load_client_says_why_it_cannot_connect():
  with serve(lambda c: None, "127.0.0.1", 0, process_request=lambda c, r: c.respond(503, "")) as s:
    thread = threading.Thread(target=s.serve_forever)
    thread.start()
    port = s.socket.getsockname()[1]
    try:
      with pytest.raises(ConnectionError, match="503"):
        drain.connect("127.0.0.1", port, "/")
    finally:
      s.shutdown()
      thread.join()
