"""Paths that begin with the venue's own host, as clients put it there that replace only scheme and
host."""

import re

_HOST = re.compile(r"/[\w.-]+\.com(:\d+)?(?=/)")


def without_host(path: str) -> str:
  """The path as the venue knows it."""
  return _HOST.sub("", path, count=1)
