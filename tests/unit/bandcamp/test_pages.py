"""The samples are those of the protocol notes: shapes as Bandcamp's, content invented."""

import html
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from bandcamp_sync.bandcamp import answers, downloads, fans, listings, stats
from bandcamp_sync.bandcamp.downloads import DigitalItem, DownloadPage
from bandcamp_sync.bandcamp.fans import Fan
from bandcamp_sync.bandcamp.stats import Stat
from bandcamp_sync.errors import BandcampSyncError, LoggedOut, ShapeChanged
from hypothesis import example, given
from hypothesis import strategies as st
from unit.factories import KEY, LINK, entry, item, listing, page

HOME = (
    '<div id="HomepageApp" data-blob="{&quot;pageContext&quot;:{&quot;identity&quot;:{&quot;fanId&quot;:7654321,'
    '&quot;isFanVerified&quot;:true}}}"></div>'
)
HOME_LOGGED_OUT = '<div id="HomepageApp" data-blob="{&quot;pageContext&quot;:{&quot;identity&quot;:null}}"></div>'
SUMMARY: dict[str, Any] = {
    "fan_id": 7654321,
    "collection_summary": {
        "fan_id": 7654321,
        "username": "a_listener",
        "url": "https://bandcamp.com/a_listener",
        "tralbum_lookup": {
            "a1000000021": {"item_type": "a", "item_id": 1000000021, "band_id": 31, "purchased": "07 Jul 2024"}
        },
        "follows": {"following": {"31": True}},
    },
}
PROFILE: dict[str, Any] = {
    "collection_count": 2,
    "identities": {"user": {"id": 99}, "fan": {"id": 7654321, "username": "a_listener", "verified": True}},
    "fan_data": {"fan_id": 7654321, "username": "a_listener", "is_own_page": True},
    "collection_data": {
        "last_token": "1720316099:1000000021:a:1:",
        "item_count": 2,
        "batch_size": 20,
        "sequence": ["1000000021"],
        "hidden_items_count": 1,
        "redownload_urls": {KEY: LINK},
    },
    "hidden_data": {"last_token": "1700000000:1000000055:t:1:", "item_count": 1, "batch_size": 20},
    "item_cache": {"collection": {}, "hidden": {}},
}
ALBUM: dict[str, Any] = {
    "fan_id": 7654321,
    "item_id": 1000000021,
    "item_type": "album",
    "tralbum_id": 1000000021,
    "tralbum_type": "a",
    "album_id": 1000000021,
    "band_id": 31,
    "band_name": "Los Faros",
    "band_url": "https://losfaros.bandcamp.com",
    "item_title": "Night Ferry",
    "item_url": "https://losfaros.bandcamp.com/album/night-ferry",
    "url_hints": {"subdomain": "losfaros", "custom_domain": None, "slug": "night-ferry", "item_type": "a"},
    "item_art_id": 4031,
    "item_art": {"url": "https://f4.bcbits.com/img/a4031_9.jpg", "art_id": 4031},
    "purchased": "07 Jul 2024 01:34:59 GMT",
    "added": "07 Jul 2024 01:34:59 GMT",
    "sale_item_id": 500000009,
    "sale_item_type": "p",
    "is_preorder": False,
    "download_available": True,
    "hidden": None,
    "gift_id": None,
    "num_streamable_tracks": 2,
    "label": None,
    "token": "1720316099:1000000021:a::",
}
MERCH: dict[str, Any] = {
    "item_id": 2000000077,
    "item_type": "package",
    "tralbum_id": 1000000090,
    "tralbum_type": "a",
    "band_name": "Ostkai",
    "item_title": "Kranich",
    "item_url": None,
    "purchased": "18 Jan 2022 16:08:46 GMT",
    "sale_item_id": 500000004,
    "sale_item_type": "p",
    "download_available": True,
    "hidden": None,
    "num_streamable_tracks": 9,
    "token": "1642522126:2000000077:p::",
}
FILE_URL = "https://popplers5.bandcamp.com/download/album?enc=flac&id=1000000021&sig=fedcba98&sitem_id=500000009"
DIGITAL: dict[str, Any] = {
    "sale_id": 500000009,
    "payment_id": 90003,
    "item_id": 1000000021,
    "item_type": "a",
    "type": "album",
    "download_type": "a",
    "download_id": 1000000021,
    "tralbum_id": 1000000021,
    "title": "Night Ferry",
    "artist": "Los Faros",
    "band_name": "Los Faros",
    "art_id": 4031,
    "ready": False,
    "killed": None,
    "is_preorder": None,
    "release_date": "01 Jul 2024 00:00:00 GMT",
    "downloads": {"flac": {"size_mb": "79MB", "description": "FLAC", "encoding_name": "flac", "url": FILE_URL}},
}
DOWNLOAD: dict[str, Any] = {
    "identities": {"user": {"id": 99}, "fan": {"id": 7654321, "username": "a_listener", "verified": True}},
    "logged_out_fan": False,
    "is_redownload": True,
    "packages": [],
    "digital_items": [DIGITAL],
    "download_items": [DIGITAL],
}
SIGNED = "https://p4.bcbits.com/download/album/0f1e2d/flac/1000000021?id=1000000021&sig=fedc&token=1796027240_0123"
STAT_OK = json.dumps({"result": "ok", "url": "popplers5.bandcamp.com/x", "host": "stand-in-1", "download_url": SIGNED})
STAT_EXPIRED = (
    'if ( window.Downloads ) { Downloads.statResult ( {"result":"err","errortype":"ExpirationError","retry_url":"",'
    '"date":"2026-11-23 08:27:20 UTC","host":"stand-in-1"} ) };'
)
CHALLENGE = (
    '<!DOCTYPE html><html lang="en"><head><link href="/_fs-ch-AbCdEfGh12345678/assets/styles.css" rel="stylesheet"/>'
    "<title>Client Challenge</title></head><body><noscript>JavaScript is off</noscript>"
    '<script src="/_fs-ch-AbCdEfGh12345678/script.js"></script></body></html>'
)


