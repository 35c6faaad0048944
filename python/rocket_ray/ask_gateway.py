"""`python3 -m rocket_ray.ask_gateway /requests/ID`: what is at the admin port of this node's gateway,
for whoever looks into a pod. It is a socket in a folder with a name of its own."""

import sys
import tempfile
from pathlib import Path

from rocket_ray.admin_client import AdminClient
from rocket_ray.gateway_child import UNANSWERED
from rocket_ray.socket_folder import PREFIX

TIMEOUT_S = 5.0


def main(argv: list[str]) -> int:
    if len(argv) != 2 or not argv[1].startswith("/"):
        print("usage: python3 -m rocket_ray.ask_gateway PATH, say /backends", file=sys.stderr)
        return 2
    why = "no gateway of a replica is here"
    # A replica that goes and the next one may be there side by side.
    for socket in Path(tempfile.gettempdir()).glob(f"{PREFIX}*/admin.sock"):
        try:
            print(AdminClient(socket, TIMEOUT_S).get(argv[1]))
            return 0
        except UNANSWERED as error:
            why = str(error)
    print(why, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv))
