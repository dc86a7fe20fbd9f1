"""Text is sent compressed to who takes it so; streams of events and pictures are not."""

from flask import Flask
from flask_compress import Compress

_TEXTS = (
    "text/html",
    "text/css",
    "text/plain",
    "text/javascript",
    "application/javascript",
    "application/json",
    "application/manifest+json",
    "application/problem+json",
    "application/openmetrics-text",
)


def install(app: Flask) -> None:
    """Compress the answers of `app`."""
    app.config.update(
        COMPRESS_MIMETYPES=list(_TEXTS),
        # In the order of our liking, where a client takes several.
        COMPRESS_ALGORITHM=["br", "zstd", "gzip"],
        # A file is sent in pieces.
        COMPRESS_ALGORITHM_STREAMING=["br", "zstd", "gzip"],
    )
    Compress(app)