def download_page(**changes: Any) -> DownloadPage:
    return downloads.parse_download_page(page({**DOWNLOAD, **changes}))


def digital(**changes: Any) -> DigitalItem:
    return download_page(digital_items=[{**DIGITAL, **changes}]).items[0]


# --- what kind of answer is this? -----------------------------------------------------------------------------------


def test_the_challenge_is_known_and_no_page_with_content_is_taken_for_it() -> None:
    assert answers.is_challenge(CHALLENGE) and answers.is_html(CHALLENGE)
    script = "<noscript>turn JavaScript on</noscript><script></script></body>"
    for whole in (HOME, page(PROFILE), page(DOWNLOAD)):
        assert not answers.is_challenge(whole)
        assert not answers.is_challenge("<!DOCTYPE html>" + whole.replace("</body>", script))


@pytest.mark.parametrize("text", ["", "{}", STAT_OK, STAT_EXPIRED, "fLaC"])
def test_what_is_no_page_is_no_challenge(text: str) -> None:
    assert not answers.is_challenge(text)


def test_a_small_page_that_only_asks_for_scripts_is_a_challenge_whatever_its_words() -> None:
    assert answers.is_challenge("\ufeff \n<!doctype HTML><noscript>Bitte</noscript><script src=x></script>")


# --- blobs ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("quote", ['"', "'"])
def test_a_blob_may_stand_in_single_or_double_quotes(quote: str) -> None:
    blob = {"title": "Rock 'n' \"Roll\"", "n": 1}
    assert answers.find_blob(page(blob, quote=quote), "pagedata") == blob


@pytest.mark.parametrize("title", ["&amp;", "&quot;", "&lt;b&gt;", "Tom &amp;amp; Jerry", "<script>", "日本 🎵"])
def test_a_blob_is_unescaped_once(title: str) -> None:
    assert answers.find_blob(page({"title": title}), "pagedata") == {"title": title}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=9), JSON, max_size=4), st.sampled_from("\"'"))
def test_any_object_in_a_blob_is_read_back(blob: dict[str, Any], quote: str) -> None:
    assert answers.find_blob(page(blob, quote=quote), "pagedata") == blob


@pytest.mark.parametrize("blob", ["", "{", "[]", "null", "1", '"x"', "{'a': 1}"])
def test_a_blob_that_is_no_object_is_none(blob: str) -> None:
    assert answers.find_blob(page(blob), "pagedata") is None


def test_the_blob_of_another_element_is_none() -> None:
    assert answers.find_blob(HOME, "pagedata") is None
    assert answers.find_blob(page({"HomepageApp": 1}), "HomepageApp") is None


