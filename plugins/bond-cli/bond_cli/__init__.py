"""What commands of `bond` share: specs and requests in plain text, logging, exit codes."""

from bond_cli.account import account_lines
from bond_cli.logging_setup import set_up_logging
from bond_cli.output import BAD_SPEC, FAILED, DurationType, fail, say, sentences
from bond_cli.spec_argument import is_request, read_spec
from bond_cli.text_to_spec import (
  STARTING,
  Answer,
  TextToSpec,
  source_words,
  summary_of,
  text_to_spec,
)

__all__ = [
  "BAD_SPEC",
  "FAILED",
  "STARTING",
  "Answer",
  "DurationType",
  "TextToSpec",
  "account_lines",
  "fail",
  "is_request",
  "read_spec",
  "say",
  "sentences",
  "set_up_logging",
  "source_words",
  "summary_of",
  "text_to_spec",
]
