import json
from pathlib import Path
from typing import Any

import pytest
from bandcamp_sync.bandcamp.downloads import DownloadPage, Offer, parse_download_page
from bandcamp_sync.errors import ItemTrouble, LoggedOut, Reason
from bandcamp_sync.fetch.resolve import ready_link, releases
from unit.factories import HurriedClock, client, item, page, served

SETTINGS = "https://bandcamp.com/settings"


def release(number: int = 1000000021, formats: tuple[str, ...] = ("flac", "mp3-320"), **changes: Any) -> dict[str, Any]:
    downloads = {name: {"url": f"https://popplers5.bandcamp.com/{number}/{name}", "size_mb": "1MB"} for name in formats}
    whole = {"sale_id": 500000009, "item_id": number, "download_id": number, "tralbum_id": number}
    return {**whole, "title": "Night Ferry", "downloads": downloads, **changes}


def shown(*entries: dict[str, Any], fan: Any = None, **changes: Any) -> DownloadPage:
    known = {"id": 1, "verified": True} if fan is None else fan
    return parse_download_page(page({"digital_items": list(entries), "identities": {"fan": known}, **changes}))


def trouble(found: DownloadPage, *preferred: str) -> ItemTrouble:
    with pytest.raises(ItemTrouble) as caught:
        releases(found, item(), preferred or ("flac",), SETTINGS)
    return caught.value


# --- what to download -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("preferred", "chosen"), [(("flac",), "flac"), (("mp3-320", "flac"), "mp3-320"), (("wav", "mp3-320"), "mp3-320")]
)
def test_the_first_preferred_format_that_is_offered_is_taken(preferred: tuple[str, ...], chosen: str) -> None:
    [one] = releases(shown(release()), item(), preferred, SETTINGS)
    assert (one.position, one.offer.format) == (0, chosen)


def test_every_release_of_a_bundle_is_taken_in_order_but_for_what_has_no_download() -> None:
    entries = [release(1), release(2, downloads=None), release(3)]
    found = releases(shown(*entries), item(), ("flac",), SETTINGS)
    assert [(one.position, sorted(one.item.ids)) for one in found] == [(0, [1]), (1, [3])]


def test_only_what_belongs_to_the_purchase_is_taken() -> None:
    found = releases(shown(release(5, sale_id=1), release(6)), item(), ("flac",), SETTINGS)
    assert [sorted(one.item.ids) for one in found] == [[6]]


def test_a_format_that_is_not_offered_is_told_with_those_that_are() -> None:
    error = trouble(shown(release(formats=("mp3-320", "mp3-v0", "odd"))), "flac", "wav")
    assert error.reason is Reason.NO_FORMAT
    assert "flac, wav" in error.sentence and "mp3-320, mp3-v0 " in error.sentence and "odd" not in error.sentence
    assert "FORMAT" in error.sentence


def test_a_preorder_waits_although_a_part_of_it_could_be_had() -> None:
    error = trouble(shown(release(is_preorder=True, release_date="01 Jul 2027 00:00:00 GMT")))
    assert (error.reason, error.sentence) == (Reason.PREORDER, "pre-order, to be released on 2027-07-01")
    assert trouble(shown(release(is_preorder=True))).sentence == "pre-order, not released yet"


def test_a_release_that_is_not_ready_and_lies_in_the_future_may_be_had_all_the_same() -> None:
    entry = release(ready=False, release_date="01 Jul 2027 00:00:00 GMT", is_preorder=None)
    assert len(releases(shown(entry), item(), ("flac",), SETTINGS)) == 1


@pytest.mark.parametrize("entries", [[], [release(downloads=None)], [release(downloads={})]])
def test_a_page_without_downloads_is_told_by_its_cause(entries: list[dict[str, Any]]) -> None:
    assert trouble(shown(*entries)).reason is Reason.NO_DOWNLOAD
    unverified = trouble(shown(*entries, fan={"id": 1, "verified": False}))
    assert (unverified.reason, unverified.link) == (Reason.UNVERIFIED, SETTINGS)
    for logged_out in (shown(*entries, fan={}), shown(*entries, logged_out_fan=True)):
        with pytest.raises(LoggedOut):
            releases(logged_out, item(), ("flac",), SETTINGS)