# --- who is logged in -----------------------------------------------------------------------------------------------


def test_the_summary_tells_the_fan_and_what_is_owned() -> None:
    assert fans.parse_summary(json.dumps(SUMMARY)) == Fan(7654321, "a_listener", frozenset({"a1000000021"}))


@pytest.mark.parametrize(
    ("summary", "username"),
    [
        ({"url_hints": {"subdomain": "sub"}, "username": None}, "sub"),
        ({"url": "https://bandcamp.com/by_url/"}, "by_url"),
        ({"username": "  ", "url": 5}, None),
        (None, None),
    ],
)
def test_a_summary_may_name_the_user_in_other_places_or_not_at_all(summary: Any, username: str | None) -> None:
    assert fans.parse_summary(json.dumps({"fan_id": "7654321", "collection_summary": summary})).username == username


@pytest.mark.parametrize("where", ["fan_id", "collection_summary"])
def test_the_fan_id_may_stand_in_either_place_as_number_or_text(where: str) -> None:
    answer = {"fan_id": "7654321"} if where == "fan_id" else {"collection_summary": {"fan_id": 7654321}}
    assert fans.parse_summary(json.dumps(answer)).fan_id == 7654321


def test_an_api_that_says_must_be_logged_in_means_logged_out() -> None:
    answer = '{"error": true, "error_message": "must be logged in"}'
    for parse in (fans.parse_summary, lambda text: listings.parse_listing(text, False)):
        with pytest.raises(LoggedOut):
            parse(answer)


@pytest.mark.parametrize("text", ["", "[]", "null", "<html>", "{}", '{"fan_id": null}', '{"fan_id": "me"}'])
def test_a_summary_without_a_fan_id_has_changed_shape(text: str) -> None:
    with pytest.raises(ShapeChanged):
        fans.parse_summary(text)


def test_the_home_page_tells_the_fan() -> None:
    assert fans.parse_identity(HOME, "home page") == Fan(7654321)
    named = HOME.replace("&quot;fanId", "&quot;fanUsername&quot;:&quot;a_listener&quot;,&quot;fanId")
    assert fans.parse_identity(named, "home page") == Fan(7654321, "a_listener")


@pytest.mark.parametrize("blob", [PROFILE, DOWNLOAD, {"fan_data": PROFILE["fan_data"]}])
def test_profile_and_download_pages_tell_the_fan(blob: dict[str, Any]) -> None:
    assert fans.parse_identity(page(blob), "page") == Fan(7654321, "a_listener")


@pytest.mark.parametrize(
    "text", [HOME_LOGGED_OUT, page({"identities": {"user": None, "fan": None}}), page({"identities": {"fan": {}}})]
)
def test_a_page_that_says_nobody_is_logged_in_means_logged_out(text: str) -> None:
    with pytest.raises(LoggedOut):
        fans.parse_identity(text, "home page")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<html></html>",
        page({}),
        page({}, "HomepageApp"),
        page({"identities": None}),
        page("{"),
        page({"fan_data": {"fan_id": 1, "is_own_page": False}}),
    ],
)
def test_a_page_that_does_not_say_who_is_logged_in_is_no_logout(text: str) -> None:
    with pytest.raises(ShapeChanged):
        fans.parse_identity(text, "home page")


def test_the_profile_page_counts_visible_and_hidden_purchases() -> None:
    assert fans.parse_profile_counts(page(PROFILE)) == fans.Counts(2, 1)


@pytest.mark.parametrize("text", ["", CHALLENGE, page({}), page({"collection_data": None, "hidden_data": []})])
def test_a_profile_page_may_count_nothing(text: str) -> None:
    assert fans.parse_profile_counts(text) == fans.Counts(None, None)


def test_counts_of_null_are_looked_for_elsewhere() -> None:
    blob = {"collection_count": "7", "collection_data": {"item_count": None, "hidden_items_count": "3"}}
    assert fans.parse_profile_counts(page(blob)) == fans.Counts(7, 3)


# --- listing purchases ----------------------------------------------------------------------------------------------


def test_a_listing_brings_an_album_with_its_link_and_merchandise_without_one() -> None:
    found = listings.parse_listing(listing(ALBUM, MERCH, last_token="1642522126:2000000077:p::"), hidden=False)
    album, merch = found.items
    assert album == item(
        art_id="4031", tracks=2, purchased=datetime(2024, 7, 7, 1, 34, 59, tzinfo=UTC), tralbum="a1000000021"
    )
    assert (merch.key, merch.item_type, merch.item_url, merch.redownload_url) == ("p500000004", "package", None, None)
    assert (found.last_token, found.bare) == ("1642522126:2000000077:p::", False)


