import json
import logging

import attrs
import pytest
import trio
from bond_sim.x.faults import parse_fault
from bond_x.config import Search

CANARY = "canary-7f3a91-token"


async def test_every_post_comes_once_in_order_with_its_author(autojump_clock, site, search):
  ctx = await search()
  written = []
  for number in range(300):
    written.append(site.write(f"$BTC {number}")["id"])
    site.write("the weather is fine")
    await trio.sleep(3)
  await trio.sleep(120)
  assert ctx.ids == written
  assert (ctx.posts[0].user, ctx.posts[0].symbol, ctx.posts[0].lang) == ("anna", "BTC", "en")
  assert not ctx.gaps
  assert not site.violations
  assert site.sold == 300
  assert ctx.figures == {"spent_usd": 4.5}


async def test_a_burst_of_many_pages_is_read_to_its_end(autojump_clock, site, search):
  ctx = await search(spend_cap=0)
  written = [site.write(f"$BTC {number}")["id"] for number in range(1234)]
  await trio.sleep(120)
  assert ctx.ids == written
  assert not ctx.gaps


async def test_more_than_twenty_pages_are_declared(autojump_clock, site, search):
  ctx = await search(spend_cap=0)
  for number in range(2500):
    site.write(f"$BTC {number}")
  await trio.sleep(120)
  assert len(ctx.ids) == 2000
  assert ["2000 posts came between" in gap.cause for gap in ctx.gaps] == [True]


@pytest.mark.parametrize("page", [1, 2, 3])
@pytest.mark.parametrize("blank", [1, 3, 4])
async def test_a_page_of_errors_alone_is_no_end_of_a_search(
  autojump_clock, site, search, page, blank, monkeypatch
):
  pages = 0
  answer = site._search

  def counted(request, headers):
    nonlocal pages
    pages += 1
    if pages == page:
      site.fault(parse_fault(f"blank:{blank}"))
    return answer(request, headers)

  written = [site.write(f"$BTC {number}")["id"] for number in range(250)]
  await trio.sleep(40)
  monkeypatch.setattr(site, "_search", counted)
  ctx = await search(spend_cap=0)
  await trio.sleep(600)
  if blank < 4:
    assert (ctx.ids, ctx.gaps) == (written, [])
  else:
    # What the page had is declared, unless the next search has it.
    causes = ["X left a page of a search out of its answers"] if page > 1 else []
    assert [gap.cause for gap in ctx.gaps] == causes
    assert ctx.ids == (written[-100 * (page - 1) :] if page > 1 else written)
  site.write("$BTC last")
  await trio.sleep(200)
  assert len(ctx.ids) == len(set(ctx.ids))


@pytest.mark.parametrize("fault", ["429:100", "5xx:200"])
async def test_what_was_written_during_an_outage_comes_after_it(
  autojump_clock, site, search, fault
):
  ctx = await search()
  site.fault(parse_fault(fault))
  written = []
  for number in range(60):
    written.append(site.write(f"$BTC {number}")["id"])
    await trio.sleep(5)
  await trio.sleep(400)
  assert ctx.ids == written
  assert not ctx.gaps


async def test_after_seven_days_the_search_begins_anew_with_a_gap(autojump_clock, site, search):
  ctx = await search()
  written = [site.write("$BTC one")["id"]]
  await trio.sleep(200)
  site.fault(parse_fault("old"))
  await trio.sleep(70)
  written.append(site.write("$BTC two")["id"])
  await trio.sleep(200)
  assert ctx.ids == written
  assert ["no longer searches" in gap.cause for gap in ctx.gaps] == [True]


@pytest.mark.parametrize("clock", [-10_000, 0, 10_000], indirect=True)
async def test_each_asset_has_a_search_and_the_limit_is_never_exceeded(
  autojump_clock, site, search, clock
):
  assets = [f"COIN{number}" for number in range(4)]
  one = await search(symbols=assets, every=10, spend_cap=0)
  two = await search(symbols=assets, every=10, spend_cap=0)
  for number in range(400):
    site.write(f"${assets[number % 4]} {number}")
    await trio.sleep(5)
  await trio.sleep(1000)
  assert len(one.ids) == len(two.ids) == 400
  assert {post.symbol for post in one.posts} == set(assets)
  assert not site.violations