def test_a_page_that_opens_without_a_login_is_used() -> None:
    assert len(releases(shown(release(), fan={}), item(), ("flac",), SETTINGS)) == 1


# --- until the file is ready ----------------------------------------------------------------------------------------


def ready(folder: Path, *answers: tuple[int, str], clock: HurriedClock | None = None) -> tuple[str, list[str]]:
    """Where the file is, below the server's address, and what was asked."""
    with (
        served({"/statdownload/album": list(answers), "/statdownload/again": [(200, '{"result":"ok"}')]}) as (
            base,
            asked,
        ),
        client(base, folder, clock) as bandcamp,
    ):
        offer = Offer("flac", f"{base}/download/album?enc=flac&id=1&sig=2", 5)
        link = ready_link(bandcamp, offer, clock or HurriedClock())
        return link.url.removeprefix(base), asked


def stat(**fields: str) -> tuple[int, str]:
    return 200, json.dumps(fields)


def stuck(folder: Path, *answers: tuple[int, str], clock: HurriedClock | None = None) -> ItemTrouble:
    with pytest.raises(ItemTrouble) as caught:
        ready(folder, *answers, clock=clock)
    return caught.value


def test_a_file_that_is_ready_has_its_own_address(tmp_path: Path) -> None:
    url = "https://p4.bcbits.com/download/album?token=1"
    assert ready(tmp_path, stat(result="ok", download_url=url)) == (url, ["/statdownload/album"])


@pytest.mark.parametrize("answer", [stat(result="ok"), (200, "var _statDL_result = { result: 'ok'};"), (404, "{}")])
def test_without_an_address_of_its_own_the_first_one_is_used(answer: tuple[int, str], tmp_path: Path) -> None:
    assert ready(tmp_path, answer)[0] == "/download/album?enc=flac&id=1&sig=2"


def test_a_page_for_an_answer_leaves_the_first_address(tmp_path: Path) -> None:
    assert ready(tmp_path, (200, page({})))[0].startswith("/download/album")


def test_while_it_is_prepared_it_is_asked_again_with_growing_waits(tmp_path: Path) -> None:
    clock = HurriedClock()
    url, asked = ready(tmp_path, stat(result="encoding"), stat(result="encoding"), stat(result="ok"), clock=clock)
    assert url.startswith("/download/album") and len(asked) == 3
    assert [wait for wait in clock.waits if wait >= 1] == [1, 2]


def test_what_is_prepared_for_minutes_is_left_for_later(tmp_path: Path) -> None:
    clock = HurriedClock()
    assert stuck(tmp_path, stat(result="encoding"), clock=clock).reason is Reason.NOT_READY
    assert 30 <= sum(clock.waits) <= 600


def test_an_address_to_try_again_is_followed_once(tmp_path: Path) -> None:
    error = stat(result="err", errortype="ExpiredFreeDownloadError", retry_url="/download/again?fsig=1")
    assert ready(tmp_path, error) == ("/download/again?fsig=1", ["/statdownload/album", "/statdownload/again"])


def test_an_address_to_try_again_that_leads_in_a_circle_ends(tmp_path: Path) -> None:
    error = stat(result="err", errortype="x", retry_url="/download/album?enc=flac")
    url, asked = ready(tmp_path, error)
    assert url == "/download/album?enc=flac" and len(asked) == 2


@pytest.mark.parametrize(
    ("errortype", "reason"),
    [("ExpirationError", Reason.REAUTH), ("DeletedError", Reason.GONE), ("ExceedsFreeDownloadsError", Reason.GONE)],
)
def test_an_error_that_no_waiting_mends_is_told_at_once(errortype: str, reason: Reason, tmp_path: Path) -> None:
    clock = HurriedClock()
    assert stuck(tmp_path, stat(result="err", errortype=errortype, retry_url=""), clock=clock).reason is reason
    assert sum(clock.waits) < 1


@pytest.mark.parametrize(
    "url", ["https://evil.example/x?sig=SECRET", "http://p4.bcbits.com/x?sig=SECRET", "//localhost/SECRET"]
)
def test_an_address_outside_of_bandcamp_fails_this_purchase_and_shows_no_secret(url: str, tmp_path: Path) -> None:
    error = stuck(tmp_path, stat(result="ok", download_url=url))
    assert error.reason is Reason.OTHER and "SECRET" not in error.sentence
