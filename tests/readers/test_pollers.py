"""Pages of what is polled, in which one field is left out, null, of another type, negative or huge,
end no source: X's recent search and counts, and the handles of Bluesky."""

import json
import logging

import httpx
import pytest
import trio
from bond_bluesky.authors import resolve_authors
from bond_x.account import Account, Budget
from bond_x.config import Counts, Search
from bond_x.counts import COUNTS, CountPoller
from bond_x.endpoint import Endpoint
from bond_x.search import SEARCH, SearchPoller
from bond_x.spending import Spending

from bond_core import Disconnected, Gap, Refused
from bond_core.testing import problem_of
from tests.readers.fields import changed_fields

TIME = 1_800_000_000_000
ROW = {"start": "2027-01-15T08:00:00.000Z", "end": "2027-01-15T08:01:00.000Z", "tweet_count": 3}
PAGES = {
  "search": {
    "data": [
      {
        "id": "1570000000000000001",
        "text": "RT @anna: $BTC",
        "author_id": "7",
        "lang": "en",
        "created_at": "2027-01-15T08:00:01.000Z",
        "public_metrics": {"like_count": 1},
        "note_tweet": {"text": "$BTC up"},
        "referenced_tweets": [{"type": "retweeted", "id": "9"}],
      }
    ],
    "includes": {"users": [{"id": "7", "username": "anna"}], "tweets": [{"id": "9", "text": "x"}]},
    "meta": {"newest_id": "1570000000000000001", "result_count": 1},
  },
  "counts": {"data": [ROW], "meta": {"total_tweet_count": 3}},
}


class Context:
  """What a poller sees of the core; the clock follows trio's."""

  caller = None
  figures: dict = {}  # noqa: RUF012
  log = logging.LoggerAdapter(logging.getLogger("bond.x"))

  def __init__(self):
    self.clock, self.sent, self.refused = self, [], []

  def now_ms(self):
    return TIME + int(trio.current_time() * 1000)

  async def send(self, batch):
    self.sent += batch

  def notice(self, subscription, reason, *, unavailable=True):
    self.noticed = reason

  def live(self):
    return

  def refuse(self, reason):
    self.refused.append(reason)


@pytest.mark.parametrize("kind", PAGES)
async def test_a_page_with_a_field_of_any_kind_ends_no_poller(autojump_clock, kind):
  right = json.dumps(PAGES[kind]).encode()
  path, config, poller = {
    "search": (SEARCH, Search(symbols=["BTC"], retweets=True, spend_cap=0), SearchPoller),
    "counts": (COUNTS, Counts(symbols=["BTC"], every=60, spend_cap=0), CountPoller),
  }[kind]
  for broken in changed_fields(right):
    pages = [broken, right, right]
    requests = []

    def answer(request, pages=pages, requests=requests):
      requests.append(request)
      return httpx.Response(200, content=pages[min(len(requests), len(pages)) - 1])

    ctx = Context()
    account = Account("https://x.example", "t", charged=True)
    budget = Budget(Spending(), 0.0, None, 0.0)
    transport = httpx.MockTransport(answer)
    async with httpx.AsyncClient(
      base_url="https://x.example", transport=transport, trust_env=False
    ) as client:
      endpoint = Endpoint(path, "it", 450)
      with trio.move_on_after(250):
        await poller(config, account, budget, endpoint, client, ctx, ctx).run()
    assert len(requests) > 2, broken
    assert ctx.refused == []
    problems = [problem for event in ctx.sent if (problem := problem_of(event)) is not None]
    assert [problem for problem in problems if "milliseconds" not in problem] == []
    if kind == "search":
      assert [event for event in ctx.sent if type(event) is not Gap], broken


@pytest.mark.parametrize("status", [200, 400, 503])
async def test_an_answer_about_a_handle_of_any_kind_is_an_error_of_bluesky(monkeypatch, status):
  body = b'{"did":"did:plc:bo","error":"InvalidRequest","message":"no"}'
  real = httpx.AsyncClient
  for broken in changed_fields(body):
    transport = httpx.MockTransport(lambda request, b=broken: httpx.Response(status, content=b))
    monkeypatch.setattr(
      httpx, "AsyncClient", lambda transport=transport, **given: real(transport=transport, **given)
    )
    try:
      found, refused = await resolve_authors(["bo.example.com"], None)
    except (Disconnected, Refused):
      continue
    assert (status, refused) == (200, [])
    assert all(isinstance(did, str) for did in found)
