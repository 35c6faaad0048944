"""What most of the bot works with, made once in program.py."""

from dataclasses import dataclass

from rocket_matrix.config import Config
from rocket_matrix.gateway import Gateway
from rocket_matrix.homeserver import Homeserver
from rocket_matrix.journal import Journal
from rocket_matrix.telemetry import Telemetry


@dataclass(frozen=True)
class Parts:
    config: Config
    home: Homeserver
    gateway: Gateway
    journal: Journal
    telemetry: Telemetry
