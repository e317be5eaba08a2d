"""What a browser lets a page do, by the Fetch standard (fetch.spec.whatwg.org, the CORS protocol):
written by hand, since there is no browser where the tests run."""

from urllib.parse import urljoin

import httpx

SAFE_METHODS = ("GET", "HEAD", "POST")
SAFE_HEADERS = ("accept", "accept-language", "content-language", "content-type", "range")
SAFE_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain")
READABLE = (
  *("cache-control", "content-language", "content-length", "content-type", "expires"),
  *("last-modified", "pragma"),
)
"""Header names of an answer that every page may read."""


class NetworkError(Exception):
  """All that a page sees of an answer that it may not read."""


class Page:
  """A page of an origin that calls servers with `fetch(url, {method, headers, body})`; its
  credentials mode is the usual one, so no cookie goes along."""

  def __init__(self, origin):
    self.origin = origin
    self.preflights = 0

  async def fetch(self, url, method="GET", headers=None, body=None):
    """The status, the headers that the page may read, and the body. Raises NetworkError."""
    headers = dict(headers or {})
    unsafe = sorted(name.lower() for name, value in headers.items() if not _is_safe(name, value))
    async with httpx.AsyncClient(timeout=10, follow_redirects=False, trust_env=False) as http:
      if method not in SAFE_METHODS or unsafe:
        await self._preflight(http, url, method, unsafe)
      answer = await http.request(
        method, url, headers={**headers, "Origin": self.origin}, content=body
      )
      if answer.is_redirect:
        # A redirect is read as an answer first, then followed.
        self._check(answer)
        there = urljoin(url, answer.headers["location"])
        answer = await http.get(there, headers={"Origin": self.origin})
    self._check(answer)
    exposed = _list(answer, "access-control-expose-headers")
    shown = {n: v for n, v in answer.headers.items() if n in READABLE or n in exposed}
    return answer.status_code, shown, answer.text

  async def _preflight(self, http, url, method, unsafe):
    self.preflights += 1
    asked = {
      "Accept": "*/*",
      "Access-Control-Request-Method": method,
      "Origin": self.origin,
      "Sec-Fetch-Mode": "cors",
    }
    if unsafe:
      asked["Access-Control-Request-Headers"] = ",".join(unsafe)
    answer = await http.options(url, headers=asked)
    self._check(answer)
    if not 200 <= answer.status_code < 300:
      raise NetworkError(f"the preflight was answered with {answer.status_code}")
    # Methods are compared byte by byte, names of headers are not.
    methods = [
      one.strip() for one in answer.headers.get("access-control-allow-methods", "").split(",")
    ]
    if method not in methods and method not in SAFE_METHODS and "*" not in methods:
      raise NetworkError(f"{method} is not allowed")
    allowed = _list(answer, "access-control-allow-headers")
    for name in unsafe:
      if name not in allowed and (name == "authorization" or "*" not in allowed):
        raise NetworkError(f"the header {name} is not allowed")

  def _check(self, answer):
    """The CORS check of the standard: one value, byte for byte."""
    values = answer.headers.get_list("access-control-allow-origin")
    if len(values) != 1 or values[0] not in (self.origin, "*"):
      raise NetworkError(f"{self.origin} may not read this: {values}")


def _is_safe(name, value):
  if len(value) > 128 or name.lower() not in SAFE_HEADERS:
    return False
  return name.lower() != "content-type" or value.split(";")[0].strip().lower() in SAFE_TYPES


def _list(answer, name):
  return [one.strip().lower() for one in answer.headers.get(name, "").split(",")]
