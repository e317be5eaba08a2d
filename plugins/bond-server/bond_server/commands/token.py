"""bond token"""

import json
import math
import os
import sys
import time
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import click
from bond_commandkit import fail

from bond_core import BondError

DEFAULT_TTL = "3600"
LONGEST = 365 * 86_400


@click.command(name="token")
@click.argument("stream", metavar="[STREAM_ID|market]", required=False)
@click.option(
  "--narrow",
  metavar="TOKEN",
  help="Make of a token or an API key (- reads it from standard input) one that may do less.",
)
@click.option("--symbol", "symbols", multiple=True, help="With --narrow: only this; repeatable.")
@click.option(
  "--exchange", "exchanges", multiple=True, help="With --narrow: only this; repeatable."
)
@click.option("--channel", "channels", multiple=True, help="With --narrow: only this; repeatable.")
@click.option("--stream", "streams", multiple=True, help="With --narrow: only this; repeatable.")
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
  stream: str | None,
  narrow: str | None,
  symbols: tuple[str, ...],
  exchanges: tuple[str, ...],
  channels: tuple[str, ...],
  streams: tuple[str, ...],
  ttl: str | None,
  url: str | None,
  data: str | None,
  sim: bool,
  as_json: bool,
) -> None:
  """Make a token that reads a stream, or the market feed, until it expires.

  It is signed with the secret of the server on this machine: BOND_SECRET, or the one saved in the
  data folder, so both need the same. A server with --sim has a secret of its own there.

  With --narrow the holder of a token or an API key makes one that may do less and for shorter,
  without the server and its secret: for an agent, say.

  \b
  bond token market
  bond token 3f2a9c0d11e4b7a8 --ttl 10m --url wss://feed.example.com
  bond token --narrow "$(bond token market)" --symbol BTC/USDT --ttl 10m
  """
  wanted = {"symbols": symbols, "exchanges": exchanges, "channels": channels, "streams": streams}
  if narrow is not None:
    if stream is not None or url is not None or data is not None:
      fail("--narrow works on a token that there is; leave STREAM_ID, --url and --data out")
    _narrow(narrow, wanted, ttl, as_json)
    return
  if any(wanted.values()):
    fail("--symbol, --exchange, --channel and --stream are for --narrow")
  if stream is None:
    fail("name what the token reads: a STREAM_ID, or market")
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


def _narrow(given: str, wanted: dict[str, tuple[str, ...]], ttl: str | None, as_json: bool) -> None:
  from bond_core import CHANNELS
  from bond_core.config import parse_duration
  from bond_server.access.narrow import narrow, symbol_of

  parent = (sys.stdin.read() if given == "-" else given).strip()
  if not parent:
    fail("there is no token or API key to narrow")
  try:
    claims: dict[str, Any] = {name: list(named) for name, named in wanted.items() if named}
    if "symbols" in claims:
      claims["symbols"] = [symbol_of(symbol) for symbol in claims["symbols"]]
    if unknown := sorted(set(claims.get("channels", ())) - set(CHANNELS)):
      fail(f"there is no channel {unknown[0]!r}; there is {', '.join(CHANNELS)}")
    if ttl is not None:
      claims["exp"] = math.ceil(time.time() + parse_duration(ttl))
    token = narrow(parent, claims)
  except (BondError, ValueError) as exc:
    fail(f"bond token: {exc}")
  click.echo(json.dumps({"token": token, **claims}) if as_json else token)


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
