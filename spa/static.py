"""How static files are stored for serving."""

from typing import Any

from django.conf import settings
from whitenoise.compress import Compressor
from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticStorage(CompressedManifestStaticFilesStorage):
    """Files under names that change with their content, compressed once and for all."""

    def create_compressor(self, **kwargs: Any) -> Compressor:
        """Leave Brotli to production: it takes ten seconds that a newcomer would wait for."""
        return Compressor(use_brotli=settings.PRODUCTION, **kwargs)
