"""Zstandard, of the standard library where that has it."""

import sys

if sys.version_info >= (3, 14):
  from compression.zstd import (
    CompressionParameter,
    ZstdCompressor,
    ZstdDecompressor,
    ZstdError,
    open as open_zstd,
  )
else:
  from backports.zstd import (
    CompressionParameter,
    ZstdCompressor,
    ZstdDecompressor,
    ZstdError,
    open as open_zstd,
  )

LEVEL = 3
MAGIC = b"\x28\xb5\x2f\xfd"
"""How a frame begins."""


def compressed(data: bytes) -> bytes:
  """The data as one whole frame, with its length and a checksum."""
  options: dict[int, int] = {
    CompressionParameter.compression_level: LEVEL,
    CompressionParameter.checksum_flag: 1,
  }
  packer = ZstdCompressor(options=options)
  return packer.compress(data, ZstdCompressor.FLUSH_FRAME)


__all__ = ["MAGIC", "ZstdDecompressor", "ZstdError", "compressed", "open_zstd"]
