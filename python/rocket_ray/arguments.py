"""What an operator can say about how gateways are hosted, beside their configuration."""

import os
import shutil
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class Arguments(BaseModel):
    """The application's `args`. A change of one replaces the replicas, one after the other; a
    change of `user_config` does not."""

    model_config = ConfigDict(extra="forbid")

    binary: str = Field(
        "", description="The program `rocket`; empty: ROCKET_BINARY, else what PATH finds."
    )
    lame_duck_s: float = Field(
        5.0,
        ge=0,
        le=600,
        description="How long a gateway that is to go serves on while `/-/healthz` says 503: "
        "longer than the probe's period and the time until the last client has heard of it.",
    )
    environment: list[str] = Field(
        default_factory=lambda: ["ANTHROPIC_API_KEY"],
        description="Variables of the replica that the gateway gets to see, such as those that "
        "`api_key_env` names. None that begins with RAY_.",
    )
    handle_key_file: str = Field(
        "", description="A file with the API key that handle calls show, where there are keys."
    )
    dashboard: str = Field(
        "",
        description="Ray's dashboard as http://HOST:PORT, where jobs are submitted; empty: port "
        "8265 of the head.",
    )
    batch_jobs: int = Field(
        2,
        ge=0,
        le=100,
        description="Batches of the engine `ray` that are shared out at once, each by a job that "
        "takes about 190 MiB on the head; 0: none are.",
    )
    log_folder: str = Field(
        "", description="Where the gateway's logs go; empty: a folder among Ray's own."
    )


class HostError(Exception):
    """The replica can not host a gateway as it is asked to. The message names the remedy."""


def find_binary(arguments: Arguments) -> str:
    """Raises HostError."""
    named = arguments.binary or os.environ.get("ROCKET_BINARY", "")
    found = shutil.which(named or "rocket")
    if found is None:
        raise HostError(
            f"no program {named or 'rocket'} on this node: put it into the image's PATH, or name "
            "it in args.binary or ROCKET_BINARY"
        )
    return found


def read_key(arguments: Arguments) -> str | None:
    """The key that handle calls show. Raises HostError, without what the file holds."""
    if not arguments.handle_key_file:
        return None
    try:
        return Path(arguments.handle_key_file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise HostError(f"args.handle_key_file {arguments.handle_key_file}: {why}") from None