def test_ids_may_be_texts() -> None:
    texts = {k: str(v) if isinstance(v, int) and not isinstance(v, bool) else v for k, v in ALBUM.items()}
    [as_text], [as_number] = (listings.parse_listing(listing(one), False).items for one in (texts, ALBUM))
    assert as_text == as_number


def test_every_field_but_the_sale_may_be_null_or_missing() -> None:
    sale = {"sale_item_type": "p", "sale_item_id": 500000009}
    for one in ({**dict.fromkeys(ALBUM), **sale}, sale):
        [found] = listings.parse_listing(listing(one), False).items
        assert (found.key, found.artist, found.title) == (KEY, "Unknown Artist", f"Untitled {KEY}")
        assert found.redownload_url == LINK


def test_a_purchase_without_a_sale_is_named_after_its_release() -> None:
    [found] = listings.parse_listing(listing(entry(sale_item_id=None), urls={}), False).items
    assert found.key == "xa1000000021"


@pytest.mark.parametrize("sale_type", ["p", "c", "r", "m"])
def test_a_sale_of_any_type_has_a_key(sale_type: str) -> None:
    [found] = listings.parse_listing(listing(entry(sale_item_type=sale_type)), False).items
    assert found.key == f"{sale_type}500000009"


def test_a_page_with_music_and_not_one_link_is_bare() -> None:
    assert listings.parse_listing(listing(ALBUM, urls={}), False).bare
    assert listings.parse_listing(listing(ALBUM).replace(f'{{"{KEY}": "{LINK}"}}', "null"), False).bare
    assert not listings.parse_listing(listing(MERCH, urls={}), False).bare
    assert not listings.parse_listing(listing(urls={}), False).bare


def test_the_last_purchases_own_token_goes_before_the_answers() -> None:
    two = listing(entry(token="2:2:a::"), entry(token="1:1:a::"), last_token="0:0:a::")
    assert listings.parse_listing(two, False).last_token == "1:1:a::"
    none = listing(entry(token=None), last_token="0:0:a::")
    assert listings.parse_listing(none, False).last_token == "0:0:a::"


def test_the_hidden_list_says_less_and_its_purchases_are_hidden() -> None:
    [found] = listings.parse_listing(json.dumps({"items": [ALBUM]}), hidden=True).items
    assert found.hidden and found.redownload_url is None
    [shown] = listings.parse_listing(listing({**ALBUM, "hidden": 1}), hidden=False).items
    assert shown.hidden


def test_a_purchase_that_is_listed_twice_is_given_twice_and_is_the_same() -> None:
    one, two = listings.parse_listing(listing(ALBUM, ALBUM), False).items
    assert one == two


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"items": null}',
        '{"items": {}}',
        '{"items": [1, null]}',
        '{"items": [{}], "redownload_urls": {}}',
        json.dumps({"items": [ALBUM]}),
        "",
        "<html>",
    ],
)
def test_a_listing_that_cannot_be_understood_has_changed_shape(text: str) -> None:
    with pytest.raises(ShapeChanged):
        listings.parse_listing(text, hidden=False)


def test_one_odd_entry_does_not_hide_the_others() -> None:
    assert [one.key for one in listings.parse_listing(listing(None, {}, "x", ALBUM), False).items] == [KEY]


def test_a_release_on_a_bands_own_domain_is_known_by_bandcamps_address() -> None:
    hints = {"subdomain": "losfaros", "custom_domain": "losfaros.example", "slug": "quay", "item_type": "t"}
    [found] = listings.parse_listing(
        listing(entry(item_url="https://losfaros.example/x", url_hints=hints)), False
    ).items
    assert found.item_url == "https://losfaros.bandcamp.com/track/quay"
    for bad in ({"subdomain": "evil.example/"}, {"slug": "../x"}, {"slug": None}):
        [found] = listings.parse_listing(listing(entry(url_hints={**hints, **bad})), False).items
        assert found.item_url == "https://losfaros.bandcamp.com/album/night-ferry"


