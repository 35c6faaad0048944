"""`/healthz` and `/metrics` at `listen`. Reads only."""

import json

from aiohttp import web

from rocket_matrix.telemetry import Telemetry


async def serve(telemetry: Telemetry, host: str, port: int) -> tuple[web.AppRunner, int]:
    """The runner, to be cleaned up, and the port. OSError: it can not be listened there."""

    async def healthz(_: web.Request) -> web.Response:
        well, told = telemetry.health()
        return web.Response(
            status=200 if well else 503,
            text=json.dumps(told) + "\n",
            content_type="application/json",
        )

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(
            body=telemetry.page(),
            headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"},
        )

    application = web.Application(client_max_size=1024)
    application.add_routes([web.get("/healthz", healthz), web.get("/metrics", metrics)])
    runner = web.AppRunner(application, access_log=None, handle_signals=False)
    await runner.setup()
    site = web.TCPSite(runner, host, port)
    try:
        await site.start()
    except OSError:
        await runner.cleanup()
        raise
    return runner, runner.addresses[0][1]
