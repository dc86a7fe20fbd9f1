"""From a purchase to the addresses of its files: download page, format, stat. See protocol notes 4.1 and 4.2."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from bandcamp_sync.bandcamp import downloads
from bandcamp_sync.bandcamp.client import Bandcamp
from bandcamp_sync.bandcamp.downloads import DigitalItem, DownloadPage, Offer
from bandcamp_sync.bandcamp.formats import FORMATS, choose_format
from bandcamp_sync.clock import Clock
from bandcamp_sync.collection.item import Item
from bandcamp_sync.errors import ItemTrouble, LoggedOut, Reason, RedirectRefused
from bandcamp_sync.fetch.fetch import Link
from bandcamp_sync.fetch.judge import reauthentication

log = logging.getLogger(__name__)

#: Waits between questions to an encoder, in seconds; then the item is asked for again later.
_STAT_WAITS_S = (1, 2, 4, 8, 15)


@dataclass(frozen=True)
class Release:
    """One release of a purchase, with the format that was chosen. `position`: its place among them, from 0.

    `name`: tells it from the purchase's other releases in every attempt, and is a file name; its position is not the
    same when others have a download that had none, or have none any more.
    """

    position: int
    name: str
    item: DigitalItem
    offer: Offer


def releases(page: DownloadPage, item: Item, preferred: Sequence[str], link: str) -> list[Release]:
    """What to download for a purchase. Pure.

    `link`: where the user can mend a missing e-mail confirmation. Raises ItemTrouble (pre-order, nothing to download,
    format not offered, a person is needed) or LoggedOut.
    """
    found = downloads.matching_items(page, item)
    chosen: list[Release] = []
    for place, digital in enumerate(found):
        # The date alone says nothing: artists release by hand, sooner or later than they announced.
        if digital.is_preorder:
            raise ItemTrouble(Reason.PREORDER, _preorder_sentence(digital.release_date))
        if not digital.offers:
            continue
        name = choose_format(preferred, digital.offers)
        if name is None:
            offered = ", ".join(sorted(set(digital.offers) & set(FORMATS))) or "none that is known"
            raise ItemTrouble(
                Reason.NO_FORMAT,
                f"not offered as {', '.join(preferred)}; offered: {offered} (setting FORMAT)",
            )
        chosen.append(Release(len(chosen), _lasting_name(digital, place), digital, digital.offers[name]))
    if chosen:
        return chosen
    if page.items and not found:
        raise ItemTrouble(Reason.SHAPE, "its download page is another purchase's")
    if not page.logged_in:
        raise LoggedOut("the download page shows no fan and no download")
    if page.verified is False:
        raise ItemTrouble(
            Reason.UNVERIFIED,
            "Bandcamp withholds downloads until your account's e-mail address is confirmed",
            link,
        )
    raise ItemTrouble(Reason.NO_DOWNLOAD, "its page offers no download")


def left_out(page: DownloadPage, item: Item) -> list[str]:
    """The titles of the purchase's releases that have no download now, while others of it may have one. Pure."""
    return [one.title or "one without a title" for one in downloads.matching_items(page, item) if not one.offers]


def _lasting_name(digital: DigitalItem, place: int) -> str:
    """A release's name by its ids, as `a1000000021`; where it has none, by its names and place on the page. Pure."""
    kind = "t" if digital.kind == "track" else "a"
    if digital.ids:
        return kind + "_".join(map(str, sorted(digital.ids)))
    told = repr((digital.artist, digital.title)).encode(errors="backslashreplace")
    return f"{kind}-{sha256(told).hexdigest()[:16]}-{place}"


def _preorder_sentence(release_date: datetime | None) -> str:
    return f"pre-order, to be released on {release_date:%Y-%m-%d}" if release_date else "pre-order, not released yet"


def ready_link(bandcamp: Bandcamp, offer: Offer, clock: Clock) -> Link:
    """Ask the stat endpoint until the file is ready; the address to fetch.

    Raises ItemTrouble: not ready for minutes, deleted, a person is needed, or an address outside Bandcamp's hosts.
    """
    try:
        url = bandcamp.transport.policy.absolute(offer.url)
        return Link(_ready_url(bandcamp, url, clock), offer.size_bytes)
    except RedirectRefused as error:
        raise ItemTrouble(Reason.OTHER, str(error)) from None


def _ready_url(bandcamp: Bandcamp, url: str, clock: Clock) -> str:
    followed = False
    absolute = bandcamp.transport.policy.absolute
    for wait_s in (*_STAT_WAITS_S, None):
        stat = bandcamp.stat(url)
        if stat is None:
            return url  # no stat answer: the plain address may still work, and what it gives is judged anyway
        if stat.download_url and stat.result != "err":
            return absolute(stat.download_url)
        if stat.result == "ok":
            return url
        if stat.result == "err":
            if stat.errortype == "ExpirationError":
                raise reauthentication(f"{bandcamp.base}/settings")
            if stat.errortype in ("DeletedError", "ExceedsFreeDownloadsError"):
                raise ItemTrouble(Reason.GONE, f"Bandcamp says that it cannot be downloaded ({stat.errortype})")
            if stat.download_url:
                return absolute(stat.download_url)
            if stat.retry_url and not followed:
                followed, url = True, absolute(stat.retry_url)
                continue
            if followed:
                return url
        if wait_s is None:
            break
        log.info("Bandcamp is preparing the files; asking again in %d s", wait_s)
        clock.sleep(wait_s)
    raise ItemTrouble(Reason.NOT_READY, "Bandcamp is still preparing the files")