@pytest.mark.parametrize(
    ("purchased", "added", "day"), [(None, "02 May 2023 03:03:47 GMT", "2023-05-02"), ("soon", None, None)]
)
def test_a_date_that_is_missing_is_taken_from_the_day_it_was_added(purchased: Any, added: Any, day: str | None) -> None:
    [found] = listings.parse_listing(listing(entry(purchased=purchased, added=added)), False).items
    assert (found.purchased.date().isoformat() if found.purchased else None) == day


# --- the download page ----------------------------------------------------------------------------------------------


def test_a_download_page_offers_its_formats() -> None:
    found = download_page()
    assert (found.logged_in, found.verified) == (True, True)
    [release] = found.items
    assert (release.sale_id, release.kind, release.title, release.artist) == (
        500000009,
        "album",
        "Night Ferry",
        "Los Faros",
    )
    assert (release.art_id, release.is_preorder, release.ids) == ("4031", None, frozenset({1000000021}))
    assert release.release_date == datetime(2024, 7, 1, tzinfo=UTC)
    assert (release.offers["flac"].url, release.offers["flac"].size_bytes) == (FILE_URL, 79 << 20)


def test_a_file_address_is_not_shown_where_a_release_is_printed() -> None:
    assert "sig=" not in repr(download_page()) and "sig=" not in repr(stats.parse_stat(STAT_OK))


def test_the_releases_may_stand_under_their_other_name() -> None:
    assert len(download_page(digital_items=None).items) == 1


@pytest.mark.parametrize("changed", [{"logged_out_fan": True}, {"identities": {"fan": None}}])
def test_a_download_page_may_be_seen_by_nobody(changed: dict[str, Any]) -> None:
    assert not download_page(**changed).logged_in


@pytest.mark.parametrize("verified", [True, False, None])
def test_a_download_page_tells_whether_the_address_is_confirmed(verified: bool | None) -> None:
    assert download_page(identities={"fan": {"id": 1, "verified": verified}}).verified is verified


@pytest.mark.parametrize("downloads", [None, {}, [], "x", {"flac": None}, {"flac": {}}, {"flac": {"url": None}}])
def test_a_release_may_offer_nothing(downloads: Any) -> None:
    assert digital(downloads=downloads).offers == {}


def test_a_release_may_be_a_track_or_say_almost_nothing() -> None:
    assert digital(download_type="t").kind == digital(download_type=None, type="track").kind == "track"
    bare = digital(**dict.fromkeys(DIGITAL))
    assert (bare.sale_id, bare.ids, bare.title, bare.offers) == (None, frozenset(), None, {})


@pytest.mark.parametrize("text", ["", CHALLENGE, HOME, page({}), page({"digital_items": "x"})])
def test_a_page_without_releases_has_changed_shape(text: str) -> None:
    with pytest.raises(ShapeChanged):
        downloads.parse_download_page(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [("79MB", 79 << 20), ("685.3MB", 718589132), ("1.2GB", 1288490188), ("900KB", 900 << 10), ("12B", 12), ("7", 7)]
    + [(text, None) for text in (None, 79, "", "MB", "1.2.3MB", "much", "-1MB", ".")],
)
def test_a_size_is_read_from_its_text(text: Any, size: int | None) -> None:
    assert downloads.parse_size(text) == size


# --- which releases belong to a purchase ----------------------------------------------------------------------------


def test_a_package_is_matched_by_its_sale_and_not_by_its_own_id() -> None:
    package = {**DIGITAL, "item_id": 2000000077, "item_type": "p", "type": "package"}
    other = {**DIGITAL, "sale_id": 500000010, "item_id": 5, "download_id": 5, "tralbum_id": 5}
    found = download_page(digital_items=[other, package], packages=[package])
    [release] = downloads.matching_items(found, item(item_id=2000000077))
    assert release.ids == frozenset({2000000077, 1000000021})


def test_a_bundle_of_many_releases_under_one_sale_brings_them_all_once() -> None:
    entries = [{**DIGITAL, "item_id": n, "download_id": n, "tralbum_id": n} for n in (1, 2, 3, 2, 1)]
    found = downloads.matching_items(download_page(digital_items=entries), item())
    assert [sorted(release.ids) for release in found] == [[1], [2], [3]]


