"""The gateway as a Ray Serve application: `import_path: deploy.ray_serve.multi_backend_router:app`.

Every node needs this repository's root and its folder `python` in PYTHONPATH, and `rocket` in PATH
(or ROCKET_BINARY). serve.yaml beside it is an example; docs/ray.md has the rest.
"""

from ray import serve

from rocket_ray.arguments import Arguments
from rocket_ray.gateway_host import application


def app(arguments: Arguments) -> serve.Application:
    """Built with the application's `args`."""
    return application(arguments)
