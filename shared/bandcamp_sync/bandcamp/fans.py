"""Who is logged in, and how much they own, by Bandcamp's answers and pages. Pure."""

from dataclasses import dataclass

from bandcamp_sync.bandcamp.answers import as_int, as_mapping, as_text, find_blob, parse_json
from bandcamp_sync.errors import LoggedOut, ShapeChanged


@dataclass(frozen=True)
class Fan:
    """The fan whose session it is. `owned`: tralbums as `a123`/`t123`, empty when not said."""

    fan_id: int
    username: str | None = None
    owned: frozenset[str] = frozenset()


def parse_summary(text: str) -> Fan:
    """`/api/fan/2/collection_summary`."""
    where = "collection_summary answer"
    answer = parse_json(text, where)
    summary = as_mapping(answer.get("collection_summary"))
    fan_id = as_int(answer.get("fan_id")) or as_int(summary.get("fan_id"))
    if fan_id is None:
        if answer.get("error"):
            raise LoggedOut(f"{where} is an error")
        raise ShapeChanged(where, "fan_id")
    username = as_text(summary.get("username")) or as_text(as_mapping(summary.get("url_hints")).get("subdomain"))
    if username is None and (url := as_text(summary.get("url"))):
        username = url.rstrip("/").rsplit("/", 1)[-1]
    return Fan(fan_id, username, frozenset(map(str, as_mapping(summary.get("tralbum_lookup")))))


def parse_identity(html: str, where: str) -> Fan:
    """The fan on any page that says who is logged in: the home page, a profile page, a download page.

    Raises LoggedOut when the page says nobody is, ShapeChanged when it does not say.
    """
    home = find_blob(html, "HomepageApp")
    context = as_mapping(home.get("pageContext")) if home else {}
    if home is not None and "identity" in context:
        identity = as_mapping(context["identity"])
        fan_id = as_int(identity.get("fanId"))
        if fan_id is None:
            raise LoggedOut(f"{where} shows no identity")
        return Fan(fan_id, as_text(identity.get("fanUsername")))
    blob = find_blob(html, "pagedata")
    if blob is None and home is None:
        raise ShapeChanged(where, "data-blob of #HomepageApp or #pagedata")
    identities = as_mapping(blob).get("identities")
    if isinstance(identities, dict) and "fan" in identities:
        fan = as_mapping(identities["fan"])
        fan_id = as_int(fan.get("id"))
        if fan_id is None:
            raise LoggedOut(f"{where} shows no fan")
        return Fan(fan_id, as_text(fan.get("username")))
    own = as_mapping(as_mapping(blob).get("fan_data"))
    if own.get("is_own_page") and (fan_id := as_int(own.get("fan_id"))) is not None:
        return Fan(fan_id, as_text(own.get("username")))
    raise ShapeChanged(where, "pageContext.identity or identities.fan")


@dataclass(frozen=True)
class Counts:
    """How many purchases Bandcamp says there are; None where it does not say."""

    collection: int | None
    hidden: int | None


def parse_profile_counts(html: str) -> Counts:
    """The counts on the fan's own profile page; all of them optional."""
    blob = find_blob(html, "pagedata") or {}
    visible, hidden = as_mapping(blob.get("collection_data")), as_mapping(blob.get("hidden_data"))
    return Counts(
        as_int(visible.get("item_count")) or as_int(blob.get("collection_count")),
        as_int(hidden.get("item_count")) or as_int(visible.get("hidden_items_count")),
    )
