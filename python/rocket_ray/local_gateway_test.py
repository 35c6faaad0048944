"""What handle calls get where the gateway's answer is not as it should be. Needs aiohttp, which Ray
brings along."""

import asyncio
import contextlib
import importlib.util
import unittest
from typing import Any

HEAD = b"HTTP/1.1 200 OK\r\nconnection: close\r\n"
ERROR = b'{"error":{"message":"no such model","code":"model_not_found"}}'
REFUSED = b"HTTP/1.1 404 Not Found\r\ncontent-length: %d\r\n\r\n" % len(ERROR)
# what is sent, piece by piece; status and `code` of the error
WHOLE = [
    ([HEAD + b"content-length: 100\r\n\r\n", b'{"a":'], 0, "cut"),
    ([HEAD + b"content-length: 3\r\n\r\nabc"], 0, "cut"),
    ([b""], 0, "cut"),
    ([REFUSED + ERROR], 404, "model_not_found"),
    ([REFUSED + ERROR[:20], ERROR[20:]], 404, "model_not_found"),
    ([REFUSED + ERROR[:20]], 404, None),
]
STREAMS = [
    ([HEAD + b'\r\ndata: {"choices":[]}\n\n'], 0, "cut"),
    ([HEAD + b'\r\ndata: {"choi\n\n'], 0, "cut"),
    ([HEAD + b'\r\ndata: {"error":{"message":"x","code":"y"}}\n\n'], 200, "y"),
    ([HEAD + b'\r\ndata: {"choices":[],"error":null}\n\ndata: [DONE]\n\n'], None, None),
]


async def asked(pieces: list[bytes], stream: bool) -> Any:
    """The error of one call, or None."""
    from rocket_ray.local_gateway import GatewayError, LocalGateway

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        with contextlib.suppress(asyncio.CancelledError, ConnectionError):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.05)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    gateway = LocalGateway(lambda: f"http://127.0.0.1:{port}", None)
    try:
        if stream:
            async for _ in gateway.chat_stream({}):
                pass
        else:
            await gateway.chat({})
    except GatewayError as error:
        return error
    finally:
        await gateway.close()
        server.close()
    return None


@unittest.skipUnless(importlib.util.find_spec("aiohttp"), "no aiohttp here")
class BrokenAnswers(unittest.TestCase):
    def test_are_all_gateway_errors(self) -> None:
        for stream, cases in ((False, WHOLE), (True, STREAMS)):
            for pieces, status, code in cases:
                with self.subTest(pieces=pieces):
                    error = asyncio.run(asked(pieces, stream))
                    self.assertEqual(error and error.status, status)
                    self.assertEqual(error and error.error.get("code"), code)


if __name__ == "__main__":
    unittest.main()
