"""Brings the TypeScript that checks the dashboard's JavaScript into .venv/typescript: one pinned archive, no npm.

The archive is taken from the npm registry (or from `TYPESCRIPT_TARBALL`, a file) and has to be the very one that is
named here. Node itself comes with Playwright. Ends with 1 and one line when it cannot be had.
"""

import base64
import hashlib
import io
import os
import shutil
import sys
import tarfile
import urllib.request
from pathlib import Path

VERSION = "6.0.3"
INTEGRITY = "sha512-y2TvuxSZPDyQakkFRPZHKFm+KKVqIisdg9/CZwm9ftvKXLP8NRWj38/ODjNbr43SsoXqNuAisEf1GdCxqWcdBw=="
URL = f"https://registry.npmjs.org/typescript/-/typescript-{VERSION}.tgz"
PLACE = Path(__file__).resolve().parents[1] / ".venv" / "typescript"


def main() -> int:
    """Be sure that it is there; the exit code."""
    if (PLACE / VERSION).exists():
        return 0
    try:
        archive = _fetch()
    except OSError as error:
        _complain(f"cannot be fetched from {URL} ({error}); name its archive in TYPESCRIPT_TARBALL to go without")
        return 1
    if _integrity(archive) != INTEGRITY:
        _complain(f"is not what was expected: {_integrity(archive)} instead of {INTEGRITY}")
        return 1
    _unpack(archive)
    return 0


def _fetch() -> bytes:
    given = os.environ.get("TYPESCRIPT_TARBALL")
    if given:
        return Path(given).read_bytes()
    with urllib.request.urlopen(URL, timeout=120) as answer:
        content: bytes = answer.read()
    return content


def _integrity(archive: bytes) -> str:
    """As package-lock.json writes it."""
    return "sha512-" + base64.b64encode(hashlib.sha512(archive).digest()).decode()


def _unpack(archive: bytes) -> None:
    making = PLACE.with_name("typescript.part")
    shutil.rmtree(making, ignore_errors=True)
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(making, filter="data")
    (making / VERSION).touch()
    shutil.rmtree(PLACE, ignore_errors=True)
    making.rename(PLACE)


def _complain(what: str) -> None:
    print(f"lint: TypeScript {VERSION} {what}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
