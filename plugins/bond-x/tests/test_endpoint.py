"""One endpoint of X, used by many sources at once: its limit is kept whatever happens between."""

import logging
import random
import ssl
import threading
import zlib
from types import SimpleNamespace

import bond_x.transport
import httpx
import pytest
import trio
from bond_x.account import Account
from bond_x.answers import OpenStream
from bond_x.client import open_client
from bond_x.endpoint import Endpoint

from bond_core import Refused

LIMIT = 20
WINDOW = 900.0


class FarAway(httpx.AsyncBaseTransport):
  """X behind a slow network: a request arrives late, its answer comes later, some are lost on the
  way, some answers are. `arrivals` are by X's own clock, which differs from the client's."""

  def __init__(self, seed=1, slow=4.0, lost=0.1, ahead=0.0):
    self.arrivals = []
    self._rng = random.Random(seed)
    self._slow, self._lost, self._ahead = slow, lost, ahead

  async def handle_async_request(self, request):
    await trio.sleep(self._rng.uniform(0, self._slow))
    if self._rng.random() < self._lost:
      raise httpx.ConnectError("lost on the way")
    now = trio.current_time()
    self.arrivals.append(now)
    recent = [time for time in self.arrivals if time > now - WINDOW]
    reset = 1_800_000_000 + self._ahead + recent[0] + WINDOW
    headers = {
      "x-rate-limit-remaining": str(max(0, LIMIT - len(recent))),
      "x-rate-limit-reset": str(int(reset)),
    }
    await trio.sleep(self._rng.uniform(0, self._slow))
    if self._rng.random() < self._lost:
      raise httpx.ReadTimeout("the answer was lost")
    return httpx.Response(200, headers=headers, json={"meta": {}})

  @property
  def most(self):
    """The most requests that arrived within any 15 minutes."""
    return max(
      sum(start <= time < start + WINDOW for time in self.arrivals) for start in self.arrivals
    )


class Context:
  @staticmethod
  def live():
    return

  @staticmethod
  def notice(subscription, reason):
    return

  log = logging.LoggerAdapter(logging.getLogger("bond.x"))

  class clock:  # noqa: N801
    @staticmethod
    def now_ms():
      return 1_800_000_000_000 + int(trio.current_time() * 1000)


@pytest.mark.parametrize("ahead", [-600.0, 0.0, 600.0])
@pytest.mark.parametrize("seed", range(3))
async def test_the_limit_holds_at_x_with_slow_lost_and_cancelled_requests_and_any_clock(
  autojump_clock, seed, ahead
):
  x = FarAway(seed, ahead=ahead)
  endpoint = Endpoint("/2/tweets/search/recent", "recent search", LIMIT)
  rng = random.Random(seed)

  async def use(client):
    while True:
      with trio.move_on_after(rng.uniform(1, 300)):
        await endpoint.get(client, dict, Context)

  async with httpx.AsyncClient(base_url="http://x", transport=x) as client:
    with trio.move_on_after(6 * WINDOW):
      async with trio.open_nursery() as nursery:
        for _ in range(10):
          nursery.start_soon(use, client)
  assert x.most <= LIMIT
  # What X allows is used, where its clock does not say that it is later than here.
  assert len(x.arrivals) > 4 * LIMIT or ahead > 0


async def test_requests_go_one_at_a_time_and_their_parameters_are_those_of_their_turn(
  autojump_clock,
):
  x = FarAway(lost=0)
  endpoint = Endpoint("/2/tweets/search/recent", "recent search", LIMIT)
  turns = []

  async with httpx.AsyncClient(base_url="http://x", transport=x) as client:

    async def one(number):
      def params():
        turns.append((number, len(x.arrivals)))
        return {}

      await endpoint.get(client, params, Context)

    async with trio.open_nursery() as nursery:
      for number in range(5):
        nursery.start_soon(one, number)
    assert sorted(number for number, _ in turns) == list(range(5))
    assert [arrived for _, arrived in turns] == list(range(5))

    def refuse():
      raise Refused("the cap is reached")

    with pytest.raises(Refused, match="the cap is reached"):
      await endpoint.get(client, refuse, Context)
    assert len(x.arrivals) == 5


