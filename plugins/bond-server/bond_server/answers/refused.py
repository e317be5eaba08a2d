"""A question that gets no answer."""

from collections.abc import Mapping
from typing import Any

from bond_core import BondError


class QuestionRefused(BondError):
  """Why there is no answer, and what to do. `status` is HTTP's. The sentence is this server's own;
  what others wrote, such as a venue's reason, is in `quoted` and nowhere else."""

  def __init__(
    self,
    status: int,
    sentence: str,
    *,
    quoted: Mapping[str, Any] | None = None,
    retry_after: float | None = None,
  ) -> None:
    super().__init__(sentence)
    self.status = status
    self.quoted = dict(quoted or {})
    self.retry_after = retry_after
