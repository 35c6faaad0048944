"""Many prompts in one call, beside the gateway: `import_path: deploy.ray_serve.batch_inference:app`.

Its deployment has no route: `serve.get_app_handle(NAME).prompts.remote({...})` from other Ray
applications, `POST /v1/batch/prompts` at the gateway from anywhere. docs/ray.md has the rest.
"""

from ray import serve

from rocket_ray.batch_inference import BatchArguments, application


def app(arguments: BatchArguments) -> serve.Application:
    """Built with the application's `args`."""
    return application(arguments)
