"""The invented collection: made from a seed, looked up by the site, changed by the tests."""

import hashlib
import hmac
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from standin import kinds
from standin.builder import Builder
from standin.model import Purchase, Release, Track
from standin.names import DEMO, GALLERY

PRESETS = ("demo", "gallery", "small", "full", "names")


def _identity(word: str) -> str:
    """A login cookie's value in its true shape: percent-encoded, tab-separated, a JSON tail."""
    token = hashlib.sha256(f"identity {word}".encode()).hexdigest()[:40]
    return f"7%09{token}%3D%09%7B%22id%22%3A99%2C%22h1%22%3A%22{token[:16]}%22%2C%22ex%22%3A0%7D"


class World:
    """A fan with purchases. Every change takes the lock, so that requests never see half of it."""

    def __init__(self, builder: Builder, username: str, secret: str) -> None:
        self.seed = builder.seed
        self.username = username
        self.fan_id = 7_654_321
        self.user_id = 99
        self.identity: str | None = secret
        self.lock = threading.RLock()
        self._builder = builder
        self._index()

    @classmethod
    def build(
        cls,
        purchases: int = 60,
        seed: int = 1,
        preset: str = "full",
        *,
        seconds: tuple[float, float] = (1.0, 2.0),
        username: str = "a_listener",
        identity: str | None = None,
    ) -> "World":
        """A collection of `purchases` sales (the demo and the names bring their own number).

        `full` holds every kind and fills up with ordinary albums and tracks; `small` is ordinary
        only; `names` is the nasty names, then as `full`; `demo` is fourteen pleasant albums, and
        `gallery` forty purchases, with a pre-order and a shirt among them.
        """
        if preset not in PRESETS:
            raise ValueError(f"preset is one of {PRESETS}, not {preset!r}")
        step = timedelta(seconds=min(400_000, 12 * 365 * 86_400 // max(1, purchases)))
        make = Builder(seed, seconds, step)
        if preset in ("demo", "gallery"):
            _demo(make)
            if preset == "gallery":
                _gallery(make)
        else:
            parts: tuple[Callable[[Builder], None], ...] = kinds.ALL if preset != "small" else ()
            if preset == "names":
                kinds.nasty_names(make)
            for part in parts:
                if len(make.purchases) < purchases or preset == "names":
                    part(make)
            while len(make.purchases) < purchases:
                (kinds.single if len(make.purchases) % 4 == 3 else kinds.album)(make)
            if preset != "names":
                del make.purchases[purchases:]
        return cls(make, username, identity or _identity(f"{username} {seed}"))

    # What the site asks -----------------------------------------------------------------------

    @property
    def purchases(self) -> list[Purchase]:
        """All purchases, newest first, hidden ones among them."""
        return self._builder.purchases

    def listing(self, *, hidden: bool) -> list[Purchase]:
        """One of the two lists, newest first."""
        with self.lock:
            return self._hidden if hidden else self._visible

    def by_key(self, key: str) -> Purchase | None:
        """The purchase with that sale key."""
        return self._by_key.get(key)

    def by_sale_id(self, sale_id: str) -> Purchase | None:
        """The purchase with that sale number, whatever its type."""
        return self._by_sale_id.get(sale_id)

    def by_payment(self, payment_id: int) -> list[Purchase]:
        """Everything that one payment bought."""
        return self._by_payment.get(payment_id, [])

    def by_slug(self, word: str, slug: str) -> tuple[Purchase, Track | None] | None:
        """The purchase behind a public page, with the track if it is a track's page."""
        return self._by_slug.get((word, slug))

    def by_track(self, track_id: str) -> tuple[Purchase, Track] | None:
        """A track, with a purchase that holds it."""
        return self._by_track.get(track_id)

    def sign(self, *parts: object) -> str:
        """A signature that only this world can make: 40 hex digits."""
        text = " ".join(str(part) for part in parts).encode()
        return hmac.new(f"stand-in {self.seed}".encode(), text, hashlib.sha1).hexdigest()

    def truth(self) -> dict[str, Any]:
        """Everything that a test may want to compare with."""
        with self.lock:
            return {
                "fan_id": self.fan_id,
                "username": self.username,
                "seed": self.seed,
                "logged_in_as": self.identity,
                "purchases": [purchase.truth() for purchase in self.purchases],
            }

    # What the tests change --------------------------------------------------------------------

    def release_preorder(self, key: str | None = None) -> list[str]:
        """The artist presses the button: the rest of the tracks is out. All pre-orders, or one."""
        with self.lock:
            keys = []
            for purchase in self._chosen(key):
                if purchase.preorder and purchase.release:
                    purchase.preorder = False
                    for track in purchase.release.tracks:
                        track.released = True
                    purchase.release.revision += 1
                    keys.append(purchase.key)
            return keys

    def add_purchase(self, count: int = 1) -> list[str]:
        """Buy something new. Returns the new keys, newest last."""
        with self.lock:
            keys = []
            for _ in range(count):
                newest = max(purchase.bought for purchase in self.purchases)
                release = self._builder.release()
                bought = newest + timedelta(hours=3)
                keys.append(self._builder.buy(release, "added", bought=bought).key)
            self._index()
            return keys

    def grow_release(self, key: str, title: str = "Added Later") -> None:
        """The artist adds a track under the same id."""
        with self.lock:
            release = self._release(key)
            self._builder.add_track(release, title, release.artist)
            release.bare = False
            release.revision += 1
            self._index()

    def remove_purchase(self, key: str) -> None:
        """Refunded: the purchase is gone from everywhere."""
        with self.lock:
            self.purchases.remove(self._purchase(key))
            self._index()

    def set_hidden(self, key: str, hidden: bool) -> None:
        """The owner hides a purchase, or shows it again."""
        with self.lock:
            self._purchase(key).hidden = hidden
            self._index()

    def set_identity(self, secret: str | None = None) -> str:
        """A new login; the old cookie is worth nothing any more. Returns the new value."""
        with self.lock:
            old = self.identity or ""
            self.identity = secret or _identity(f"next {old}")
            return self.identity

    def log_out(self) -> None:
        """No cookie is good any more, until `set_identity`."""
        with self.lock:
            self.identity = None

    def _chosen(self, key: str | None) -> list[Purchase]:
        return self.purchases if key is None else [self._purchase(key)]

    def _purchase(self, key: str) -> Purchase:
        purchase = self._by_key.get(key)
        if purchase is None:
            raise KeyError(f"no purchase {key!r}")
        return purchase

    def _release(self, key: str) -> Release:
        release = self._purchase(key).release
        if release is None:
            raise KeyError(f"{key!r} has no music")
        return release

    def _index(self) -> None:
        everything = self.purchases
        everything.sort(key=lambda purchase: purchase.order, reverse=True)
        self._visible = [purchase for purchase in everything if not purchase.hidden]
        self._hidden = [purchase for purchase in everything if purchase.hidden]
        self._by_key = {purchase.key: purchase for purchase in everything}
        self._by_sale_id = {str(purchase.sale_id): purchase for purchase in everything}
        self._by_payment: dict[int, list[Purchase]] = {}
        self._by_slug: dict[tuple[str, str], tuple[Purchase, Track | None]] = {}
        self._by_track: dict[str, tuple[Purchase, Track]] = {}
        self.art_ids = {purchase.release.art_id for purchase in everything if purchase.release}
        for purchase in everything:
            self._by_payment.setdefault(purchase.payment_id, []).append(purchase)
            if purchase.release:
                self._index_release(purchase, purchase.release)

    def _index_release(self, purchase: Purchase, release: Release) -> None:
        if release.letter == "a":
            self._by_slug.setdefault(("album", release.slug), (purchase, None))
        for track in release.tracks:
            self._by_slug.setdefault(("track", track.slug), (purchase, track))
            self._by_track.setdefault(str(track.track_id), (purchase, track))


def _demo(make: Builder) -> None:
    """Fourteen albums and records with names that look like names."""
    make.step = timedelta(days=17, hours=5)
    for artist, title, titles in DEMO:
        make.buy(make.release(artist=artist, title=title, titles=list(titles)), "album")


def _gallery(make: Builder) -> None:
    """More such albums, so that a page is full of them, and what else a collection holds."""
    for number, (artist, title) in enumerate(GALLERY):
        if number == 3:
            kinds.preorder(make)
        if number == 7:
            kinds.merch(make)
        make.buy(make.release(artist=artist, title=title), "album")
