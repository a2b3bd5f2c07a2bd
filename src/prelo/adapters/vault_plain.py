"""No key: secrets are kept as they are. Whoever reads the database can sign as this server."""

from prelo.core.errors import Misconfigured

MARK = "plain."


class PlainVault:
    """See prelo.couriers.Vault."""

    def seal(self, secret: str, of: str) -> str:  # noqa: ARG002  nothing binds it
        return MARK + secret

    def unseal(self, sealed: str, of: str) -> str:
        if not sealed.startswith(MARK):
            raise Misconfigured(
                f"the secret of {of} is sealed; set PRELO_SECRET_KEY to the key that sealed it"
            )
        return sealed.removeprefix(MARK)
