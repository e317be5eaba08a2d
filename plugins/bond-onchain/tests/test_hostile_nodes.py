"""Nodes that answer with anything: the source goes on, in bounded memory, and holds up nothing."""

import itertools
import resource
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial

import grpc
import pytest
import trio
from bond_geyser import geyser_pb2 as pb
from bond_onchain.transport import MOST_UNSENT

KEY = bytes(32)


class Node:
  """A gRPC server that sends these bytes to each call; it reads requests only where it is to."""

  def __init__(self, url):
    self.url = url


def node(updates, *, reads=False):
  calls = []

  def subscribe(requests, context):
    calls.append(context)
    if reads:
      next(requests)
    yield from updates()
    context.abort(grpc.StatusCode.UNAVAILABLE, "that was all")

  @asynccontextmanager
  async def serving():
    handler = grpc.stream_stream_rpc_method_handler(subscribe)
    server = grpc.server(ThreadPoolExecutor(4), options=[("grpc.max_send_message_length", -1)])
    service = grpc.method_handlers_generic_handler("geyser.Geyser", {"Subscribe": handler})
    server.add_generic_rpc_handlers((service,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
      found = Node(f"http://127.0.0.1:{port}")
      found.calls = calls
      yield found
    finally:
      server.stop(None)

  return serving()


async def longest_wait(ended):
  """The longest time for which the loop did nothing else, until an event."""
  longest = 0.0
  while not ended.is_set():
    began = trio.current_time()
    await trio.sleep(0.005)
    longest = max(longest, trio.current_time() - began)
  return longest


def hold_the_loop():
  time.sleep(1.0)


def transaction(**meta):
  info = pb.SubscribeUpdateTransactionInfo(signature=bytes(64), index=1)
  info.transaction.message.account_keys.append(KEY)
  info.meta.fee = 5000
  for name, value in meta.items():
    getattr(info.meta, name).extend(value)
  update = pb.SubscribeUpdate()
  update.transaction.slot = 5
  update.transaction.transaction.CopyFrom(info)
  return update


def long_signature():
  update = transaction()
  update.transaction.transaction.signature = b"\x01" * 20_000_000
  return update


def long_key():
  update = pb.SubscribeUpdate()
  update.account.slot = 5
  update.account.account.pubkey = b"\x01" * 10_000_000
  return update


def long_owner():
  update = pb.SubscribeUpdate()
  update.account.slot = 5
  update.account.account.pubkey = KEY
  update.account.account.owner = b"\x01" * 10_000_000
  return update


def balances():
  each = [
    pb.TokenBalance(account_index=n, mint="m", owner=str(n), ui_token_amount={"amount": str(n % 7)})
    for n in range(200_000)
  ]
  return transaction(pre_token_balances=each, post_token_balances=each[::-1])


UNREADABLE = {
  "many accounts": balances,
  "a long signature": long_signature,
  "a long key": long_key,
  "a long owner": long_owner,
}


@pytest.mark.parametrize("name", UNREADABLE)
async def test_an_update_that_cannot_be_is_a_gap_and_takes_no_time(source, name):
  kinds = ["transfer", "account", "tx"]
  settings = {"event_types": kinds, "accounts": ["1" * 32]}
  data = UNREADABLE[name]().SerializeToString()
  good = transaction()
  good.transaction.slot = 6
  async with node(lambda: [data, good.SerializeToString()], reads=True) as hostile:
    running = await source(hostile, **settings)
    async with trio.open_nursery() as nursery:
      ended = trio.Event()
      waits = []

      async def watch():
        waits.append(await longest_wait(ended))

      nursery.start_soon(watch)
      await running.until(lambda one: one.of("tx") and one.gaps)
      ended.set()
    await running.end()
  assert running.gaps[0].missed == 1
  assert "could not be read" in running.gaps[0].cause
  # Reading it would have taken many seconds; a busy machine holds up anything.
  assert waits[0] < 2.0


@pytest.mark.parametrize(
  "updates",
  [
    lambda: [b"<html>no update</html>"],
    lambda: [b"\xff" * 1000],
    list,
  ],
  ids=["a page", "noise", "nothing"],
)
async def test_what_is_no_update_ends_a_connection_and_not_the_source(source, updates, caplog):
  async with node(updates, reads=True) as hostile:
    running = await source(hostile, accounts=["1" * 32])
    with trio.fail_after(60):
      while len(hostile.calls) < 3:
        await trio.sleep(0.02)
    assert running.failure is None
    await running.end()
  # The core logs each connection that ended; no library adds its traceback.
  assert not [record for record in caplog.records if record.exc_info]


async def test_an_update_that_is_too_long_is_waited_out(source, caplog):
  async with node(lambda: [bytes(40 * 1024 * 1024)], reads=True) as hostile:
    running = await source(hostile, accounts=["1" * 32])
    with trio.fail_after(60):
      while "larger than max" not in caplog.text:
        await trio.sleep(0.02)
    assert running.failure is None
    await running.end()


async def test_pings_whose_answers_are_not_read_end_the_connection(source):
  ping = pb.SubscribeUpdate(ping=pb.SubscribeUpdatePing()).SerializeToString()
  async with node(lambda: itertools.repeat(ping)) as hostile:
    running = await source(hostile, accounts=["1" * 32])
    with trio.fail_after(60):
      while len(hostile.calls) < 2:
        await trio.sleep(0.02)
    assert MOST_UNSENT < 1000
    await running.end()


async def test_an_endless_stream_of_long_updates_waits_at_the_node(source):
  account = pb.SubscribeUpdate()
  account.account.slot = 5
  account.account.account.pubkey = KEY
  account.account.account.data = bytes(8 * 1024 * 1024)
  data = account.SerializeToString()
  async with node(lambda: itertools.repeat(data, 200), reads=True) as hostile:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    running = await source(hostile, event_types=["account"], accounts=["1" * 32])
    await running.until(lambda one: one.of("account"), seconds=20)
    # The loop does nothing for a while: what comes meanwhile may not be kept.
    hold_the_loop()
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    await running.end()
  assert grown < 600, grown


@pytest.mark.parametrize(
  "answer",
  [
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>" + b"x" * 100_000,
    b"\x00" * 1_000_000,
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" * 10_000,
    b"",
  ],
  ids=["a page", "zeros", "prefaces", "nothing"],
)
async def test_what_speaks_no_grpc_is_tried_again(source, answer):
  connections = []

  async def handler(stream):
    connections.append(stream)
    try:
      await stream.receive_some()
      await stream.send_all(answer)
    except trio.BrokenResourceError:
      pass

  async with trio.open_nursery() as nursery:
    serving = partial(trio.serve_tcp, handler, 0, host="127.0.0.1")
    (listener,) = await nursery.start(serving)
    running = await source(
      Node(f"http://127.0.0.1:{listener.socket.getsockname()[1]}"), accounts=["1" * 32]
    )
    with trio.fail_after(60):
      while len(connections) < 3:
        await trio.sleep(0.02)
    assert running.failure is None
    assert running.events == []
    await running.end()
    nursery.cancel_scope.cancel()
