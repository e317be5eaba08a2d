"""core.tokens: who shows a signed token may read the stream that it was made for."""

from bond_core.auth import tokens
from bond_core.components import (
  AuthContext,
  Authenticator,
  AuthSpec,
  Credentials,
  NoConfig,
  Principal,
)


def signed_urls(config: NoConfig, ctx: AuthContext) -> Authenticator:
  """An authenticator for the tokens that this server's keys signed."""

  async def who(credentials: Credentials) -> Principal | None:
    token = credentials.token
    if token is None or not tokens.is_token(token):
      return None
    grant = tokens.verify(
      token, keyring=ctx.keyring, generations=ctx.generations, now_ms=ctx.clock.now_ms()
    )
    return Principal(
      f"stream:{grant.stream}",
      streams=frozenset((grant.stream,)),
      expires_at=grant.expires_at,
      holds=lambda: grant.holds(ctx.keyring, ctx.generations),
    )

  return who


SPEC = AuthSpec(
  name="core.tokens",
  summary="Signed URLs: a token reads one stream until it expires.",
  make=signed_urls,
  example="{}",
)
