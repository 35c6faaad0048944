"""What a replica knows of its surroundings. Kept in one place: some of it Ray tells only inside."""

import tempfile
from pathlib import Path

import ray
from ray import serve


def log_folder() -> Path:
    """A folder of ours among this node's Ray logs, which Ray's dashboard shows."""
    session = ray.get_runtime_context().get_session_name()
    logs = Path(tempfile.gettempdir()) / "ray" / session / "logs"
    return (logs if logs.is_dir() else Path(tempfile.gettempdir())) / "rocket"


def application() -> str:
    """The name that Serve knows the application by."""
    return serve.get_replica_context().app_name


def graceful_shutdown_s() -> float | None:
    """How long Serve lets this replica take to go; None if it does not tell."""
    settings = getattr(serve.get_replica_context(), "_deployment_config", None)
    found = getattr(settings, "graceful_shutdown_timeout_s", None)
    return float(found) if found is not None else None


def require_one_replica(name: str) -> None:
    """RuntimeError if Serve is to keep more of this deployment's replicas than one."""
    settings = getattr(serve.get_replica_context(), "_deployment_config", None)
    scaling = getattr(settings, "autoscaling_config", None)
    most = getattr(scaling, "max_replicas", None) or getattr(settings, "num_replicas", None) or 1
    if most != 1:
        raise RuntimeError(f"{name} has exactly one replica, not {most}: take num_replicas out")


def dashboard_url() -> str:
    """Where Ray's dashboard usually is: on the head, at Ray's own port."""
    head = ray.get_runtime_context().gcs_address.rpartition(":")[0]
    return f"http://{head}:8265"
