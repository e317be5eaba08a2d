"""bond token"""

import json
import math
import os
import time
from urllib.parse import quote, urlsplit, urlunsplit

import click
from bond_commandkit import fail

from bond_core import BondError

DEFAULT_TTL = "3600"
LONGEST = 365 * 86_400


@click.command(name="token")
@click.argument("stream", metavar="STREAM_ID|market")
@click.option(
  "--ttl", metavar="TIME", help="How long it lasts, as in 1h  [BOND_TOKEN_TTL in seconds, or 3600]"
)
@click.option("--url", metavar="URL", help="Print the whole URL; as in ws://localhost:8080.")
@click.option("--data", metavar="FOLDER", help="Bond's data folder.  [BOND_DATA]")
@click.option(
  "--sim", is_flag=True, envvar="BOND_SIM", help="For a server that runs with --sim.  [BOND_SIM]"
)
@click.option("--json", "as_json", is_flag=True, help="Everything there is to know, as JSON.")
def token_command(
  stream: str, ttl: str | None, url: str | None, data: str | None, sim: bool, as_json: bool
) -> None:
  """Make a token that reads a stream, or the market feed, until it expires.

  It is signed with the secret of the server on this machine: BOND_SECRET, or the one saved in the
  data folder, so both need the same. A server with --sim has a secret of its own there.

  \b
  bond token market
  bond token 3f2a9c0d11e4b7a8 --ttl 10m --url wss://feed.example.com
  """
  from bond_core.config import parse_duration
  from bond_server.access.generations import FILE, FileGenerations
  from bond_server.access.secret import server_secret
  from bond_server.access.tokens import mint
  from bond_server.data_folder import data_folder, open_part

  duration = ttl or os.environ.get("BOND_TOKEN_TTL") or DEFAULT_TTL
  try:
    folder = open_part(data_folder(data), simulated=sim)
    lasts = parse_duration(duration)
    if lasts < 1:
      fail(f"{duration} is too short; a token lasts a second or more")
    if lasts > LONGEST:
      fail(
        f"{duration} is too long; a token lasts a year (365d) at most, as deletions count so long"
      )
    expiry = math.ceil(time.time() + lasts)
    secret = server_secret(folder, loopback=True)
    generations = FileGenerations(folder / FILE)
    token = mint(stream, expiry, keyring=secret.keyring, generations=generations)
    whole = None if url is None else with_token(url, stream, token)
  except (BondError, ValueError) as exc:
    fail(f"bond token: {exc}")
  if as_json:
    answer = {
      "stream_id": stream,
      "token": token,
      "expires_at": expiry,
      "expires_in_sec": math.floor(lasts),
      "url": whole,
      "signed_with": secret.source,
    }
    click.echo(json.dumps(answer))
  else:
    click.echo(whole or token)


def with_token(url: str, stream: str, token: str) -> str:
  """The URL that reads a stream: the route is added where the URL has none. Raises ValueError for
  what is no URL of a WebSocket."""
  split = urlsplit(url if "://" in url else f"ws://{url}")
  if split.scheme not in ("ws", "wss") or not split.hostname:
    raise ValueError(f"{url!r} is no URL of a WebSocket; write one as in ws://localhost:8080")
  path = split.path
  if path in ("", "/"):
    path = "/stream" if stream == "market" else f"/ws/{stream}"
  query = "&".join(filter(None, (split.query, f"token={quote(token, safe='.-_')}")))
  return urlunsplit((split.scheme, split.netloc, path, query, ""))
