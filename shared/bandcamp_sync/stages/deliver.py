"""Deliver one purchase: from its claimed job to an album in the music folder and a receipt."""

import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from bandcamp_sync.bandcamp.client import Bandcamp
from bandcamp_sync.bandcamp.downloads import DownloadPage
from bandcamp_sync.clock import Clock
from bandcamp_sync.errors import ItemTrouble, Reason, RedirectRefused
from bandcamp_sync.fetch.fetch import Fetcher, Link
from bandcamp_sync.fetch.journal import Workspace
from bandcamp_sync.fetch.resolve import Release, left_out, ready_link, releases
from bandcamp_sync.fetch.stream import fetch_stream
from bandcamp_sync.files import atomic
from bandcamp_sync.files.reading import read_json
from bandcamp_sync.library.album import About, Fetched, compose, file_sha256
from bandcamp_sync.library.audio_kind import is_audio
from bandcamp_sync.library.marker import check_room
from bandcamp_sync.library.names import album_folder, safe_part
from bandcamp_sync.library.place import RELEASE, clean_staging, place, undo_half_replace
from bandcamp_sync.library.receipts import keep_copy
from bandcamp_sync.library.tags import embedded_cover
from bandcamp_sync.library.users_files import take_along
from bandcamp_sync.paths import MusicFolder
from bandcamp_sync.settings import Settings
from bandcamp_sync.spool.job import Job, Receipt, ReceiptFile, What
from bandcamp_sync.spool.spool import Spool
from bandcamp_sync.stages.tidy import HOLDER

log = logging.getLogger(__name__)

_ALBUM, _INTENT = "album", "receipt.json"


