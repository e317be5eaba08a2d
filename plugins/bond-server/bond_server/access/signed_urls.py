"""core.tokens: a signed token reads the stream that it was made for."""

from bond_core import AuthContext, Authenticator, AuthType, Credentials, NoConfig, Principal


def signed_urls(config: NoConfig, ctx: AuthContext) -> Authenticator:
  """An authenticator for the tokens that this server's keys signed."""

  async def who(credentials: Credentials) -> Principal | None:
    token = credentials.token
    return None if token is None else ctx.tokens.principal(token)

  return who


TYPE = AuthType(
  name="core.tokens",
  summary="Signed URLs: a token reads one stream until it expires.",
  make=signed_urls,
  example="{}",
)
