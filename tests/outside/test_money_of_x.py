"""X for callers of a server: its money is the operator's, and a bad query its own author's."""

import trio
from over_http import api_of, request
from serving import served

ALICE, BOB = "alice-9f3c1e7ab2604d58", "bob-71d4e0c85fa926b3"
KEYS = {"BOND_API_KEYS": f"alice:{ALICE},bob:{BOB}", "BOND_MAX_STREAMS": "20"}

BAD = ["((", "a)(b", "-", '"', "()", "bitcoin ((("]


async def create(api, values, key, use="x.posts"):
  spec = {"sources": {"it": {"use": use, "with": values}}}
  return await request("POST", f"{api}/v1/streams", {"spec": spec}, key)


async def streams(api, key):
  return (await request("GET", f"{api}/v1/streams", key=key))[1]


async def total(api, ids):
  """How many events these streams of Alice's have delivered."""
  found = [await request("GET", f"{api}/v1/streams/{one}/metrics", key=ALICE) for one in ids]
  assert [status for status, _ in found] == [200] * len(ids)
  return sum(figures["msgs_out"] for _, figures in found)


def test_a_bad_query_ends_its_own_stream_and_shows_nobody_else_its_text(tmp_path):
  environ = {**KEYS, "XDG_DATA_HOME": str(tmp_path)}

  async def work():
    async with served(environ=environ.items()) as server:
      api = await api_of(server)
      good = [
        (await create(api, {"query": query}, ALICE))[1]["stream_id"]
        for query in ("bitcoin", "price", "BTC")
      ]
      await trio.sleep(1)
      for query in BAD:
        status, answer = await create(api, {"query": query}, BOB)
        if status == 201:
          await trio.sleep(0.2)
          await request("DELETE", f"{api}/v1/streams/{answer['stream_id']}", key=BOB)
      left = await streams(api, ALICE)
      before = await total(api, good)
      with trio.move_on_after(15):
        while await total(api, good) <= before:
          await trio.sleep(0.2)
      after = await total(api, good)
    return left, before, after

  left, before, after = trio.run(work)
  assert [(one["running"], one.get("problem")) for one in left] == [(True, None)] * 3
  assert after > before


def test_a_spec_from_outside_sets_no_cap_and_a_caller_spends_its_share_at_most(tmp_path):
  environ = {**KEYS, "XDG_DATA_HOME": str(tmp_path)}
  environ |= {"X_SPEND_CAP": "0.06", "X_SPEND_CAP_EACH": "0.03"}

  async def work():
    async with served(environ=environ.items()) as server:
      api = await api_of(server)
      refused = [
        await create(api, {"query": "bitcoin", "spend_cap": cap}, ALICE, use)
        for cap in (0, 1e9)
        for use in ("x.posts", "x.search", "x.counts")
      ]
      for number in range(3):
        await create(api, {"query": f"bitcoin OR BTC OR w{number}"}, ALICE)
      with trio.move_on_after(30):
        while any(one["running"] for one in await streams(api, ALICE)):
          await trio.sleep(0.2)
      ended = await streams(api, ALICE)
      status, _ = await create(api, {"query": "ETH"}, BOB)
      others = await streams(api, BOB)
    return refused, ended, status, others

  refused, ended, status, others = trio.run(work)
  assert [found[0] for found in refused] == [422] * 6
  assert all("spend_cap" in found[1]["detail"] for found in refused)
  assert [one["running"] for one in ended] == [False] * 3
  assert all("you have spent on X" in one["problem"] for one in ended)
  assert (status, [one["running"] for one in others]) == (201, [True])
