"""What of the replica's environment the gateway gets to see: what is listed, and no more.

The replica holds the token that opens the whole Ray cluster (RAY_AUTH_TOKEN); the gateway, which
speaks to strangers, must never have it.
"""

from collections.abc import Iterable, Mapping

ALWAYS = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
)
NEVER = ("RAY_", "SERVE_", "REDIS_", "KUBERNETES_")


class NameRefused(ValueError):
    """A variable that must not reach the gateway has been asked for."""


def child_environment(of_host: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """The variables of ALWAYS and those of `names` that are set. Raises NameRefused."""
    chosen = [*ALWAYS, *names]
    for name in chosen:
        if name.upper().startswith(NEVER):
            raise NameRefused(
                f"environment: {name} does not go to the gateway; take it out of the list"
            )
    return {name: of_host[name] for name in chosen if name in of_host}