async def test_what_another_process_used_is_waited_for_as_x_says(autojump_clock):
  times = []

  def answer(request):
    times.append(trio.current_time())
    reset = 1_800_000_000 + int(times[0]) + 300
    return httpx.Response(
      200,
      headers={"x-rate-limit-remaining": "0", "x-rate-limit-reset": str(reset)},
      json={"meta": {}},
    )

  endpoint = Endpoint("/2/tweets/search/recent", "recent search", LIMIT)
  async with httpx.AsyncClient(
    base_url="http://x", transport=httpx.MockTransport(answer)
  ) as client:
    for _ in range(2):
      await endpoint.get(client, dict, Context)
  assert times[1] - times[0] == pytest.approx(300, abs=1)


@pytest.mark.parametrize(
  ("status", "body", "waits"),
  [(503, "", [5, 10, 20]), (200, "[]", [5, 10, 20]), (429, "", [60, 120, 240])],
)
async def test_what_is_no_page_is_requested_again_as_x_wants_it(
  autojump_clock, status, body, waits
):
  times, answers = [], [status] * 3

  def answer(request):
    times.append(trio.current_time())
    if answers:
      return httpx.Response(answers.pop(), text=body)
    return httpx.Response(200, json={"data": []})

  endpoint = Endpoint("/2/tweets/search/recent", "recent search", LIMIT)
  async with httpx.AsyncClient(
    base_url="http://x", transport=httpx.MockTransport(answer)
  ) as client:
    assert await endpoint.get(client, dict, SimpleNamespace(**vars(Context))) == {"data": []}
  assert [round(b - a) for a, b in zip(times, times[1:], strict=False)] == waits


async def test_what_x_will_never_answer_is_refused(autojump_clock):
  page = {"title": "Invalid Request", "detail": "no such operator"}
  transport = httpx.MockTransport(lambda request: httpx.Response(400, json=page))
  endpoint = Endpoint("/2/tweets/search/recent", "recent search", LIMIT)
  async with httpx.AsyncClient(base_url="http://x", transport=transport) as client:
    with pytest.raises(Refused, match=r"400 to GET .*no such operator"):
      await endpoint.get(client, dict, Context)


async def test_what_this_machine_trusts_is_read_off_the_event_loop(monkeypatch):
  threads, make = [], ssl.create_default_context

  def trusted():
    threads.append(threading.get_ident())
    return make()

  monkeypatch.setattr(ssl, "create_default_context", trusted)
  account = Account("https://x.example.com", "token", charged=False)
  async with open_client(account):
    pass
  assert len(threads) == 1
  assert threading.get_ident() not in threads


async def test_the_stream_is_not_compressed_as_x_does_for_clients_that_accept_it(monkeypatch):
  lines = [b'{"data":{"id":"1"}}\r\n', b"\r\n", b'{"data":{"id":"2"}}\r\n']

  def answer(request):
    packs = "gzip" in request.headers["accept-encoding"]

    async def body():
      packer = zlib.compressobj(wbits=31)
      for line in lines:
        yield packer.compress(line) + packer.flush(zlib.Z_SYNC_FLUSH) if packs else line
      await trio.sleep_forever()

    headers = {"content-encoding": "gzip"} if packs else {}
    return httpx.Response(200, headers=headers, content=body())

  monkeypatch.setattr(
    bond_x.transport,
    "open_client",
    lambda account: httpx.AsyncClient(
      base_url=account.endpoint, transport=httpx.MockTransport(answer)
    ),
  )
  account = Account("https://x.example.com", "token", charged=False)
  with trio.fail_after(60):
    async with bond_x.transport.open_transport(account) as transport:
      await transport.send(OpenStream({}))
      found = [message for _ in range(4) for message in await transport.receive()]
  assert found[0].status == 200
  assert found[1:] == lines
