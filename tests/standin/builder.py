"""Makes releases and purchases with numbers of their own."""

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from standin.model import Band, Purchase, Release, Track, slugify
from standin.names import artist_name, phrase, track_titles

#: The newest purchase of a new world. Fixed, so that a seed gives the same world on any day.
NEWEST = datetime(2026, 11, 1, 18, 30, tzinfo=UTC)


@dataclass
class Builder:
    """Counts up ids and dates while a world is being made. Newest purchases come first."""

    seed: int
    seconds: tuple[float, float]
    step: timedelta
    newest: datetime = NEWEST
    made: int = 0
    purchases: list[Purchase] = field(default_factory=list)
    slugs: Counter[str] = field(default_factory=Counter)
    bands: dict[str, Band] = field(default_factory=dict)
    releases: int = 0
    tracks: int = 0

    def dice(self) -> random.Random:
        """Random numbers that depend on the seed and on how much has been made."""
        return random.Random(self.seed * 1_000_003 + self.releases)

    def band(self, name: str | None) -> Band:
        """The band of that name, made when it is new."""
        known = self.bands.get(name or "")
        if known is None:
            number = len(self.bands) + 31
            subdomain = slugify(name or "").replace("-", "") + ("" if name else str(number))
            known = self.bands[name or ""] = Band(number, name, subdomain)
        return known

    def release(
        self,
        letter: str = "a",
        *,
        artist: str | None = None,
        title: str | None = None,
        titles: list[str] | None = None,
        artists: list[str] | None = None,
        seller: str | None = None,
        **more: Any,
    ) -> Release:
        """An album or a track; what is not given is invented."""
        dice = self.dice()
        self.releases += 1
        number = self.releases
        artist = artist_name(dice.randrange(60)) if artist is None else artist
        if letter == "t":
            title = title if title is not None else dice.choice(track_titles(dice, 3))
            titles = [title]
        title = phrase(dice) if title is None else title
        titles = titles or track_titles(dice, dice.randint(2, 5))
        release = Release(
            letter=letter,
            release_id=1_000_000_000 + self.seed % 1000 * 100_000 + number,
            title=title,
            artist=artist,
            band=self.band(seller or artist),
            slug=self._slug(title),
            art_id=4_000_000 + self.seed % 1000 * 1000 + number,
            date=self.newest - timedelta(days=dice.randint(20, 4000)),
            tracks=[],
            bare=letter == "t",
        )
        for index, name in enumerate(titles):
            self.add_track(release, name, artists[index] if artists else artist)
        for name, value in more.items():
            setattr(release, name, value)
        return release

    def add_track(self, release: Release, title: str, artist: str, *, listed: bool = True) -> Track:
        """One more track at the end of a release."""
        self.tracks += 1
        low, high = self.seconds
        # Steps of a quarter second keep the number of different tones to encode small.
        steps = max(1, round((high - low) * 4) + 1)
        track = Track(
            track_id=3_000_000_000 + self.tracks,
            number=len(release.tracks) + 1,
            title=title,
            artist=artist,
            duration=low + (self.tracks * 7 + self.seed) % steps * 0.25,
            slug=release.slug if release.letter == "t" else self._slug(title),
            listed=listed,
        )
        release.tracks.append(track)
        return track

    def buy(
        self,
        release: Release | None,
        kind: str,
        *,
        sale_type: str = "p",
        seller: str | None = None,
        bought: datetime | None = None,
        **more: Any,
    ) -> Purchase:
        """A purchase of `release`; fields of Purchase may be given to differ from the usual."""
        self.made += 1
        number = self.made
        if release is not None:
            band = release.band
            values: dict[str, Any] = {
                "item_type": release.word,
                "item_id": release.release_id,
                "title": release.title,
                "band_name": band.name,
            }
        else:
            band = self.band(seller or artist_name(number))
            values = {
                "item_type": "package",
                "item_id": 2_000_000_000 + number,
                "title": None,
                "band_name": band.name,
            }
        values.update(more)
        purchase = Purchase(
            sale_type=sale_type,
            sale_id=500_000_000 + number,
            payment_id=values.pop("payment_id", 90_000 + number),
            band=band,
            release=release,
            bought=bought or self.newest - self.step * len(self.purchases),
            kind=kind,
            **values,
        )
        self.purchases.append(purchase)
        return purchase

    def _slug(self, title: str) -> str:
        """An address part of its own: the second `night-ferry` is `night-ferry-2`."""
        base = slug = slugify(title)
        while self.slugs[slug]:
            self.slugs[base] += 1
            slug = f"{base}-{self.slugs[base]}"
        self.slugs[slug] += 1
        return slug
