"""A plan strikes what it says, for as long as it says, and what it withholds is known."""

import json
import random
from typing import get_args

import pytest
import trio
from bond_simkit import EPISODES, Episode, EpisodeKind, Hostility, draw_episodes
from bond_simkit.hostile import alter
from bond_simkit.http import HttpRequest, HttpResponse, json_response

MESSAGE = b'{"stream":"x","data":{"t":1,"p":"2.5","m":true,"b":[["1","2"]]}}'


class Echo:
  """A site with one answer."""

  async def http(self, request):
    return json_response({"status": "TRADING"})

  async def upgrade(self, request):
    return HttpResponse(status=404)

  def opened(self, connection):
    raise NotImplementedError


def hostility(kind, begin=0.0, end=10.0, share=1.0):
  episode = Episode(kind=kind, begin=begin, end=end, share=share)
  return Hostility([episode], random.Random(1))


def test_each_kind_has_a_sentence():
  assert tuple(EPISODES) == get_args(EpisodeKind)


def test_a_plan_is_over_in_time_and_a_seed_gives_the_same():
  kinds = get_args(EpisodeKind)
  plans = [draw_episodes(random.Random(seed), kinds, until=15.0) for seed in range(200)]
  assert all(0 <= one.begin < one.end <= 15.0 for plan in plans for one in plan)
  assert {one.kind for plan in plans for one in plan} == set(kinds)
  assert plans[3] == draw_episodes(random.Random(3), kinds, until=15.0)


def test_what_is_altered_is_never_another_valid_value():
  told = {MESSAGE}
  for seed in range(300):
    altered = alter(MESSAGE, random.Random(seed))
    told.add(altered)
    value = json.loads(altered)
    data = value.get("data")
    if isinstance(data, dict):
      assert data.get("m") in (True, {}, [[]], None, "x")
      assert data.get("t") in (1, {}, [[]], None, "x", "nan", "-1e999", {"value": 1})
  assert len(told) > 20


@pytest.mark.parametrize(
  ("kind", "differs"),
  [("status", True), ("body", True), ("halted", True), ("drop", False), ("slow", False)],
)
async def test_answers_are_struck_while_an_episode_lasts(autojump_clock, kind, differs):
  plan = hostility(kind)
  site = plan.site(Echo())
  request = HttpRequest(method="GET", path="/api")
  right = b'{"status":"TRADING"}'
  struck = await site.http(request)
  assert ((struck.status, struck.body) != (200, right)) == differs
  control = await site.http(HttpRequest(method="GET", path="/_sim/stats"))
  assert control.body == right
  await trio.sleep(30)
  after = await site.http(request)
  assert (after.status, after.body) == (200, right)
  assert plan.struck[kind] == (differs or kind == "slow")
