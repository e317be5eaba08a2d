"""Points an exchange of ccxt at another host."""

from typing import Any
from urllib.parse import urlsplit


def point_at(exchange: Any, endpoint: str) -> None:
  """Sends all requests and sockets to `endpoint`, with the venue's own host as first part of the
  path: ccxt recognises markets by parts of a URL, and a simulator knows by it which host it stands
  for.
  """
  sockets = "ws" + endpoint.removeprefix("http")

  def pointed(url: Any) -> Any:
    if isinstance(url, dict):
      return {key: pointed(value) for key, value in url.items()}
    if not isinstance(url, str):
      return url
    parts = urlsplit(url)
    # A port would end the host; `{hostname}` stays for ccxt to fill in.
    host = parts.netloc.partition(":")[0]
    base = sockets if parts.scheme.startswith("ws") else endpoint
    return f"{base}/{host}{parts.path}"

  exchange.urls["api"] = pointed(exchange.urls["api"])
