from functools import partial

import httpx
import pytest
from bond_bluesky.authors import resolve_authors
from bond_bluesky.config import Posts
from bond_sim.bluesky.config import BlueskyConfig, serve_bluesky
from bond_simkit import SimulatorError

from bond_core._errors import Disconnected, Refused


@pytest.mark.parametrize(
  ("settings", "reason"),
  [
    ({}, "nothing to look for"),
    ({"symbols": ["B T C"]}, "no asset"),
    ({"query": "!!!"}, "no word to look for"),
    ({"symbols": ["BTC"], "words": {"BTC": ["…"]}}, "no word to look for"),
    ({"symbols": ["BTC"], "words": {"ETH": ["x"]}}, "not among the symbols"),
    ({"authors": ["anna smith"]}, "is no author"),
    ({"symbols": ["BTC"] * 101}, "more than the 100"),
    ({"symbols": ["BTC"], "endpoint": "jetstream"}, "is no endpoint"),
  ],
)
def test_what_cannot_be_looked_for_is_refused_with_a_reason(settings, reason):
  with pytest.raises(ValueError, match=reason):
    Posts(**settings)


async def test_handles_are_resolved_and_unknown_ones_refused_by_themselves(nursery):
  url = await nursery.start(serve_bluesky, BlueskyConfig(port=0))
  names = Posts(authors=["@Bo.example.com", "did:plc:other"]).authors
  found = {"did:plc:bo": "bo.example.com", "did:plc:other": names[1]}
  assert await resolve_authors(names, url) == (found, [])
  known, (reason,) = await resolve_authors(["nobody", *names], url)
  assert known == found
  assert "has no handle nobody: Unable to resolve handle" in reason
  with pytest.raises(Refused, match="has no handle nobody: Unable to resolve handle"):
    await resolve_authors(["nobody"], url)
  with pytest.raises(Disconnected, match="did not resolve the handle anna"):
    await resolve_authors(["anna.bsky.social"], "http://127.0.0.1:9")


def test_faults_that_there_are_not_are_refused():
  for written in ("explode", "drop:3", "5xx@now"):
    with pytest.raises(SimulatorError, match="is not a fault of Bluesky"):
      BlueskyConfig(faults=[written])


@pytest.mark.parametrize(
  ("body", "error"),
  [
    (b'{"error":"InvalidRequest","message":"Unable to resolve handle"}', Refused),
    (b'{"error":"HandleNotFound","message":"Unable to resolve handle"}', Refused),
    (b"<!DOCTYPE html><html>Bad Request</html>", Disconnected),
    (b"", Disconnected),
    (b"[]", Disconnected),
    (b'{"error":"UpstreamFailure"}', Disconnected),
    (b"\xff", Disconnected),
  ],
)
async def test_only_blueskys_own_answer_refuses_a_handle(body, error, monkeypatch):
  transport = httpx.MockTransport(lambda request: httpx.Response(400, content=body))
  monkeypatch.setattr(httpx, "AsyncClient", partial(httpx.AsyncClient, transport=transport))
  with pytest.raises(error):
    await resolve_authors(["anna.bsky.social"], None)
