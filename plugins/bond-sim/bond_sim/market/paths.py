"""Paths that begin with the venue's own host name, from clients that replace only scheme and
host."""

import re

_HOST = re.compile(r"/[\w.-]+\.(?:com|xyz)(:\d+)?(?=/|$)")


def without_host(path: str) -> str:
  """The path as the venue has it."""
  return _HOST.sub("", path, count=1)
