"""Files for browsers: compressed, and cached for a year.

Their URLs contain a hash of all files. So a browser never combines an old page with new files, nor
a new page with old files from a cache.
"""

import asyncio
import gzip
import hashlib
import mimetypes
from pathlib import Path

from fastapi import Request
from fastapi.responses import FileResponse
from starlette.exceptions import HTTPException
from starlette.responses import Response

FOREVER = {"Cache-Control": "public, max-age=31536000, immutable"}
_COMPRESSIBLE = {"text/javascript", "text/css", "text/html", "text/plain", "image/svg+xml"}


class Assets:
    """The files of some folders and of the folders in them, each folder below a path."""

    def __init__(self, folders: dict[str, Path]) -> None:
        """Read all files. `folders` maps a path, such as "" or "docs/", to a folder."""
        self._files = {
            prefix + path.relative_to(folder).as_posix(): path
            for prefix, folder in folders.items()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        self._compressed: dict[str, bytes] = {}
        digest = hashlib.sha256()
        for name, path in self._files.items():
            digest.update(name.encode() + hashlib.sha256(path.read_bytes()).digest())
        self.version = digest.hexdigest()[:16]
        """The hash of all files."""

    def names(self, suffix: str) -> list[str]:
        """Return the names of the files with a suffix, such as ".js"."""
        return [name for name in self._files if name.endswith(suffix)]

    async def respond(self, request: Request, version: str, name: str) -> Response:
        """Respond with a file. Raises `HTTPException` (404) for an unknown name or version."""
        path = self._files.get(name)
        if path is None or version != self.version:
            raise HTTPException(404)
        media_type = mimetypes.guess_type(name)[0] or "text/plain"
        is_text = media_type in _COMPRESSIBLE
        headers = FOREVER | ({"Vary": "Accept-Encoding"} if is_text else {})
        if not is_text or not _takes_gzip(request):
            return FileResponse(path, headers=headers, media_type=media_type)
        return Response(
            await self._gzip(name, path),
            headers=headers | {"Content-Encoding": "gzip"},
            media_type=media_type,
        )

    async def _gzip(self, name: str, path: Path) -> bytes:
        """Compress a file at its first request, in a thread: this takes a tenth of a second."""
        if name not in self._compressed:
            self._compressed[name] = await asyncio.to_thread(_compressed, path)
        return self._compressed[name]


def _compressed(path: Path) -> bytes:
    return gzip.compress(path.read_bytes(), mtime=0)


def _takes_gzip(request: Request) -> bool:
    """Does the client accept gzip (RFC 9110 §12.5.3)? A weight of 0 means no."""
    offers = request.headers.get("accept-encoding", "").lower().split(",")
    for offer in offers:
        coding, _, weight = offer.partition(";")
        if coding.strip() == "gzip":
            return weight.strip().replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False
