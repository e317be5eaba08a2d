import logging

import pytest
import trio
from bond_sim.x.faults import parse_fault
from bond_x.account import account_of
from bond_x.config import Posts

from bond_core import Secret
from bond_core._errors import AuthError

CANARY = "canary-7f3a91-token"


async def test_posts_about_an_asset_come_once_with_author_language_and_time(
  autojump_clock, site, source
):
  ctx = await source()
  wanted = site.write("to the moon with $BTC")
  site.write("the weather is fine")
  site.write("RT @anna: $BTC")
  await trio.sleep(1)
  (post,) = ctx.posts
  assert (post.tweet_id, post.text) == (wanted["id"], "to the moon with $BTC")
  assert (post.user, post.lang, post.symbol, post.symbols) == ("anna", "en", "BTC", ["BTC"])
  assert post.ts_exchange == wanted["created_ms"]
  assert post.metrics["like_count"] == 0
  assert ctx.figures == {"spent_usd": 0.015}
  assert not ctx.gaps


async def test_a_post_about_two_assets_counts_to_each(autojump_clock, site, source):
  ctx = await source(symbols=["BTC/USDT", "ETH"])
  site.write("bitcoin or ethereum?")
  await trio.sleep(1)
  assert [post.symbol for post in ctx.posts] == ["BTC", "ETH"]


async def test_all_sources_share_one_connection_and_each_gets_its_own_posts(
  autojump_clock, site, source
):
  one = await source()
  two = await source(symbols=["ETH"])
  site.write("$BTC")
  site.write("$ETH")
  await trio.sleep(1)
  assert [post.text for post in one.posts] == ["$BTC"]
  assert [post.text for post in two.posts] == ["$ETH"]
  assert len(site.connected) == 1
  assert not site.violations


async def test_when_the_first_source_leaves_the_connection_stays_and_its_rules_go(
  autojump_clock, site, source
):
  first = await source()
  two = await source(symbols=["ETH"])
  first.end()
  site.write("$ETH at once")
  await trio.sleep(1)
  site.write("$BTC and $ETH")
  await trio.sleep(1)
  assert [post.text for post in two.posts] == ["$ETH at once", "$BTC and $ETH"]
  assert not two.gaps
  assert len(site.connected) == 1
  assert [rule.value for rule in site.rules.values()] == [*Posts(symbols=["ETH"]).rules()]


async def test_the_next_source_after_the_last_one_connects_when_x_has_seen_the_end(
  autojump_clock, site, source
):
  first = await source()
  first.end()
  await first.reader.source.ended.wait()
  two = await source(symbols=["ETH"])
  site.write("$ETH")
  await trio.sleep(1)
  assert [post.text for post in two.posts] == ["$ETH"]
  assert len(site.connected) == 2
  assert not site.violations


async def test_sources_that_come_and_go_change_the_rules_in_turn(
  autojump_clock, site, source, begin
):
  assets = ["BTC", "ETH", "SOL", "ADA", "DOT", "XRP"]
  async with trio.open_nursery() as nursery:
    for asset in assets:
      nursery.start_soon(lambda asset=asset: source(symbols=[asset]))
  kept = await source(symbols=["LTC"])
  rules = [*(Posts(symbols=[asset]).rules() for asset in [*assets, "LTC"])]
  assert {rule.value for rule in site.rules.values()} == {rule for one in rules for rule in one}
  site.write("$LTC")
  await trio.sleep(1)
  assert len(kept.posts) == 1
  assert len(site.connected) == 1
  assert not site.violations


async def test_a_rule_that_x_does_not_take_fails_the_sources_that_have_it_and_no_other(
  autojump_clock, site, source
):
  one = await source()
  two = await source(symbols=[], query="a (broken")
  await trio.sleep(1)
  assert "X does not take the rule '(a (broken) -is:retweet'" in two.failure
  assert one.failure is None
  site.write("$BTC")
  await trio.sleep(1)
  assert [post.text for post in one.posts] == ["$BTC"]
  assert len(site.connected) == 1


async def test_rules_of_others_stay_and_equal_rules_are_not_made_again(
  autojump_clock, site, source
):
  body = b'{"add":[{"value":"cats","tag":"mine"},{"value":"old","tag":"bond:gone"}]}'
  site._change(type("R", (), {"body": body})(), ())
  first = await source()
  first.end()
  await trio.sleep(1)
  changed = site.requests["POST /2/tweets/search/stream/rules"]
  await source()
  assert sorted(rule.tag[:5] for rule in site.rules.values()) == ["bond:", "mine"]
  assert site.requests["POST /2/tweets/search/stream/rules"] == changed


@pytest.mark.parametrize("fault", ["drop", "partial", "disconnect"])
async def test_a_stream_that_ends_is_connected_again_at_once_with_one_gap(
  autojump_clock, site, source, fault
):
  ctx = await source()
  site.write("$BTC one")
  await trio.sleep(0.1)
  site.fault(parse_fault(fault))
  await trio.sleep(1)
  site.write("$BTC two")
  await trio.sleep(0.1)
  assert [post.text for post in ctx.posts] == ["$BTC one", "$BTC two"]
  assert len(ctx.gaps) == 1
  assert ctx.gaps[0].channel == "post"
  assert site.connected[1] - site.connected[0] < 2


