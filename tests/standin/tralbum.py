"""The public pages of albums and tracks, in the form that yt-dlp reads, and the streams."""

import html as escaping
import json
import time
from typing import Any

from standin.exchange import Exchange, Response, html
from standin.items import art
from standin.model import Purchase, Release, Track, stamp
from standin.mutations import mutate
from standin.world import World


def page(world: World, exchange: Exchange, purchase: Purchase, track: Track | None) -> Response:
    """`/album/<slug>` or `/track/<slug>`."""
    release = purchase.release
    assert release is not None
    base = exchange.request.base
    word, slug = ("track", track.slug) if track else (release.word, release.slug)
    here = f"{base}/{word}/{slug}"
    tralbum = _tralbum(world, exchange, purchase, release, track, here)
    embed = {"artist": release.artist, "album_title": release.title if track else None}
    if track is None:
        embed["album_title"] = release.title
    elif release.letter == "t":
        embed.pop("album_title")
    title = track.title if track else release.title
    cover = escaping.escape(art(base, release.art_id, 5))
    seller = escaping.escape(release.band.name or release.artist)
    tags = "".join(f'<a class="tag" href="{base}/tag/{tag}">{tag}</a>' for tag in release.tags)
    owner = {"fan_id": world.fan_id, "is_purchased": exchange.logged_in}
    response = html(
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f"<title>{escaping.escape(title)} | {seller}</title>\n"
        f'<meta property="og:title" content="{escaping.escape(title)}">\n'
        f'<meta property="og:url" content="{escaping.escape(here)}">\n'
        f'<meta property="og:image" content="{cover}">\n'
        f'<script type="text/javascript" data-tralbum="{_attribute(exchange, tralbum)}"'
        f' data-embed="{_attribute(exchange, embed)}"'
        f' data-tralbum-collect-info="{_attribute(exchange, owner)}"></script>\n'
        f'</head><body><h2 class="trackTitle">{escaping.escape(title)}</h2>\n'
        f'<h3 class="albumTitle">by <span><a href="{base}/">{seller}</a></span></h3>\n'
        f'<div class="tralbum-tags">{tags}</div></body></html>\n'
    )
    # The site sets this anew on ordinary page views; nothing needs it.
    mark = world.sign("session", here)[:24]
    response.headers.append(("Set-Cookie", f"session=1%09{mark}; path=/; HttpOnly"))
    return response


def _attribute(exchange: Exchange, data: dict[str, Any]) -> str:
    return escaping.escape(json.dumps(mutate(exchange, data)))


def _tralbum(
    world: World,
    exchange: Exchange,
    purchase: Purchase,
    release: Release,
    track: Track | None,
    here: str,
) -> dict[str, Any]:
    shown = [track] if track else release.on_page()
    owner = exchange.logged_in
    date = stamp(release.date)
    return {
        "id": track.track_id if track else release.release_id,
        "item_type": "track" if track else release.word,
        "artist": release.artist,
        "url": here,
        "art_id": release.art_id,
        "hasAudio": any(entry.released for entry in shown),
        "freeDownloadPage": None,
        "is_preorder": purchase.preorder,
        "album_is_preorder": purchase.preorder,
        "album_release_date": date,
        "is_purchased": owner,
        "current": {
            "title": track.title if track else release.title,
            "artist": track.artist if track and track.artist != release.artist else None,
            "about": f"{release.title} was invented for testing.",
            "publish_date": date,
            "release_date": date,
            "band_id": release.band.band_id,
            "selling_band_id": release.band.band_id,
            "type": "track" if track else release.word,
        },
        "trackinfo": [
            {
                "id": entry.track_id,
                "track_id": entry.track_id,
                "title": entry.title,
                "artist": entry.artist if entry.artist != release.artist else None,
                "track_num": entry.number if release.letter == "a" else None,
                "title_link": f"/track/{entry.slug}",
                "duration": entry.duration if entry.released else 0.0,
                "file": streams(world, exchange.request.base, entry, owner),
                "unreleased_track": not entry.released,
                "is_downloadable": entry.released,
            }
            for entry in shown
        ],
    }


def streams(world: World, base: str, track: Track, owner: bool) -> dict[str, str] | None:
    """Stream addresses by format; None for a track that is not out."""
    if not track.released:
        return None
    formats = ("mp3-128", "mp3-v0") if owner else ("mp3-128",)
    return {fmt: stream_url(world, base, track, fmt) for fmt in formats}


def stream_url(world: World, base: str, track: Track, fmt: str) -> str:
    """A signed stream address that holds for a day from its `ts`."""
    now = int(time.time())
    mark = world.sign("stream", track.track_id, fmt, now)
    return f"{base}/stream/{mark[:32]}/{fmt}/{track.track_id}?p=0&ts={now}&t={mark}&token={now}_{mark}"


def stream_good(world: World, exchange: Exchange, fmt: str, track: Track, life: int) -> bool:
    """Whether a stream address is signed and not too old."""
    query = exchange.request.query
    issued = query.get("ts", "")
    if not issued.isdigit() or int(issued) + life < time.time():
        return False
    return query.get("t") == world.sign("stream", track.track_id, fmt, int(issued))