class Delivery:
    """The steps of one delivery; each is safe to repeat after a crash."""

    def __init__(
        self,
        settings: Settings,
        music: MusicFolder,
        clock: Clock,
        bandcamp: Bandcamp,
        spool: Spool,
        notice: Callable[[int, int | None, int], None],
    ) -> None:
        self.settings, self.music, self.clock, self.bandcamp = settings, music, clock, bandcamp
        self.spool, self._notice = spool, notice

    def deliver(self, job: Job) -> bool:
        """Fetch, verify, place, write the receipt. False when everything was there already.

        Raises ItemTrouble, AskUser, BandcampTrouble, LocalTrouble, LeaseLost, Stopped, OSError.
        """
        staging = self.music.staging / job.key
        if job.receipt is not None:
            undo_half_replace(self.music, job.key, job.receipt.folder)
        receipt = self._placed_before(job, staging)
        if receipt is None:
            if (staging / _ALBUM).exists():
                shutil.rmtree(staging / _ALBUM)
            log.info("%s is being fetched", job.label)
            receipt = self._fetch_and_place(job, staging)
        done = job.model_copy(update={"receipt": receipt, "failure": None, "not_before": None, "attempt": 0})
        done = done.after(What.DELIVERED, self.clock.now(), _summed_up(receipt))
        self.spool.check(job)
        keep_copy(self.music, done)
        self.spool.finish(done)
        clean_staging(self.music, job.key)
        log.info("%s is in place: %s (%s)", job.label, receipt.folder, _summed_up(receipt))
        return True

    def _placed_before(self, job: Job, staging: Path) -> Receipt | None:
        """The receipt of an album that a killed worker had renamed into place, but not yet finished."""
        try:
            receipt = Receipt.model_validate(read_json(staging / _INTENT))
        except (OSError, ValueError, ValidationError):
            return None
        folder = self.music.root / receipt.folder
        # By content: the album that this one is to replace may have files of the same names and sizes.
        if not all(_is_there(folder, file) for file in receipt.files):
            return None
        log.info("%s had been placed before this worker's predecessor ended", job.label)
        return receipt

    def _fetch_and_place(self, job: Job, staging: Path) -> Receipt:
        page = self._page(job)
        link = f"{self.bandcamp.base}/settings"
        try:
            if page is None:
                raise ItemTrouble(Reason.NO_DOWNLOAD, "Bandcamp lists no download for it")
            chosen = releases(page, job.item, self.settings.format, link)
            for title in left_out(page, job.item):
                log.warning("%s holds %r too, which has no download now and is left out", job.label, title)
        except ItemTrouble as trouble:
            if trouble.reason is not Reason.NO_DOWNLOAD or not self.settings.stream_fallback:
                raise
            if job.receipt is not None and job.receipt.source == "stream":
                raise
            return self._stream(job, staging)
        announced = sum(release.offer.size_bytes or 0 for release in chosen)
        check_room(self.music, min(announced, 1 << 40), self.settings.min_free_space)
        files: list[ReceiptFile] = []
        for release in chosen:
            files += self._fetch_release(job, staging, release, alone=len(chosen) == 1)
        about = _about(job, chosen[0])
        folder = self._folder(job, about, chosen[0])
        return self._place(job, staging, folder, files, chosen[0].offer.format, "purchase")

    def _page(self, job: Job) -> DownloadPage | None:
        if job.item.redownload_url is None:
            return None
        try:
            return self.bandcamp.download_page(job.item.redownload_url)
        except RedirectRefused as error:
            raise ItemTrouble(Reason.OTHER, str(error)) from None

    def _fetch_release(self, job: Job, staging: Path, release: Release, alone: bool) -> list[ReceiptFile]:
        """Fetch one release into the staged album; a bundle's releases get a folder each."""
        _sign(job, staging)
        # By its own name: what a former attempt left of one release is never taken for another's.
        space = Workspace(staging / f"{RELEASE}{release.name}", release.offer.format)
        first: list[Release] = [release]

        def resolve() -> Link:
            # The page's own links serve once; after that a new page has new ones.
            fresh = first.pop() if first else self._again(job, release)
            return ready_link(self.bandcamp, fresh.offer, self.clock)

        members = Fetcher(self.bandcamp, space, resolve, self.clock, self._notice).fetch()
        about = _about(job, release)
        fetched = [Fetched(space.folder / m.file, m.name, m.sha256) for m in members]
        cover = self._cover(job, release, fetched)
        part = "" if alone else safe_part(about.title, f"{release.position + 1:02d}")
        target = staging / _ALBUM / part
        if part and target.exists():
            part = f"{part} ({release.position + 1})"
            target = staging / _ALBUM / part
        files = compose(fetched, about, target, cover)
        return [f.model_copy(update={"path": f"{part}/{f.path}"}) if part else f for f in files]

    def _again(self, job: Job, release: Release) -> Release:
        page = self._page(job)
        assert page is not None
        link = f"{self.bandcamp.base}/settings"
        for fresh in releases(page, job.item, (release.offer.format,), link):
            if fresh.name == release.name:
                return fresh
        raise ItemTrouble(Reason.SHAPE, "its download page does not show the same release any more")

    def _cover(self, job: Job, release: Release, fetched: list[Fetched]) -> bytes | None:
        if any(f.name.lower().endswith(("cover.jpg", "cover.jpeg", "cover.png")) for f in fetched):
            return None
        art_id = release.item.art_id or job.item.art_id
        found = self.bandcamp.cover(art_id) if art_id else None
        inside = (embedded_cover(f.path) for f in fetched if is_audio(f.name)) if found is None else iter(())
        return found or next((c for c in inside if c is not None and c.startswith(b"\xff\xd8\xff")), None)

    def _stream(self, job: Job, staging: Path) -> Receipt:
        if not job.item.item_url:
            raise ItemTrouble(Reason.NO_STREAM, "it has no download and no page to stream from")
        check_room(self.music, 0, self.settings.min_free_space)
        art_id = job.item.art_id
        cover = self.bandcamp.cover(art_id) if art_id else None
        _sign(job, staging)
        streamed = fetch_stream(self.bandcamp, job.item, staging / "stream", self.clock, self._notice, cover)
        about = About(job.item.artist, job.item.title, streamed.year, single=job.item.item_type == "track")
        files = compose(streamed.files, about, staging / _ALBUM, cover)
        folder = self._folder(job, about, None)
        return self._place(job, staging, folder, files, streamed.format, "stream")

    def _folder(self, job: Job, about: About, release: Release | None) -> str:
        if "{year}" not in self.settings.layout and "{performer}" not in self.settings.layout:
            return job.folder
        performer = (release.item.artist if release else None) or job.item.artist
        fields = {"artist": job.item.artist, "album": job.item.title, "key": job.key, "performer": performer}
        return album_folder(self.settings.layout, {**fields, "year": str(about.year or "")})

    def _place(
        self, job: Job, staging: Path, folder: str, files: list[ReceiptFile], format_name: str, source: str
    ) -> Receipt:
        album = staging / _ALBUM
        _sync_tree(album)
        own = job.receipt.folder if job.receipt is not None else None
        receipt = Receipt.model_validate(
            {
                "folder": own or folder,
                "files": files,
                "format": format_name,
                "source": source,
                "placed_at": self.clock.now(),
                "artist": job.item.artist,
                "title": job.item.title,
            }
        )

        def announce(wanted: str) -> None:
            self.spool.check(job)
            intent = receipt.model_copy(update={"folder": wanted})
            atomic.write_text(staging / _INTENT, intent.model_dump_json())

        if job.receipt is not None:
            take_along(self.music, job.receipt, job.key, album, self.clock.now())
        placed = place(self.music, album, folder, job.key, own, announce)
        return receipt.model_copy(update={"folder": placed})


def _sign(job: Job, staging: Path) -> None:
    """Say who works here, so that others can tell whether somebody does, also where the job itself is lost."""
    atomic.write_text(staging / HOLDER, f"{job.claim.holder if job.claim else ''}\n", durable=False)


def _about(job: Job, release: Release) -> About:
    item = release.item
    date = item.release_date
    return About(
        artist=item.artist or job.item.artist,
        title=item.title or job.item.title,
        year=date.year if date else None,
        single=item.kind == "track",
    )


def _summed_up(receipt: Receipt) -> str:
    files = f"{len(receipt.files)} file{'' if len(receipt.files) == 1 else 's'}"
    return f"{receipt.format}, {files}, {receipt.size / 1e6:.1f} MB"


def _is_there(folder: Path, file: ReceiptFile) -> bool:
    try:
        path = folder / file.path
        return path.stat().st_size == file.size and file_sha256(path) == file.sha256
    except OSError:
        return False


def _sync_tree(folder: Path) -> None:
    for root, _, names in os.walk(folder):
        for name in names:
            atomic.sync_file(Path(root) / name)
        atomic.sync_folder(Path(root))
