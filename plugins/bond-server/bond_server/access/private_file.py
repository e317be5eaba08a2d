"""Small files that only their owner may read, replaced as a whole or not at all."""

import os
import secrets
import stat
from pathlib import Path

from bond_core import AuthError

MAX_BYTES = 64 * 1024 * 1024


def read_private(path: Path) -> bytes | None:
  """What is in the file, None where there is none. Raises AuthError where others may read it: then
  it is no secret any more."""
  try:
    with path.open("rb") as file:
      mode = os.fstat(file.fileno()).st_mode
      if not stat.S_ISREG(mode):
        raise AuthError(f"{path} is not a file; move it away, or choose another folder with --data")
      if mode & 0o077:
        raise AuthError(
          f"{path} can be read by other users; run `chmod 600 {path}` and start again"
        )
      return file.read(MAX_BYTES)
  except FileNotFoundError:
    return None
  except OSError as exc:
    raise AuthError(f"cannot read {path}: {exc.strerror}; choose a folder with --data") from None


def replace_private(path: Path, data: bytes) -> None:
  """Writes the file so that a crash at any moment leaves the old or the new content. OSError says
  why it could not."""
  written = _written_beside(path, data)
  try:
    written.replace(path)
    _sync_folder(path.parent)
  finally:
    written.unlink(missing_ok=True)


def create_private(path: Path, data: bytes) -> bytes:
  """Writes the file unless another process was first; returns what is in it now."""
  written = _written_beside(path, data)
  try:
    try:
      # Unlike a rename, a link never takes the place of a file that is there.
      os.link(written, path)
    except FileExistsError:
      pass
    except OSError:
      # File systems without links: FAT, some network mounts.
      if not path.exists():
        written.replace(path)
    _sync_folder(path.parent)
  finally:
    written.unlink(missing_ok=True)
  return read_private(path) or b""


def make_private_folder(path: Path) -> None:
  """Makes a folder that only its owner may enter; one that is there stays as it is."""
  try:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
  except OSError as exc:
    raise AuthError(
      f"cannot make the folder {path}: {exc.strerror}; choose another one with --data or BOND_DATA"
    ) from None


def _written_beside(path: Path, data: bytes) -> Path:
  beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
  descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
  try:
    with os.fdopen(descriptor, "wb") as file:
      file.write(data)
      file.flush()
      os.fsync(file.fileno())
  except BaseException:
    beside.unlink(missing_ok=True)
    raise
  return beside


def _sync_folder(folder: Path) -> None:
  # A rename survives a power failure once its folder is on the disk.
  descriptor = os.open(folder, os.O_RDONLY)
  try:
    os.fsync(descriptor)
  finally:
    os.close(descriptor)
