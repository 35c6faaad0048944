"""What Serve's `user_config` means: the gateway's configuration, or the file that holds it."""

import ipaddress
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DEFAULT_LISTEN = "127.0.0.1:8000"
DEFAULT_DRAIN_S = 30.0
FILE_BYTES_MAX = 16 << 20
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


class UserConfigError(ValueError):
    """A `user_config` that is no configuration at all. What is wrong within one is the gateway's
    own checker to say."""


@dataclass(frozen=True)
class GatewayConfig:
    """A configuration as the gateway is given it, and what the host itself has to know of it."""

    text: str  # YAML or JSON
    listen: str
    drain_s: float
    tls: bool

    def local_url(self) -> str:
        """Where this machine reaches the data port. Raises UserConfigError if it can not."""
        host, _, port = self.listen.rpartition(":")
        if self.listen.startswith("unix:") or not port.isdigit() or port == "0":
            raise UserConfigError(
                f"listen: {self.listen} is no host and port, which handle calls need"
            )
        if self.tls:
            raise UserConfigError("tls: handle calls need a plain port; end TLS at the ingress")
        return f"http://{local_host(host)}:{port}"


def local_host(host: str) -> str:
    """Whom to call for what listens on `host`."""
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return host
    if address.is_unspecified:
        return "127.0.0.1" if address.version == 4 else "[::1]"
    return host


def config_file(user_config: Any) -> Path | None:
    """The path of `{"file": PATH}`; None for a configuration that stands there itself."""
    if not isinstance(user_config, Mapping):
        raise UserConfigError(
            "user_config: must be the gateway's configuration, as in rocket.yaml, "
            "or {file: PATH of one}"
        )
    if "file" not in user_config:
        return None
    if len(user_config) != 1 or not isinstance(user_config["file"], str):
        raise UserConfigError("user_config: `file` is a path and stands alone")
    return Path(user_config["file"])


def read(user_config: Any) -> GatewayConfig:
    """Raises UserConfigError, or OSError for a file that can not be read."""
    path = config_file(user_config)
    if path is None:
        return describe(json.dumps(as_written(user_config)), user_config)
    with open(path, "rb") as file:
        found = file.read(FILE_BYTES_MAX + 1)
    if len(found) > FILE_BYTES_MAX:
        raise UserConfigError(f"{path}: over {FILE_BYTES_MAX} bytes")
    try:
        text = found.decode()
    except UnicodeDecodeError as error:
        line = found.count(b"\n", 0, error.start) + 1
        raise UserConfigError(f"{path}: line {line} is no UTF-8; save it as UTF-8") from None
    return describe(text, parse(text))


def as_written(values: Any) -> Any:
    """Serve and KubeRay read YAML 1.1: the key in `hedge: {on: false}` is no text but true."""
    if isinstance(values, Mapping):
        return {
            "on" if key in (True, "true") and isinstance(value, bool) else key: as_written(value)
            for key, value in values.items()
        }
    return [as_written(each) for each in values] if isinstance(values, list) else values


def parse(text: str) -> Any:
    """What can not be parsed is nothing here: the checker says what is wrong with it."""
    import yaml  # Ray brings it along; who has no file does not need it

    try:
        return yaml.safe_load(text)
    # Besides its own error it raises whatever making a date or a number of a text does.
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}


def describe(text: str, values: Any) -> GatewayConfig:
    values = values if isinstance(values, Mapping) else {}
    drain = values.get("drain")
    tls = values.get("tls")
    return GatewayConfig(
        text=text,
        listen=str(values.get("listen") or DEFAULT_LISTEN),
        drain_s=seconds(drain.get("timeout") if isinstance(drain, Mapping) else None),
        tls=bool(isinstance(tls, Mapping) and tls.get("cert_file")),
    )


def seconds(duration: Any) -> float:
    """Of a duration as in `250ms`, `2s`, `5m`, `1h`; the drain's default for anything else."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h)", str(duration).strip())
    return float(found[1]) * UNITS[found[2]] if found else DEFAULT_DRAIN_S
