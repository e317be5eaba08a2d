"""JSON Web Tokens: who a caller is, as an identity provider says."""

from bond_core import AuthContext, Authenticator, AuthType, hookimpl
from bond_jwt.config import Bearer


def make(config: Bearer, ctx: AuthContext) -> Authenticator:
  from bond_jwt.bearer import bearer

  return bearer(config)


@hookimpl
def bond_register_auth() -> list[AuthType]:
  example = (
    "{public_key: provider.pem, issuer: 'https://login.example.com/', audience: bond, "
    "algorithms: [RS256]}"
  )
  return [
    AuthType(
      name="jwt.bearer",
      summary="JSON Web Tokens of an identity provider.",
      config=Bearer,
      make=make,
      example=example,
    )
  ]
