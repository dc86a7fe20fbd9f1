"""Purchases as Bandcamp's answers spell them."""

from typing import Any

from standin.exchange import Exchange
from standin.model import FORMATS, Purchase, Release, Track, stamp
from standin.shelf import Shelf
from standin.world import World

NOW = 1_796_000_000  # issue time in signed addresses; the date is only shown, never compared


def redownload_url(world: World, base: str, purchase: Purchase) -> str:
    """The bearer link of a purchase."""
    sig = world.sign("download", purchase.payment_id, purchase.sale_id)[:32]
    return f"{base}/download?from=collection&payment_id={purchase.payment_id}&sig={sig}&sitem_id={purchase.sale_id}"


def file_url(world: World, base: str, purchase: Purchase, fmt: str) -> str:
    """Popplers' address of one format."""
    assert purchase.release is not None
    sig = world.sign("file", purchase.sale_id)[:32]
    return (
        f"{base}/download/{purchase.release.word}?enc={fmt}&id={purchase.release.release_id}"
        f"&sig={sig}&sitem_id={purchase.sale_id}"
    )


def art(base: str, art_id: int, size: int) -> str:
    """A cover's address."""
    return f"{base}/img/a{art_id}_{size}.jpg"


def collection_item(world: World, base: str, purchase: Purchase) -> dict[str, Any]:
    """One entry of `items`, with the fields that published samples have."""
    release, band = purchase.release, purchase.band
    page = f"{base}/{release.word}/{release.slug}" if release else None
    art_id = release.art_id if release else None
    when = stamp(purchase.bought)
    item: dict[str, Any] = {
        "fan_id": world.fan_id,
        "item_id": purchase.item_id,
        "item_type": purchase.item_type,
        "tralbum_id": release.release_id if release else None,
        "tralbum_type": release.letter if release else None,
        "album_id": release.release_id if release and release.letter == "a" else None,
        "album_title": release.title if purchase.item_type == "package" and release else None,
        "band_id": band.band_id,
        "band_name": purchase.band_name,
        "band_url": f"{base}/{band.subdomain}",
        "item_title": purchase.title,
        "item_url": page,
        "url_hints": {
            "subdomain": band.subdomain,
            "custom_domain": None,
            "custom_domain_verified": None,
            "slug": release.slug,
            "item_type": release.letter,
        }
        if release
        else None,
        "item_art_id": art_id,
        "item_art": {
            "url": art(base, art_id, 9),
            "thumb_url": art(base, art_id, 3),
            "art_id": art_id,
        }
        if art_id
        else None,
        "item_art_url": art(base, art_id, 9) if art_id else None,
        "purchased": when,
        "added": when,
        "updated": when,
        "sale_item_id": purchase.sale_id,
        "sale_item_type": purchase.sale_type,
        "is_preorder": purchase.preorder,
        "download_available": True,
        "hidden": 1 if purchase.hidden else None,
        "is_private": False,
        "is_subscriber_only": False,
        "is_subscription_item": purchase.subscription,
        "gift_id": purchase.sale_id if purchase.gift_from else None,
        "gift_sender_name": purchase.gift_from,
        "gift_recipient_name": None,
        "num_streamable_tracks": sum(track.released for track in release.tracks) if release else 0,
        "price": 7.0,
        "currency": "EUR",
        "label": purchase.label,
        "label_id": band.band_id if purchase.label else None,
        "featured_track": None,
        "also_collected_count": 12,
        "why": None,
        "package_details": None,
        "token": purchase.token,
    }
    item.update(purchase.fields)
    return item


def tracklist(world: World, base: str, release: Release, owner: bool) -> list[dict[str, Any]]:
    """The tracks of a release as the listing has them; owners get V0."""
    return [
        {
            "id": track.track_id,
            "title": track.title,
            "artist": track.artist,
            "track_number": track.number if release.letter == "a" else None,
            "duration": track.duration,
            "file": {"mp3-v0": stream_redirect(world, base, track)} if owner else {},
        }
        for track in release.on_page()
        if track.released
    ]


def stream_redirect(world: World, base: str, track: Track) -> str:
    """The listing's own stream address, which leads to the real one."""
    mark = world.sign("redirect", track.track_id, NOW)
    return f"{base}/stream_redirect?enc=mp3-v0&track_id={track.track_id}&ts={NOW}&t={mark}"


def digital_item(world: World, base: str, purchase: Purchase, shelf: Shelf, exchange: Exchange) -> dict[str, Any]:
    """One entry of a download page's `digital_items`."""
    release = purchase.release
    assert release is not None
    package = purchase.item_type == "package"
    item: dict[str, Any] = {
        "sale_id": purchase.sale_id,
        "payment_id": purchase.payment_id,
        "item_id": purchase.item_id,
        "item_type": purchase.letter,
        "type": purchase.item_type,
        "download_type": release.letter,
        "download_type_str": release.word.capitalize(),
        "download_id": release.release_id,
        "tralbum_id": release.release_id,
        "title": release.title if not package else purchase.title,
        "artist": release.artist,
        "band_name": purchase.band_name,
        "art_id": release.art_id,
        "thumb_url": art(base, release.art_id, 3),
        "track_count": len(release.tracks),
        "ready": False,  # also on releases that can be had at once
        "killed": None,
        "is_preorder": True if purchase.preorder else None,
        "show_preorder_banner": purchase.preorder,
        "includes_digital": True,
        "subscriber_only": None,
        "release_date": stamp(release.date),
        "package_release_date": stamp(release.date),
        "package_title": purchase.title if package else None,
        "url_hints": {"subdomain": purchase.band.subdomain, "slug": release.slug},
        "page_url": f"{base}/{release.word}/{release.slug}",
    }
    if package:
        item |= {"physical_orders_url": None, "package_type_name": "Record/Vinyl"}
    withheld = any(exchange.fault(name) is not None for name in ("no_downloads", "unverified"))
    if purchase.offered and not withheld:
        item["downloads"] = _downloads(world, base, purchase, release, shelf, exchange)
    return item


def _downloads(
    world: World, base: str, purchase: Purchase, release: Release, shelf: Shelf, exchange: Exchange
) -> dict[str, Any]:
    missing = exchange.fault("no_format")
    without = missing.get("format", "flac") if missing is not None else None
    sizeless = exchange.fault("null_size") is not None
    return {
        fmt: {
            "size_mb": None if sizeless else shelf.announced(release, fmt),
            "description": FORMATS[fmt][2],
            "encoding_name": fmt,
            "url": file_url(world, base, purchase, fmt),
        }
        for fmt in purchase.formats
        if fmt != without
    }
