#!/usr/bin/env python3
"""vLLM's HTTP server with its own options, on a free port, which it tells.

vLLM tells none, and binds it only once it has loaded its libraries: until then it is held here.
"""

import socket
import sys


def main() -> None:
    with socket.socket() as held:
        # It may be bound again, by vLLM, which asks for the same, as long as nobody listens.
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        print(f"vllm listens on 127.0.0.1:{port}", flush=True)
        sys.argv += ["--host", "127.0.0.1", "--port", str(port)]
        from vllm.entrypoints.launchers.api_server.entry import main as serve

        serve()


if __name__ == "__main__":
    main()
