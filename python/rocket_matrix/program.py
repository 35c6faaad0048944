"""Every part of the bot, made by hand, from the configuration until it is told to stop."""

import asyncio
import os
import signal
import sqlite3
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from rocket_matrix import health
from rocket_matrix.bot import Bot
from rocket_matrix.config import Config, Secrets
from rocket_matrix.gateway import Gateway
from rocket_matrix.homeserver import Homeserver, quiet_library
from rocket_matrix.journal import Journal, JournalError
from rocket_matrix.matrix_http import HomeserverError, Refused
from rocket_matrix.parts import Parts
from rocket_matrix.telemetry import Telemetry, log

# How long what is under way may take to be put down when the bot is stopped.
STOP_SECONDS = 8.0


def serve(config: Config, secrets: Secrets) -> int:
    """The exit code."""
    os.umask(0o077)  # also for what the library stores
    quiet_library()
    try:
        return asyncio.run(_run(config, secrets))
    except (JournalError, OSError) as error:
        print(error, file=sys.stderr)
        return 3
    except sqlite3.Error as error:
        print(f"store: {error}; see that its disk works and has room", file=sys.stderr)
        return 3
    except HomeserverError as error:
        what = f"{error.code} {error}".strip()
        if error.code == "M_UNRECOGNIZED" or isinstance(error, Refused):
            told = "write the homeserver's own URL, without what its clients put behind it"
            print(f"homeserver: nothing of Matrix is there ({what}); {told}", file=sys.stderr)
            return 1
        print(f"access_token_file: it is refused ({what}); log in again", file=sys.stderr)
        return 1


async def _run(config: Config, secrets: Secrets) -> int:
    telemetry = Telemetry()
    store = Path(config.store)
    journal = Journal(store)
    host, port = config.listen
    home = Homeserver(
        config.homeserver,
        config.user_id,
        secrets.access_token,
        store / "keys",
        telemetry,
    )
    gateway = Gateway(
        config.rocket_url,
        secrets.rocket_key,
        config.rocket_admin_url,
        config.limits.answer_time,
    )
    try:
        runner, port = await health.serve(telemetry, host, port)
    except OSError as error:
        raise OSError(
            f"listen: {host}:{port} can not be had ({os.strerror(error.errno or 0)}); end what "
            "listens there, or choose another"
        ) from error
    log(
        "serving",
        listen=f"{host}:{port}",
        user=config.user_id,
        encryption=home.encrypts,
    )
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    try:
        async with gateway:
            await _until(
                stopped, _live(home, Bot(Parts(config, home, gateway, journal, telemetry)))
            )
    finally:
        await home.close()
        await runner.cleanup()
        journal.close()
    log("stopped")
    return 0


async def _live(home: Homeserver, bot: Bot) -> None:
    await home.open()
    await bot.run()


async def _until(stopped: asyncio.Event, life: Coroutine[Any, Any, None]) -> None:
    living = asyncio.create_task(life)
    stopping = asyncio.create_task(stopped.wait())
    await asyncio.wait({living, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not living.done():
        living.cancel()
        await asyncio.wait({living}, timeout=STOP_SECONDS)
    if living.done() and not living.cancelled():
        living.result()