async def test_the_cap_ends_the_source_before_it_is_passed(autojump_clock, site, search):
  ctx = await search(spend_cap=0.9)
  for number in range(300):
    site.write(f"$BTC {number}")
  await trio.sleep(200)
  assert "0.90 USD were spent on X today, and spend_cap is 0.9" in ctx.failure
  assert len(ctx.ids) == site.sold == 60


async def test_the_token_is_in_no_output_log_error_or_event(
  autojump_clock, site, search, caplog, capfd
):
  caplog.set_level(logging.DEBUG)
  ctx = await search()
  site.write("$BTC")
  for fault in ("429:1", "5xx:1"):
    site.fault(parse_fault(fault))
    await trio.sleep(200)
  out, err = capfd.readouterr()
  assert ctx.posts
  assert CANARY not in out + err + caplog.text + repr(ctx.events) + repr(ctx.figures)


def test_more_searches_than_x_allows_are_refused():
  with pytest.raises(ValueError, match="more than the 450 in 15 minutes"):
    Search(symbols=[f"C{number}" for number in range(6)], every=10)
  with pytest.raises(ValueError, match="X takes 512"):
    Search(query="x" * 520)


async def test_a_caller_has_half_of_the_searches_of_an_app(autojump_clock, site, search):
  assets = [f"COIN{number}" for number in range(2)]
  first = await search(symbols=assets, every=10, caller="alice")
  second = await search(symbols=assets[:1], every=10, caller="alice")
  other = await search(symbols=assets[:1], every=10, caller="bob")
  own = await search(symbols=assets[:1], every=20)
  await trio.sleep(1)
  assert first.failure is None
  assert "more than 225 searches in 15 minutes" in second.failure
  assert other.failure is own.failure is None


@pytest.mark.parametrize("kind", ["x.search", "x.counts"])
async def test_one_query_that_x_does_not_take_is_refused_alone(autojump_clock, site, begin, kind):
  found = await begin(kind, symbols=["BTC", "ETH"], words={"ETH": ["(("]}, every=60)
  for _ in range(200):
    site.write("$BTC")
    await trio.sleep(1)
  assert found.failure is None
  (reason,) = found.reader.refused
  assert "Invalid Request" in reason
  assert found.posts


@pytest.mark.parametrize("wrong", ["9" * 19, "9" * 30, "", "abc", None])
async def test_a_post_whose_id_cannot_be_one_is_declared_and_hides_no_other(
  autojump_clock, site, search, wrong
):
  ctx = await search()
  written = [site.write("$BTC one")["id"]]
  await trio.sleep(200)
  right = site._search

  def searched(request, headers):
    answer = right(request, headers)
    page = json.loads(answer.body)
    for row in page.get("data", ()):
      if row["text"] == "$BTC odd":
        row["id"] = wrong
    return attrs.evolve(answer, body=json.dumps(page).encode())

  site._search = searched
  site.write("$BTC odd")
  written.append(site.write("$BTC two")["id"])
  await trio.sleep(200)
  written.append(site.write("$BTC three")["id"])
  await trio.sleep(200)
  assert ctx.ids == written
  assert [gap.missed for gap in ctx.gaps] == [1]


@pytest.mark.parametrize(
  ("fault", "words"),
  [
    ("401:60", "Unauthorized"),
    ("402:60", "does not have any credits"),
    ("403:60", "Attention Required!"),
    ("html:60", "no JSON"),
    ("429:60", "Too Many Requests"),
    ("5xx:60", "Service Unavailable"),
  ],
)
@pytest.mark.parametrize("kind", ["search", "counts"])
async def test_while_x_refuses_readers_see_why_and_then_all_comes(
  autojump_clock, site, search, counts, fault, words, kind
):
  ctx = await (search(spend_cap=0) if kind == "search" else counts(every=60))
  source = ctx.reader.source
  await trio.sleep(100)
  assert set(source.parts().values()) <= {"live"}
  site.write("$BTC one")
  site.fault(parse_fault(fault))
  await trio.sleep(59)
  assert set(source.parts().values()) == {"live", "unavailable"}
  [(subscription, _, reason)] = source.notices()
  assert (subscription.channel, subscription.instrument.exchange) == ("post", "x")
  assert words in reason
  await trio.sleep(400)
  assert set(source.parts().values()) == {"live"}
  assert source.notices() == []
  assert not ctx.gaps
  assert [post.text for post in ctx.posts if post.text] == (["$BTC one"] * (kind == "search"))
  assert kind == "search" or sum(post.count for post in ctx.posts) == 1
