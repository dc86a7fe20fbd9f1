"""One purchase of every kind that a real collection holds, and the nasty names."""

from collections.abc import Callable

from standin.builder import Builder
from standin.names import NASTY, artist_name


def album(make: Builder) -> None:
    """An ordinary album."""
    make.buy(make.release(), "album")


def single(make: Builder) -> None:
    """An ordinary track: a bare audio file."""
    make.buy(make.release("t"), "track")


def track_beside_album(make: Builder) -> None:
    """A track bought first, and later the album that it is on: two purchases, one song twice."""
    whole = make.release(titles=["Opening", "Middle Ground", "Closing"])
    song = make.release("t", artist=whole.artist, title="Middle Ground")
    make.buy(whole, "album_beside_track")
    make.buy(song, "track_beside_album")


def vinyl(make: Builder) -> None:
    """A record whose digital album belongs to it."""
    release = make.release()
    number = 2_100_000_000 + make.made
    fields = {"package_details": {"type_name": "Record/Vinyl"}, "album_title": release.title}
    make.buy(release, "package", item_type="package", item_id=number, fields=fields)


def merch(make: Builder) -> None:
    """A shirt: listed, called available, and nothing to download."""
    make.buy(None, "merch", title="T-Shirt (grey)", linked=False, offered=False)


def subscription(make: Builder) -> None:
    """A subscription: no title, no address, no link."""
    make.buy(
        None, "subscription", sale_type="m", item_type="subscription", linked=False, offered=False,
        subscription=True, fields={"item_url": None},
    )  # fmt: skip


def free(make: Builder) -> None:
    """Collected without payment."""
    make.buy(make.release(), "free", sale_type="c", fields={"price": 0.0})


def redeemed(make: Builder) -> None:
    """Had for a download code."""
    make.buy(make.release(), "redeemed", sale_type="r")


def gift(make: Builder) -> None:
    """Given by a friend."""
    make.buy(make.release(), "gift", gift_from="Aunt Rosa")


def hidden(make: Builder) -> None:
    """Two purchases that the owner hid: an album and a track."""
    make.buy(make.release(), "hidden", hidden=True)
    make.buy(make.release("t"), "hidden_track", hidden=True)


def preorder(make: Builder) -> None:
    """A pre-order of which one track is out."""
    release = make.release(titles=["Lead Single", "Not Yet", "Nor This", "Last One"])
    for track in release.tracks[1:]:
        track.released = False
    release.date = make.newest.replace(year=make.newest.year + 1)
    make.buy(release, "preorder", preorder=True)


def one_track_album(make: Builder) -> None:
    """An album of one track, which arrives as a bare file."""
    make.buy(make.release(titles=["The Only One"], bare=True), "one_track_album")


def bundle(make: Builder) -> None:
    """Three albums of one old payment, which share one download page."""
    payment = 80_000 + make.made
    moment = make.newest - make.step * len(make.purchases)
    for _ in range(3):
        make.buy(make.release(), "bundle", payment_id=payment, bought=moment)


def stream_only(make: Builder) -> None:
    """Still listened to, no longer downloaded: the page has no `downloads`."""
    make.buy(make.release(), "stream_only", offered=False)


def label_release(make: Builder) -> None:
    """Sold by a label, played by somebody else."""
    label = "Tidewater Recordings"
    make.buy(make.release(seller=label), "label", label=label)


def compilation(make: Builder) -> None:
    """Several artists, one album."""
    label = "Tidewater Recordings"
    artists = [artist_name(70 + index) for index in range(4)]
    release = make.release(artist="Various Artists", seller=label, artists=artists,
                           titles=["Estuary", "Saltmarsh", "Groyne", "Sandbank"])  # fmt: skip
    make.buy(release, "compilation", label=label)


def with_extras(make: Builder) -> None:
    """A booklet and a film lie in the archive."""
    make.buy(make.release(extras=True), "extras")


def hidden_track(make: Builder) -> None:
    """One more track in the archive than on the page."""
    release = make.release(titles=["Known", "Also Known"])
    make.add_track(release, "Unlisted Reprise", release.artist, listed=False)
    make.buy(release, "hidden_track_in_album")


def same_twice(make: Builder) -> None:
    """One album, collected free of charge and paid for later: two sales of one release."""
    release = make.release()
    make.buy(release, "bought_again")
    make.buy(release, "first_collected", sale_type="c")


def no_flac(make: Builder) -> None:
    """A release that is offered in two formats only."""
    make.buy(make.release(), "few_formats", formats=("mp3-320", "mp3-v0"))


ALL: tuple[Callable[[Builder], None], ...] = (
    album, single, track_beside_album, vinyl, merch, hidden, preorder, compilation, subscription,
    free, redeemed, gift, one_track_album, bundle, stream_only, label_release, with_extras,
    hidden_track, same_twice, no_flac,
)  # fmt: skip


def nasty_names(make: Builder) -> None:
    """A purchase for each pair of names that something trips over, and one without a title."""
    for artist, title in NASTY:
        release = make.release(artist=artist or "Nameless", title=title or "", seller=artist,
                               titles=["Side/One", title or "x", "..", "Plain"])  # fmt: skip
        make.buy(release, "nasty", band_name=artist)
    make.buy(make.release(), "null_title", title=None)
    make.buy(make.release("t", artist="AC/DC", title='What? / Why: "That"'), "nasty_track")
