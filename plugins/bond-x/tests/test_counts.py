import logging

import bond_sim.x.site
import pytest
import trio
from bond_builtin.transforms.window import Windower, Windows
from bond_sim.x.faults import parse_fault
from bond_x.config import Counts
from bond_x.counts import whole_minutes

from bond_core._clock import DataClock
from bond_core._events import Window
from bond_core._types.transform import TransformContext

CANARY = "canary-7f3a91-token"
MINUTE = 60_000


def by_minute(site):
  """How many posts about BTC were written in each minute, as the simulator knows it."""
  found = {}
  for post in site.written:
    if "$BTC" in post["text"]:
      start = post["created_ms"] - post["created_ms"] % MINUTE
      found[start] = found.get(start, 0) + 1
  return found


def counted(ctx):
  return [(post.ts_exchange, post.count) for post in ctx.posts]


async def write(site, seconds):
  for number in range(seconds // 7):
    for _ in range(number % 4):
      site.write("$BTC is moving")
    site.write("the weather is fine")
    await trio.sleep(7)


async def test_every_whole_minute_comes_once_with_its_number(autojump_clock, site, counts):
  ctx = await counts()
  await write(site, 600)
  # A quiet minute is a number too.
  await trio.sleep(300)
  expected = by_minute(site)
  starts = [start for start, _ in counted(ctx)]
  assert starts == list(range(starts[0], starts[-1] + MINUTE, MINUTE))
  assert len(starts) >= 13
  assert counted(ctx) == [(start, expected.get(start, 0)) for start in starts]
  assert sum(count for _, count in counted(ctx)) == sum(expected.values()) > 100
  assert counted(ctx)[-1][1] == 0
  post = ctx.posts[0]
  assert (post.exchange, post.symbol, post.symbols, post.text) == ("x", "BTC", ["BTC"], "")
  assert not ctx.gaps
  assert not site.violations
  assert ctx.figures == {"spent_usd": pytest.approx(0.005 * site.counted)}
  assert site.sold == 0


async def test_a_minute_is_counted_when_x_has_all_of_it_and_no_sooner(autojump_clock, site, counts):
  ctx = await counts()
  for _ in range(300):
    seen = len(ctx.posts)
    await trio.sleep(1)
    now = ctx.clock.now_ms()
    for post in ctx.posts[seen:]:
      assert MINUTE + 30_000 <= now - post.ts_exchange <= MINUTE + 36_000
  assert len(ctx.posts) >= 4


async def test_asking_less_often_costs_less_and_leaves_nothing_out(autojump_clock, site, counts):
  ctx = await counts(every=300)
  await write(site, 1800)
  expected = by_minute(site)
  assert counted(ctx) == [(start, expected.get(start, 0)) for start, _ in counted(ctx)]
  assert len(counted(ctx)) >= 25
  assert site.counted <= 6


@pytest.mark.parametrize("fault", ["429:200", "5xx:700"])
async def test_what_an_outage_held_back_comes_after_it(autojump_clock, site, counts, fault):
  ctx = await counts()
  site.fault(parse_fault(fault))
  await write(site, 600)
  await trio.sleep(1200)
  expected = by_minute(site)
  assert counted(ctx) == [(start, expected.get(start, 0)) for start, _ in counted(ctx)]
  assert sum(count for _, count in counted(ctx)) == sum(expected.values())
  assert not ctx.gaps
  assert not +site.violations


async def test_minutes_that_x_leaves_out_are_a_gap_and_none_comes_twice(
  autojump_clock, site, counts, monkeypatch
):
  ctx = await counts()
  await trio.sleep(200)
  made = bond_sim.x.site.count

  def holed(request, written, now_ms):
    body = made(request, written, now_ms)
    # As a request that overlaps the last one, and rows that are cut short or no rows.
    early = {"end": "2020-01-01T00:01:00.000Z", "start": "2020-01-01T00:00:00.000Z"}
    short = {**body["data"][-1], "end": body["data"][-1]["start"]}
    body["data"] = [{**early, "tweet_count": 7}, *body["data"][2:], short, None]
    return body

  before = len(counted(ctx))
  site.fault(parse_fault("5xx:200"))
  await trio.sleep(150)
  monkeypatch.setattr(bond_sim.x.site, "count", holed)
  await trio.sleep(600)
  monkeypatch.setattr(bond_sim.x.site, "count", made)
  await trio.sleep(200)
  starts = [start for start, _ in counted(ctx)]
  assert starts == sorted(set(starts))
  assert len(starts) > before
  missing = set(range(starts[0], starts[-1], MINUTE)) - set(starts)
  assert missing
  behind = MINUTE + 33_000
  covered = {
    start
    for gap in ctx.gaps
    for start in missing
    if gap.ts_from - behind < start + MINUTE and gap.ts_to - behind > start
  }
  assert covered == missing
  assert {(gap.symbol, gap.channel) for gap in ctx.gaps} == {("BTC", "post")}


async def test_after_seven_days_the_counts_begin_anew_with_a_gap(autojump_clock, site, counts):
  ctx = await counts(every=3600, spend_cap=0)
  await trio.sleep(4000)
  site.fault(parse_fault(f"5xx:{8 * 86_400}"))
  await trio.sleep(8 * 86_400 + 8000)
  assert ["no longer counts so far back" in gap.cause for gap in ctx.gaps] == [True]
  assert ctx.posts[-1].ts_exchange > ctx.clock.now_ms() - 7_500_000
  starts = [start for start, _ in counted(ctx)]
  assert starts == sorted(set(starts))
  assert not +site.violations


@pytest.mark.parametrize("clock", [-2500, 0, 2500], indirect=True)
async def test_the_limit_of_all_sources_together_is_never_exceeded(
  autojump_clock, site, counts, clock
):
  assets = [f"COIN{number}" for number in range(20)]
  one = await counts(symbols=assets, spend_cap=0)
  two = await counts(symbols=assets, spend_cap=0)
  for number in range(400):
    site.write(f"${assets[number % 20]} {number}")
    await trio.sleep(5)
  await trio.sleep(2000)
  for ctx in (one, two):
    assert sum(post.count for post in ctx.posts) == 400
    assert {post.symbol for post in ctx.posts if post.count} == set(assets)
  assert not site.violations
  assert len(site.clients) == 1


async def test_the_cap_ends_the_source_before_it_is_passed(autojump_clock, site, counts):
  ctx = await counts(spend_cap=0.05)
  await trio.sleep(3000)
  assert "0.05 USD were spent on X today, and spend_cap is 0.05" in ctx.failure
  assert site.counted == 10


async def test_the_cap_is_not_passed_by_sources_that_wait_for_each_other(
  autojump_clock, site, counts
):
  running = [await counts(symbols=[f"COIN{n}"], spend_cap=0.05) for n in range(7)]
  await trio.sleep(3000)
  assert [ctx.failure is not None for ctx in running] == [True] * 7
  assert site.counted == 10


async def test_windows_of_minutes_have_the_numbers_as_tweets(autojump_clock, site, counts):
  ctx = await counts()
  clock = DataClock(ctx.clock.now_ms())
  config = Windows(every=60, lateness=105, symbols=["BTC/USDT"])
  windower = Windower(config, TransformContext("w", clock))
  out, seen = [], 0
  for _ in range(120):
    site.write("$BTC")
    await trio.sleep(10)
    clock.advance(ctx.clock.now_ms())
    for event in ctx.events[seen:]:
      event.ts_event = clock.now_ms()
    out += windower(ctx.events[seen:])
    out += windower.on_timer(clock.now_ms())
    seen = len(ctx.events)
  expected = by_minute(site)
  rows = [row for row in out if type(row) is Window]
  assert len(rows) >= 15
  tweets = [row.tweets for row in rows]
  assert tweets[1:] == [6] * (len(rows) - 1)
  assert tweets[0] == expected[min(expected)]
  assert windower.late == 0


async def test_the_token_is_in_no_output_log_error_or_event(
  autojump_clock, site, counts, caplog, capfd
):
  caplog.set_level(logging.DEBUG)
  ctx = await counts()
  for fault in ("429:1", "5xx:1"):
    site.fault(parse_fault(fault))
    await trio.sleep(200)
  out, err = capfd.readouterr()
  assert ctx.posts
  assert "7.20 USD a day" in caplog.text
  assert "16.7 hours into a UTC day" in caplog.text
  assert CANARY not in out + err + caplog.text + repr(ctx.events) + repr(ctx.figures)


@pytest.mark.parametrize("name", ["tweet_count", "post_count"])
def test_both_spellings_are_read_and_only_whole_minutes_of_before_the_end(name):
  rows = [
    {"start": "2026-09-14T19:00:30.000Z", "end": "2026-09-14T19:01:00.000Z", name: 1},
    {"start": "2026-09-14T19:01:00.000Z", "end": "2026-09-14T19:02:00.000Z", name: 2},
    {"start": "2026-09-14T19:02:00.000Z", "end": "2026-09-14T19:02:30.000Z", name: 3},
    {"start": "2026-09-14T19:03:00.000Z", "end": "2026-09-14T19:04:00.000Z", name: 4},
    {"start": "2026-09-14T19:01:00.000Z", "end": "2026-09-14T19:02:00.000Z", name: "2"},
    {"start": None, "end": 5, name: 2},
    "row",
  ]
  assert whole_minutes(rows, 1_789_412_580_000) == [(1_789_412_460_000, 2)]
  assert whole_minutes({}, 1_789_412_580_000) == []


def test_more_counts_than_x_allows_and_parts_of_minutes_are_refused():
  with pytest.raises(ValueError, match="21 counts every 60 s are more than the 300 in 15 minutes"):
    Counts(symbols=[f"C{number}" for number in range(21)], every=60)
  with pytest.raises(ValueError, match="whole minutes"):
    Counts(symbols=["BTC"], every=90)
  with pytest.raises(ValueError, match="X takes 512"):
    Counts(query="x" * 520)
