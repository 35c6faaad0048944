"""Files in the homeserver's media, and nowhere else: bounded, and encrypted where they have to be."""

import asyncio
from urllib.parse import urlencode

import nio
from nio.crypto import ENCRYPTION_ENABLED

from rocket_matrix.matrix_http import HomeserverError, MatrixHttp, TooLarge
from rocket_matrix.requests import Attachment

# The homeserver may have to fetch a file from another one, which may be gone for good.
DOWNLOAD_SECONDS_MAX = 120.0
# Where files are; and where they are in a homeserver that is older than Matrix 1.11.
_DOWNLOADS = (
    "/_matrix/client/v1/media/download/{}",
    "/_matrix/media/v3/download/{}?allow_redirect=true",
)


class Media:
    def __init__(self, http: MatrixHttp):
        self._http = http

    async def upload(self, data: bytes, name: str, kind: str, encrypted: bool) -> dict:
        """The content of the message that has the file."""
        keys: dict = {}
        info = {"mimetype": kind, "size": len(data)}
        if encrypted:
            data, keys = nio.crypto.encrypt_attachment(data)
            name_sent, kind_sent = "", "application/octet-stream"
        else:
            name_sent, kind_sent = name, kind
        path = f"/_matrix/media/v3/upload?{urlencode({'filename': name_sent} if name_sent else {})}"
        found = await self._http.patiently(
            lambda: self._http.ask("POST", path, data=data, kind=kind_sent)
        )
        url = str(found.get("content_uri", ""))
        content = {
            "msgtype": "m.file",
            "body": name,
            "filename": name,
            "info": info,
            "m.mentions": {},
        }
        return {**content, "file": {**keys, "url": url}} if keys else {**content, "url": url}

    async def download(self, attachment: Attachment, bytes_max: int) -> bytes:
        """HomeserverError has words for who sent it."""
        too_large = (
            f"That file is larger than {_size(bytes_max)}; send a smaller one, or ask an admin "
            "for more (`limits.attachment`)."
        )
        if attachment.size > bytes_max:
            raise HomeserverError(too_large)
        try:
            data = await asyncio.wait_for(self._found(attachment, bytes_max), DOWNLOAD_SECONDS_MAX)
        except TimeoutError as error:
            raise HomeserverError("That file can not be had just now; send it again.") from error
        except TooLarge as error:
            raise HomeserverError(too_large) from error
        except HomeserverError as error:
            raise HomeserverError("That file can not be had; send it again.", error.code) from error
        if not attachment.encryption:
            return data
        if not ENCRYPTION_ENABLED:
            raise HomeserverError("That file is encrypted, and I run without encryption.")
        known = attachment.encryption
        try:
            return nio.crypto.decrypt_attachment(
                data, known["key"]["k"], known["hashes"]["sha256"], known["iv"]
            )
        except (KeyError, TypeError, ValueError, nio.EncryptionError) as error:
            raise HomeserverError("That file can not be decrypted; send it again.") from error

    async def _found(self, attachment: Attachment, bytes_max: int) -> bytes:
        """The homeserver may say that it keeps the file elsewhere, where nobody learns its token."""
        new, old = (each.format(attachment.url.removeprefix("mxc://")) for each in _DOWNLOADS)
        try:
            return await self._get(new, bytes_max)
        except HomeserverError as error:
            if error.code != "M_UNRECOGNIZED":
                raise
        return await self._get(old, bytes_max)

    async def _get(self, path: str, bytes_max: int) -> bytes:
        return await self._http.patiently(
            lambda: self._http.request("GET", path, bytes_max=bytes_max, elsewhere=True)
        )


def _size(count: int) -> str:
    return f"{count >> 20} MiB" if count >= 1 << 20 else f"{count >> 10} KiB"