def test_a_release_without_its_sale_is_matched_by_its_id() -> None:
    entries = [{**DIGITAL, "sale_id": None, "item_id": n, "download_id": n, "tralbum_id": n} for n in (1, 2)]
    page_ = download_page(digital_items=entries)
    assert [r.ids for r in downloads.matching_items(page_, item(item_id=2, tralbum=None))] == [frozenset({2})]
    assert [r.ids for r in downloads.matching_items(page_, item(item_id=None, tralbum="a1"))] == [frozenset({1})]


def test_what_says_neither_sale_nor_release_is_what_was_bought() -> None:
    nameless = {**DIGITAL, "sale_id": None, "item_id": None, "download_id": None, "tralbum_id": None}
    entries = [{**nameless, "title": title} for title in ("One", "Two")]
    assert len(downloads.matching_items(download_page(digital_items=entries), item(item_id=9, tralbum="a9"))) == 2


def test_what_is_of_another_sale_and_release_is_nobodys_here() -> None:
    another = {**DIGITAL, "sale_id": 1, "item_id": 2, "download_id": 2, "tralbum_id": 2}
    for one in (another, {**another, "sale_id": None}):
        assert downloads.matching_items(download_page(digital_items=[one]), item(item_id=9, tralbum="a9")) == ()
    assert downloads.matching_items(download_page(digital_items=[], download_items=[]), item()) == ()


# --- the stat answer ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "stat"),
    [
        (STAT_OK, Stat("ok", SIGNED)),
        (f"if ( window.Downloads ) {{ Downloads.statResult ( {STAT_OK} ) }};", Stat("ok", SIGNED)),
        (f"if(window.Downloads){{window.Downloads.statResult({STAT_OK})}};", Stat("ok", SIGNED)),
        (f"var _statDL_result = {STAT_OK};", Stat("ok", SIGNED)),
        (STAT_EXPIRED, Stat("err", errortype="ExpirationError")),
        ("var _statDL_result = { result: 'ok'};", Stat("ok")),
        ("var _statDL_result = { result: 'pending' };", Stat("pending")),
        ('{"result":"ok"}', Stat("ok")),
        ('{"result":"err","errortype":"DeletedError"}', Stat("err", errortype="DeletedError")),
        (
            '{"result":"err","errortype":"ExpiredFreeDownloadError","retry_url":"https://popplers5.bandcamp.com/x"}',
            Stat("err", retry_url="https://popplers5.bandcamp.com/x", errortype="ExpiredFreeDownloadError"),
        ),
        ('{"result":"encoding"}', Stat("pending")),
        ('{"result":null,"download_url":null}', Stat("pending")),
        ("", None),
        ("{}", None),
        ("[]", None),
        ("not JSON {", None),
        (CHALLENGE, None),
        (page(DOWNLOAD), None),
    ],
)
def test_a_stat_answer_is_read_in_all_its_wrappings(text: str, stat: Stat | None) -> None:
    assert stats.parse_stat(text) == stat


# --- a page where a file was asked for ------------------------------------------------------------------------------

_BLOCK = '<div class="email-reauth-error" data-bind="visible: expiredError()" style="{}">Download expired.</div>'
_CUT_OFF = '<div data-bind="visible: cutoffError()" style="{}">Try again in one hour.</div>'


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (_BLOCK.format(""), "expired"),
        (_BLOCK.format("display: none;"), None),
        (_CUT_OFF.format("") + _BLOCK.format("display: none;"), "cutoff"),
        (_CUT_OFF.format("display: none;") + _BLOCK.format("display: none;"), None),
        (page(DOWNLOAD), None),
        ("", None),
    ],
)
def test_an_error_is_shown_where_its_block_is_not_hidden(text: str, error: str | None) -> None:
    assert downloads.shown_error(text) == error


def test_an_expired_link_is_known_by_its_class_as_well() -> None:
    assert downloads.shown_error('<div class="email-reauth-error" style="">Download expired.</div>') == "expired"


# --- whatever comes -------------------------------------------------------------------------------------------------

