"""What commands of `bond` share: reading a spec, saying things, leaving with the right code."""

from bond_core._cli.account import account_lines
from bond_core._cli.common import (
  BAD_SPEC,
  FAILED,
  DurationType,
  fail,
  is_request,
  read_spec,
  say,
  sentences,
  set_up_logging,
)

__all__ = [
  "BAD_SPEC",
  "FAILED",
  "DurationType",
  "account_lines",
  "fail",
  "is_request",
  "read_spec",
  "say",
  "sentences",
  "set_up_logging",
]
