"""Why a server cannot listen, for its user."""

import errno

from bond_core._errors import BondError

_OF_THE_PORT = {errno.EADDRINUSE, errno.EACCES}


def cannot_listen(
  host: str, port: int, exc: OSError, *, host_option: str = "--host", port_option: str = "--port"
) -> BondError:
  """Returns the error of a server that cannot listen there, which names the option to change."""
  option = port_option if exc.errno in _OF_THE_PORT else host_option
  return BondError(
    f"cannot listen on {host}:{port}: {exc.strerror or exc}; choose another {option}"
  )