async def test_twenty_seconds_of_silence_end_a_connection_and_blank_lines_keep_it(
  autojump_clock, site, source
):
  ctx = await source()
  await trio.sleep(300)
  assert len(site.connected) == 1
  silent = trio.current_time()
  site.fault(parse_fault("silence"))
  await trio.sleep(60)
  assert len(site.connected) == 2
  assert 15 <= site.connected[1] - silent <= 21
  assert len(ctx.gaps) == 1


async def test_backfill_recovers_what_was_missed_and_doubles_nothing(autojump_clock, site, source):
  ctx = await source(backfill_minutes=2)
  written = [site.write("$BTC before")["id"]]
  await trio.sleep(1)
  site.fault(parse_fault("silence"))
  await trio.sleep(1)
  written.append(site.write("$BTC while silent")["id"])
  await trio.sleep(60)
  written.append(site.write("$BTC after")["id"])
  await trio.sleep(1)
  assert ctx.ids == written
  assert not ctx.gaps


async def test_without_backfill_the_gap_spans_what_was_missed(autojump_clock, site, source):
  ctx = await source()
  site.fault(parse_fault("5xx:12"))
  site.fault(parse_fault("drop"))
  await trio.sleep(2)
  missed = site.write("$BTC missed")
  await trio.sleep(60)
  (gap,) = ctx.gaps
  assert gap.ts_from <= missed["created_ms"] <= gap.ts_to
  assert not ctx.posts


async def test_posts_that_come_twice_are_given_once(autojump_clock, site, source):
  ctx = await source()
  site.fault(parse_fault("duplicate:5"))
  written = [site.write(f"$BTC {i}")["id"] for i in range(10)]
  await trio.sleep(1)
  assert ctx.ids == written


async def test_under_every_fault_for_an_hour_no_limit_is_exceeded(autojump_clock, site, source):
  ctx = await source(backfill_minutes=5)
  faults = ["drop", "5xx:40", "drop", "429:100", "partial", "disconnect", "silence", "drop"]
  for number in range(90):
    site.write(f"$BTC {number}")
    site.fault(parse_fault(faults[number % len(faults)]))
    await trio.sleep(40)
  await trio.sleep(400)
  assert not site.violations
  assert len(ctx.ids) == len(set(ctx.ids)) > 10


async def test_the_token_is_in_no_output_log_error_or_event(
  autojump_clock, site, source, caplog, capfd
):
  caplog.set_level(logging.DEBUG)
  ctx = await source()
  site.write("$BTC")
  for fault in ("drop", "429:1", "5xx:1", "partial", "silence"):
    site.fault(parse_fault(fault))
    await trio.sleep(70)
  out, err = capfd.readouterr()
  assert ctx.posts
  assert CANARY not in out + err + caplog.text + repr(ctx.events) + repr(ctx.figures)
  assert "this source ends at 5 USD" in caplog.text


async def test_the_cap_ends_the_source_with_a_sentence(autojump_clock, site, source):
  ctx = await source(spend_cap=0.03)
  for _ in range(5):
    site.write("$BTC")
    await trio.sleep(0.1)
  assert "0.03 USD were spent on X today, and spend_cap is 0.03" in ctx.failure
  assert len(ctx.posts) == 2


async def test_what_an_account_has_spent_outlives_its_sources_and_counts_for_all_of_them(
  autojump_clock, site, source, search
):
  ctx = await source(spend_cap=0.03)
  site.write("$BTC")
  site.write("$BTC")
  await trio.sleep(1)
  assert ctx.failure is not None
  for again in (await source(spend_cap=0.03), await search(spend_cap=0.03, every=10)):
    await trio.sleep(60)
    assert "0.03 USD were spent on X today" in again.failure
  assert site.sold == 0
  more = await source(symbols=["ETH"], spend_cap=0.05)
  site.write("$ETH")
  await trio.sleep(1)
  assert more.figures == {"spent_usd": 0.045}


async def test_without_a_token_both_remedies_are_named(autojump_clock, site, source, monkeypatch):
  monkeypatch.delenv("X_BEARER", raising=False)
  with pytest.raises(AuthError, match=r"X_BEARER.*bond-sim.*--sim"):
    account_of(Posts(symbols=["BTC"]))
  ctx = await source()
  assert "X_BEARER" in ctx.failure
  assert not site.requests


@pytest.mark.parametrize("mode", ["live", "mock"])
def test_a_simulator_never_gets_the_token(monkeypatch, mode):
  monkeypatch.setenv("X_BEARER", CANARY)
  config = Posts(symbols=["BTC"], endpoint="http://127.0.0.1:9", mode=mode)
  assert account_of(config).token == "simulated"
  assert not account_of(config).charged
  own = Posts(symbols=["BTC"], endpoint="http://127.0.0.1:9", mode=mode, bearer=Secret("X_BEARER"))
  assert account_of(own).token == (CANARY if mode == "live" else "simulated")
  assert CANARY not in repr(account_of(own))
