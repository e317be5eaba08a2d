import pytest
import trio
from bond_sim.bluesky.faults import parse_fault


async def test_posts_about_an_asset_come_once_with_author_language_time_and_address(
  autojump_clock, site, source
):
  ctx = await source()
  wanted = site.write("to the moon with $BTC")
  site.write("the weather is fine")
  site.like("anna.bsky.social")
  site.identity("anna.bsky.social")
  await trio.sleep(1)
  (post,) = ctx.posts
  assert (post.text, post.lang, post.symbol) == ("to the moon with $BTC", "en", "BTC")
  assert (post.user, post.exchange) == ("did:plc:anna", "bluesky")
  assert post.tweet_id == f"at://did:plc:anna/app.bsky.feed.post/{wanted['rkey']}"
  assert post.ts_exchange == wanted["time_us"] // 1000
  assert not ctx.gaps
  assert not site.violations


async def test_a_post_about_two_assets_counts_to_each(autojump_clock, site, source):
  ctx = await source(symbols=["BTC/USDT", "ETH"])
  site.write("bitcoin or ethereum?")
  await trio.sleep(1)
  assert [post.symbol for post in ctx.posts] == ["BTC", "ETH"]
  assert ctx.posts[0].symbols == ["BTC", "ETH"]


async def test_query_author_language_and_words_narrow_what_comes(autojump_clock, site, source):
  query = await source(query='etf "spot price"')
  spanish = await source(symbols=["BTC"], lang="es")
  words = await source(symbols=["BTC"], words={"BTC": ["satoshi nakamoto"]})
  author = await source(authors=["did:plc:bo"])
  site.write("the ETF and its spot price", "anna.bsky.social")
  site.write("bitcoin, claro", "anna.bsky.social", lang="es-MX")
  site.write("Satoshi Nakamoto!", "anna.bsky.social")
  site.write("good morning", "bo.example.com")
  await trio.sleep(1)
  assert [post.text for post in query.posts] == ["the ETF and its spot price"]
  assert [post.text for post in spanish.posts] == ["bitcoin, claro"]
  assert [post.text for post in words.posts] == ["bitcoin, claro", "Satoshi Nakamoto!"]
  assert [(post.text, post.symbol) for post in author.posts] == [("good morning", "")]


async def test_tags_that_the_text_does_not_show_count(autojump_clock, site, source):
  ctx = await source()
  site.write("one", tags=["Bitcoin"])
  facet = {"features": [{"$type": "app.bsky.richtext.facet#tag", "tag": "btc"}], "index": {}}
  site.write("two", facets=[facet])
  await trio.sleep(1)
  assert [post.text for post in ctx.posts] == ["one", "two"]


async def test_records_of_any_shape_are_read_as_far_as_they_go(autojump_clock, site, source):
  ctx = await source()
  odd = {"facets": [{"features": "x"}, 7, {"features": [None, {"$type": 1}]}], "tags": "none"}
  site.write("$BTC odd", **odd)
  site.write("$BTC no langs", langs=None)
  site.write("$BTC langs of another type", langs=[1, {}])
  site.write(["$BTC"])
  await trio.sleep(1)
  assert [post.text for post in ctx.posts] == [
    "$BTC odd",
    "$BTC no langs",
    "$BTC langs of another type",
  ]
  assert not ctx.gaps


async def test_all_sources_share_one_connection(autojump_clock, site, source):
  one, two = await source(), await source(symbols=["ETH"])
  site.write("$BTC")
  site.write("$ETH")
  await trio.sleep(1)
  assert [post.text for post in one.posts] == ["$BTC"]
  assert [post.text for post in two.posts] == ["$ETH"]
  assert len(site.connected) == 1


async def test_when_the_first_source_leaves_the_connection_stays_and_the_last_one_closes_it(
  autojump_clock, site, source
):
  first = await source()
  two = await source(symbols=["ETH"])
  one = site.write("$ETH one")
  first.end()
  between = site.write("$ETH between")
  await trio.sleep(40)
  last = site.write("$ETH last")
  await trio.sleep(1)
  assert two.keys == [one["rkey"], between["rkey"], last["rkey"]]
  assert not two.gaps
  assert len(site.connected) == 1
  two.end()
  await trio.sleep(1)
  await source(symbols=["SOL"])
  assert len(site.connected) >= 2
  # Nobody reads what the first connection would have to make up for.
  assert site.cursors == [None, None]