NAMES = [
    "items",
    "redownload_urls",
    "fan_id",
    "collection_summary",
    "username",
    "url",
    "tralbum_lookup",
    "sale_item_id",
    "sale_item_type",
    "item_id",
    "item_type",
    "tralbum_id",
    "tralbum_type",
    "band_name",
    "item_title",
    "url_hints",
    "purchased",
    "item_art",
    "hidden",
    "is_preorder",
    "token",
    "error",
    "error_message",
    "digital_items",
    "download_items",
    "identities",
    "fan",
    "id",
    "downloads",
    "flac",
    "size_mb",
    "sale_id",
    "type",
    "release_date",
    "pageContext",
    "identity",
    "fanId",
    "collection_data",
    "hidden_data",
    "item_count",
    "fan_data",
    "is_own_page",
    "result",
]
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(0, 10**12),
    st.floats(0, 10**12),
    st.sampled_from(["p", "a", "album", "500000009", "", "79MB", "07 Jul 2024 01:34:59 GMT", "ok", "https://x/"]),
    st.text(max_size=12),
)
NESTED = st.recursive(
    VALUES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=7),
    max_leaves=25,
)
OBJECTS = st.dictionaries(st.sampled_from(NAMES), NESTED, max_size=8)
BODIES = OBJECTS.map(json.dumps) | st.text(max_size=60)
PAGES = st.one_of(
    st.builds(page, OBJECTS, st.sampled_from(["pagedata", "HomepageApp"]), st.sampled_from("\"'")),
    st.text(max_size=60),
    st.lists(
        st.sampled_from(["<", ">", "/", '"', "'", "&", "=", "!", "--", "id=pagedata", "data-blob", "<div ", "x"])
    ).map("".join),
)


def raises_only_our_own(parse: Any, *arguments: Any) -> None:
    try:
        parse(*arguments)
    except BandcampSyncError as error:
        assert str(error).isprintable()


@given(BODIES, st.booleans())
def test_any_answer_of_the_api_is_parsed_or_refused_as_ours(text: str, hidden: bool) -> None:
    raises_only_our_own(fans.parse_summary, text)
    raises_only_our_own(listings.parse_listing, text, hidden)
    raises_only_our_own(answers.parse_json, text, "answer")
    raises_only_our_own(stats.parse_stat, text)


@given(PAGES)
@example('<div id="pagedata" data-blob="' + html.escape('{"digital_items": [{}]}') + '">')
def test_any_page_is_parsed_or_refused_as_ours(text: str) -> None:
    raises_only_our_own(fans.parse_identity, text, "home page")
    raises_only_our_own(downloads.parse_download_page, text)
    raises_only_our_own(fans.parse_profile_counts, text)
    assert answers.is_challenge(text) in (True, False)
    assert downloads.shown_error(text) in (None, "expired", "cutoff")


@given(NESTED)
def test_any_value_is_converted_or_none(value: Any) -> None:
    assert answers.as_int(value) is None or isinstance(value, int | float | str)
    assert answers.as_text(value) in (None, value)
    moment = answers.as_moment(value)
    assert moment is None or moment.utcoffset() is not None
    assert downloads.parse_size(value) is None or isinstance(value, str)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_a_number_that_is_none_is_refused_as_ours(number: str) -> None:
    raises_only_our_own(fans.parse_summary, f'{{"fan_id": {number}}}')


@pytest.mark.parametrize(
    "changed",
    [
        {"sale_item_id": -5},
        {"sale_item_id": 10**25},
        {"sale_item_id": None, "item_type": "Album"},
        {"sale_item_id": None, "item_id": 10**25},
    ],
)
def test_one_purchase_with_an_odd_id_does_not_end_the_listing(changed: dict[str, Any]) -> None:
    found = listings.parse_listing(listing(ALBUM, {**ALBUM, **changed}), False)
    assert KEY in [one.key for one in found.items]


@pytest.mark.parametrize("parse", [fans.parse_summary, stats.parse_stat])
def test_json_that_is_nested_without_end_is_refused_as_ours(parse: Any) -> None:
    raises_only_our_own(parse, '{"result":' + "[" * 100_000)


def test_a_page_with_a_broken_marked_section_is_refused_as_ours() -> None:
    raises_only_our_own(downloads.parse_download_page, "<![else-if[ x" + page(DOWNLOAD))


def test_a_size_beyond_all_numbers_is_none() -> None:
    assert downloads.parse_size("9" * 400 + "MB") is None


# --- yes and no -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [True, 1, "true", "1", " True ", "yes"])
def test_a_yes_comes_in_many_shapes(value: object) -> None:
    assert answers.as_flag(value)


@pytest.mark.parametrize("value", [False, 0, None, "false", "0", "", "no", [], {}])
def test_so_does_a_no(value: object) -> None:
    assert not answers.as_flag(value)
