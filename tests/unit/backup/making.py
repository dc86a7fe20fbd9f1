"""Books in every state, and backups of them."""

import io
import tarfile
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from bandcamp_sync.backup.archive import MANIFEST
from bandcamp_sync.backup.restore import Restored, restore
from bandcamp_sync.backup.save import write_backup
from bandcamp_sync.clock import Clock
from bandcamp_sync.files import atomic
from bandcamp_sync.paths import DataFolder, MusicFolder
from bandcamp_sync.spool.job import Job, State
from bandcamp_sync.spool.spool import Spool, new_holder
from unit.factories import NOW, capture, failure, item, job, receipt

LEASE = timedelta(minutes=2)


def content(one: Job) -> bytes:
    return one.model_dump_json(by_alias=True).encode()


def put(root: Path, files: Mapping[str, bytes]) -> None:
    for name, text in files.items():
        atomic.write_bytes(root / name, text)


def fill(data: DataFolder) -> DataFolder:
    spool = Spool(data.inbox)
    spool.make_folders()
    spool.add(job("p1"))
    spool.add(job("p2"))
    assert spool.claim("p2", new_holder(), NOW)
    atomic.write_bytes(spool.path(State.FAILED, "p3"), content(job("p3", failure=failure(), attempt=2)))
    atomic.write_bytes(spool.path(State.DONE, "p4"), content(job("p4", receipt=receipt())))
    put(
        data.root,
        {
            "collection.json": capture(item("p1")).model_dump_json(by_alias=True).encode(),
            "inbox/failed/quarantine/p9.job.20261123T120000000000": b"{",
            "control/paused": b"2026-11-23T12:00:00Z\n",
            "state/session.json": b"{}",
            "state/alarms/session.json": b"{}",
            "config/cookies.txt": b"the cookies",
            "config/ignore.txt": b"p8\n",
        },
    )
    return data


CLUTTER = {
    "state/progress/p2.json": b"{}",
    "state/patience.json.lock": b"",
    "state/.session.json.0123.tmp": b"half",
    "config/.cookies.txt.0123.tmp": b"half",
    "config/.gitkeep": b"",
    "inbox/pending/.p1.job.0123.tmp": b"half",
    "inbox/pending/readme.txt": b"no job",
    "control/scrape.request": b"{}",
    "logs/worker.log": b"lines",
    "debug/debug.html": b"<html>",
    "health/worker.json": b"[]",
    "music/A/B/01.flac": b"fLaC",
}
IN_IT = {
    MANIFEST,
    "collection.json",
    "config/cookies.txt",
    "config/ignore.txt",
    "control/paused",
    "inbox/done/p4.job",
    "inbox/failed/p3.job",
    "inbox/failed/quarantine/p9.job.20261123T120000000000",
    "inbox/pending/p1.job",
    "inbox/pending/p2.job",
    "state/alarms/session.json",
    "state/session.json",
}


def packed(data: DataFolder) -> bytes:
    out = io.BytesIO()
    write_backup(data, out, Clock())
    return out.getvalue()


def unpacked(archive: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        members = [(member.name, opened.extractfile(member)) for member in opened.getmembers()]
        found = [(name, file.read()) for name, file in members if file is not None]
    assert len({name for name, _ in found}) == len(found) == len(members)
    return dict(found)


def tree(root: Path) -> dict[str, bytes]:
    """Every file below a folder but what a restore leaves to know itself by."""
    files = (path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files if path.name != ".restore.lock"}


def run(data: DataFolder, music: MusicFolder, archive: bytes, force: bool = False) -> Restored:
    return restore(data, music, io.BytesIO(archive), LEASE, Clock(), force)


def without_manifest(archive: bytes) -> dict[str, bytes]:
    return {name: text for name, text in unpacked(archive).items() if name != MANIFEST}


def add(opened: tarfile.TarFile, name: str, text: bytes, kind: bytes = tarfile.REGTYPE, link: str = "") -> None:
    member = tarfile.TarInfo(name)
    member.type, member.size, member.linkname = kind, len(text), link
    opened.addfile(member, io.BytesIO(text))
