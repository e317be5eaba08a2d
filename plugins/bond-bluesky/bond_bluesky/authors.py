"""Resolving handles: the stream knows authors by their DIDs only.

Source: the lexicon com.atproto.identity.resolveHandle, which https://public.api.bsky.app answers
without a key.
"""

import json
import ssl
from collections.abc import Iterable

import trio

from bond_core import Disconnected, Refused
from bond_core.feeds import said

URL = "https://public.api.bsky.app"
PATH = "/xrpc/com.atproto.identity.resolveHandle"


async def resolve_authors(
  names: Iterable[str], endpoint: str | None
) -> tuple[dict[str, str], list[str]]:
  """Returns DIDs with the names by which a spec gave them, and a sentence for each handle that
  nobody has. Raises Refused where that is all of them, Disconnected where the server does not
  answer."""
  refused: list[str] = []
  found = {name: name for name in names if name.startswith("did:")}
  handles = [name for name in names if not name.startswith("did:")]
  if not handles:
    return found, refused
  # Off the event loop, for the time it takes.
  httpx = await trio.to_thread.run_sync(__import__, "httpx")
  trusted = await trio.to_thread.run_sync(ssl.create_default_context)
  async with httpx.AsyncClient(
    base_url=endpoint or URL, timeout=10.0, trust_env=False, verify=trusted
  ) as client:
    for handle in handles:
      try:
        answer = await client.get(PATH, params={"handle": handle})
        did = answer.json().get("did") if answer.status_code == 200 else None
      except (httpx.HTTPError, ValueError, AttributeError) as exc:
        reason = type(exc).__name__
        raise Disconnected(f"Bluesky did not resolve the handle {handle}: {reason}") from None
      if answer.status_code == 400 and _is_verdict(answer.content):
        refused.append(
          f"Bluesky has no handle {handle}{said(answer.content)}; write the whole handle, "
          "such as anna.bsky.social, or the DID of an author who changes it"
        )
        continue
      if not isinstance(did, str):
        raise Disconnected(
          f"Bluesky did not resolve the handle {handle}: HTTP {answer.status_code}"
          f"{said(answer.content)}"
        )
      found[did] = handle
  if not found:
    raise Refused("; ".join(refused))
  return found, refused


def _is_verdict(body: bytes) -> bool:
  """Whether an answer 400 is Bluesky's own: a proxy's page says nothing about a handle."""
  try:
    answer = json.loads(body)
  except ValueError:
    return False
  return isinstance(answer, dict) and answer.get("error") in ("InvalidRequest", "HandleNotFound")
