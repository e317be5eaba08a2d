"""The configuration of `jwt.bearer`."""

from pathlib import Path
from typing import Any, Final, Literal, get_args

import attrs

from bond_core import Duration, Secret

Shared = Literal["HS256", "HS384", "HS512"]
"""Algorithms whose key is a secret that the provider and this server share."""

Public = Literal[
  "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"
]
"""Algorithms whose key is public: only the provider can sign."""

MAX_LEEWAY: Final = 300


@attrs.frozen(kw_only=True)
class Bearer:
  """The provider's key, what its tokens must say, and how far clocks may differ.

  Give `public_key` (a PEM file) or `key` (a shared secret), never both. `issuer` and `audience`
  are required, so that a token which the provider made for another service is none here.
  """

  issuer: str = attrs.field()
  audience: str = attrs.field()
  algorithms: list[Public | Shared] = attrs.field()
  public_key: Path | None = None
  key: Secret | None = None
  leeway: Duration = attrs.field(default=Duration(30.0))

  @issuer.validator
  @audience.validator
  def _not_empty(self, field: Any, value: str) -> None:
    if not value.strip():
      raise ValueError(f"{field.name} is empty; write what the provider's tokens say")

  @leeway.validator
  def _leeway(self, _: object, value: Duration) -> None:
    if value > MAX_LEEWAY:
      raise ValueError("a leeway of more than 5m keeps tokens valid for too long; set the clocks")

  @algorithms.validator
  def _algorithms(self, _: object, value: list[str]) -> None:
    if not value:
      raise ValueError("algorithms is empty; write those that the provider signs with: [RS256]")

  def __attrs_post_init__(self) -> None:
    if (self.public_key is None) == (self.key is None):
      raise ValueError("give either public_key (a PEM file) or key (a shared secret)")
    # One key never serves both kinds: else who knows the public key could use it as the secret.
    # What is in neither list, such as none, goes with nothing.
    kind = get_args(Public if self.key is None else Shared)
    wrong = [algorithm for algorithm in self.algorithms if algorithm not in kind]
    if wrong:
      which = "public_key" if self.key is None else "key"
      raise ValueError(f"{wrong[0]} does not go with {which}; that takes {', '.join(kind)}")
