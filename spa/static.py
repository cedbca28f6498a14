"""How static files are stored for serving."""

from typing import Any

from django.conf import settings
from whitenoise.compress import Compressor
from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticStorage(CompressedManifestStaticFilesStorage):
    """Files under names that change with their content, compressed once and for all."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._addresses: dict[str, str] = {}

    def url(self, name: str | None, force: bool = False) -> str:
        """Return the address of ``name``, put together once a process.

        A page may name its icons some hundred times, and no address changes while a process runs:
        the list of hashed names is read at its start.
        """
        if name is None or force or settings.DEBUG:
            return str(super().url(name, force))
        if name not in self._addresses:
            self._addresses[name] = str(super().url(name))
        return self._addresses[name]

    def create_compressor(self, **kwargs: Any) -> Compressor:
        """Leave Brotli to production: it takes ten seconds that a newcomer would wait for."""
        return Compressor(use_brotli=settings.PRODUCTION, **kwargs)
