"""The Matrix bot as a Ray Serve application: `import_path: deploy.ray_serve.matrix_integration:app`.

A client of the gateway, with no route of its own (`route_prefix: null`) and exactly one replica.
Every node needs this repository's root and its folder `python` in PYTHONPATH, the bot's
configuration and secrets as files, and an interpreter with python/rocket_matrix/requirements.txt.
serve.yaml beside it is an example; docs/matrix.md has the rest.
"""

from ray import serve

from rocket_ray.bot_host import BotArguments, application


def app(arguments: BotArguments) -> serve.Application:
    """Built with the application's `args`."""
    return application(arguments)