@pytest.mark.parametrize("fault", ["drop", "close", "silence"])
async def test_an_outage_loses_and_doubles_nothing_and_goes_on_at_another_server(
  autojump_clock, site, source, fault
):
  ctx = await source()
  keys = [site.write(f"$BTC {i}")["rkey"] for i in range(3)]
  await trio.sleep(1)
  site.fault(parse_fault("5xx:20"))
  site.fault(parse_fault(fault))
  await trio.sleep(0.1)
  keys += [site.write(f"$BTC missed {i}")["rkey"] for i in range(3)]
  await trio.sleep(120)
  keys.append(site.write("$BTC after")["rkey"])
  await trio.sleep(1)
  assert ctx.keys == keys
  assert not ctx.gaps
  assert len(set(site.hosts)) > 1
  assert not site.violations


async def test_an_outage_before_the_first_message_loses_nothing(autojump_clock, site, source):
  ctx = await source()
  site.fault(parse_fault("drop"))
  await trio.lowlevel.checkpoint()
  missed = site.write("$BTC")
  await trio.sleep(60)
  assert ctx.keys == [missed["rkey"]]
  assert not ctx.gaps


async def test_a_cursor_that_is_too_old_is_declared_with_the_span_that_is_missing(
  autojump_clock, site, source
):
  ctx = await source()
  before = site.write("$BTC before")
  await trio.sleep(1)
  site.fault(parse_fault("drop"))
  await trio.lowlevel.checkpoint()
  lost = site.write("$BTC lost")
  site.fault(parse_fault("forget"))
  await trio.sleep(60)
  after = site.write("$BTC after")
  await trio.sleep(1)
  assert ctx.keys == [before["rkey"], after["rkey"]]
  (gap,) = ctx.gaps
  assert gap.ts_from <= lost["time_us"] // 1000 <= gap.ts_to
  assert (gap.channel, gap.exchange) == ("post", "bluesky")


async def test_servers_that_are_down_are_passed_over(autojump_clock, site, source):
  site.down |= {"jetstream2.us-east.bsky.network", "jetstream1.us-west.bsky.network"}
  ctx = await source()
  await trio.sleep(10)
  wanted = site.write("$BTC")
  await trio.sleep(1)
  assert ctx.keys == [wanted["rkey"]]
  assert site.hosts == [
    "jetstream2.us-east.bsky.network",
    "jetstream1.us-west.bsky.network",
    "jetstream1.us-east.bsky.network",
  ]


@pytest.mark.parametrize("fault", ["403:60s", "html:60s", "5xx:60s"])
async def test_a_page_in_place_of_the_stream_is_waited_out(autojump_clock, site, source, fault):
  ctx = await source()
  await trio.sleep(10)
  site.fault(parse_fault(fault))
  site.fault(parse_fault("drop"))
  wanted = [site.write("$BTC one")["rkey"]]
  await trio.sleep(200)
  wanted.append(site.write("$BTC two")["rkey"])
  await trio.sleep(5)
  assert ctx.keys == wanted
  assert len(site.connected) >= 2


async def test_a_quiet_stream_is_kept_and_a_dead_one_is_left_after_a_minute(
  autojump_clock, site, source
):
  ctx = await source()
  for _ in range(10):
    await trio.sleep(50)
    site.identity("anna.bsky.social")
  assert len(site.connected) == 1
  await trio.sleep(120)
  assert len(site.connected) > 1
  assert not ctx.gaps


async def test_duplicates_deleted_posts_and_unreadable_messages(autojump_clock, site, source):
  ctx = await source()
  site.fault(parse_fault("duplicate:2"))
  posts = [site.write(f"$BTC {i}") for i in range(3)]
  site.delete(posts[0])
  site.fault(parse_fault("garbage"))
  await trio.sleep(1)
  assert ctx.keys == [post["rkey"] for post in posts]
  (gap,) = ctx.gaps
  assert gap.missed == 1


async def test_under_every_fault_for_an_hour_all_posts_come_once(autojump_clock, site, source):
  ctx = await source()
  faults = ["drop", "5xx:40", "close", "silence", "duplicate:3", "drop", "5xx:10", "silence"]
  written = []
  for number in range(180):
    written.append(site.write(f"$BTC {number}")["rkey"])
    if number % 2:
      site.fault(parse_fault(faults[number // 2 % len(faults)]))
    await trio.sleep(20)
  await trio.sleep(120)
  assert ctx.keys == written
  assert not ctx.gaps
  assert not site.violations
  assert len(site.connected) > 30
