"""From the log-in to the file: the honest way through the stand-in."""

import io
import re
import zipfile
from pathlib import Path

import pytest
import requests
from standin import StandIn, World, ZipStyle
from standin.cookies import STYLES
from unit.standin.conftest import Client, page_data


def test_the_home_page_and_the_summary_tell_who_is_logged_in(client: Client) -> None:
    world = client.standin.world
    blob = page_data(client.get("/").text, "HomepageApp")
    assert blob["pageContext"]["identity"]["fanId"] == world.fan_id
    assert client.get("/api/fan/2/collection_summary").json()["fan_id"] == world.fan_id

    stranger = requests.get(client.standin.url + "/", timeout=5).text
    assert page_data(stranger, "HomepageApp")["pageContext"]["identity"] is None
    summary = requests.get(client.standin.url + "/api/fan/2/collection_summary", timeout=5).json()
    assert summary == {"error": True, "error_message": "must be logged in"}


def test_walking_by_item_tokens_meets_every_purchase_once(client: Client) -> None:
    world = client.standin.world
    met: list[str] = []
    for which in ("collection", "hidden"):
        token = "1999999999:0:a::"
        while items := client.listing(which, token, 7)["items"]:
            met += [f"{item['sale_item_type']}{item['sale_item_id']}" for item in items]
            token = items[-1]["token"]
    assert sorted(met) == sorted(purchase.key for purchase in world.purchases)


def test_a_stranger_sees_items_without_links_and_no_hidden_ones(client: Client) -> None:
    client.http.headers.pop("Cookie")
    page = client.listing()
    assert page["items"] and page["redownload_urls"] == {}
    assert client.listing("hidden")["items"] == []
    client.standin.settings.logged_out = "403"
    try:
        assert client.listing()["error"] is True
    finally:
        client.standin.settings.logged_out = "error"


def test_the_profile_page_mixes_hidden_links_into_the_visible_ones(client: Client) -> None:
    data = page_data(client.get("/a_listener").text)
    hidden = client.key("hidden")
    assert data["fan_data"]["is_own_page"] is True
    assert hidden in data["collection_data"]["redownload_urls"]
    assert "redownload_urls" not in data["hidden_data"]
    assert set(data["collection_data"]["sequence"]) == set(data["item_cache"]["collection"])
    assert client.get("/nobody").status_code == 404


def test_every_downloadable_purchase_gives_the_music_that_the_truth_names(client: Client) -> None:
    links = client.links()
    for truth in client.standin.world.truth()["purchases"]:
        if not truth["downloadable"]:
            assert truth["key"] not in links or "downloads" not in client.item(truth["key"])
            continue
        fmt = "flac" if "flac" in truth["formats"] else truth["formats"][0]
        data = client.get(client.file_url(truth["key"], fmt)).content
        if truth["bare"]:
            assert data.startswith(b"fLaC") and len(truth["tracks"]) == 1
            continue
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            assert archive.testzip() is None
            names = archive.namelist()
        music = [name for name in names if name.endswith((".flac", ".mp3"))]
        assert len(music) == len(truth["tracks"]) and "cover.jpg" in names
        assert any(name.endswith(".pdf") for name in names) == truth["extras"]


def test_the_stat_step_leads_to_the_file_host_in_all_its_coats(client: Client) -> None:
    url = client.file_url(client.key("album")).replace("/download/", "/statdownload/")
    json_answer = client.get(url + "&.vrs=1", headers={"Accept": "application/json, */*"}).json()
    stranger = requests.get(json_answer["download_url"], timeout=5)
    assert stranger.content[:4] == b"PK\x03\x04", "the file host asks for no cookie"

    wrapped = client.get(url + "&.vrs=1&.rand=3")
    assert wrapped.headers["Content-Type"].startswith("text/javascript")
    assert re.search(r"Downloads\.statResult \( \{", wrapped.text)
    assert client.get(url).text == "var _statDL_result = { result: 'ok'};\n"
    assert requests.get(json_answer["download_url"] + "0", timeout=5).status_code == 403


def test_popplers_can_want_cookies_or_not_or_send_away(client: Client) -> None:
    url = client.file_url(client.key("album"))
    page = requests.get(url, timeout=5)
    assert page.history and page.headers["Content-Type"].startswith("text/html")
    client.standin.rules.add("popplers", mode="open")
    assert requests.get(url, timeout=5).content[:2] == b"PK"
    client.standin.rules.clear()
    client.standin.rules.add("popplers", mode="bcbits")
    assert "/bcbits/" in client.get(url).url


def test_archives_come_in_every_shape_and_always_with_the_same_bytes() -> None:
    with StandIn(World.build(1)) as standin:
        shelf, release = standin.site.shelf, standin.world.purchases[0].release
        assert release is not None
        seen = set()
        for folder in (False, True):
            for method in ("stored", "deflated"):
                for descriptor in (False, True):
                    style = ZipStyle(folder=folder, method=method, descriptor=descriptor)
                    body = shelf.download(release, "mp3-v0", style)
                    again = type(shelf)().download(release, "mp3-v0", style)
                    assert body == again
                    with zipfile.ZipFile(io.BytesIO(body.data)) as archive:
                        assert archive.testzip() is None
                        info = archive.infolist()[0]
                    assert ("/" in info.filename) == folder
                    assert bool(info.flag_bits & 8) == descriptor
                    assert (info.compress_type == zipfile.ZIP_STORED) == (method == "stored")
                    seen.add(body.etag)
        assert len(seen) == 8


def test_a_file_can_be_had_in_parts(client: Client) -> None:
    url = client.file_url(client.key("album"))
    whole = client.get(url)
    etag, size = whole.headers["ETag"], len(whole.content)
    part = client.get(url, headers={"Range": "bytes=100-199", "If-Range": etag})
    assert part.status_code == 206 and part.content == whole.content[100:200]
    assert part.headers["Content-Range"] == f"bytes 100-199/{size}"
    assert client.get(url, headers={"Range": "bytes=-65536"}).content == whole.content[-65536:]
    assert client.get(url, headers={"Range": "bytes=5-", "If-Range": '"old"'}).status_code == 200
    beyond = client.get(url, headers={"Range": f"bytes={size}-"})
    assert beyond.status_code == 416 and beyond.headers["Content-Range"] == f"bytes */{size}"


def test_a_preorder_is_released_and_an_album_grows(client: Client) -> None:
    with StandIn(World.build(40)) as standin:
        own = Client(standin, requests.Session())
        own.http.headers["Cookie"] = f"identity={standin.world.identity}"
        key = own.key("preorder")

        def tracks() -> int:
            data = own.get(own.file_url(key)).content
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                return sum(name.endswith(".flac") for name in archive.namelist())

        assert tracks() == 1
        call = f"{standin.url}/_standin/world"
        assert own.http.post(call, json={"action": "release_preorder"}, timeout=5).json()["result"] == [key]
        assert tracks() == 4
        own.http.post(call, json={"action": "grow_release", "key": key}, timeout=5).raise_for_status()
        assert tracks() == 5
        new = own.http.post(call, json={"action": "add_purchase", "count": 2}, timeout=5).json()["result"]
        assert {f"p{item['sale_item_id']}" for item in own.listing(count=2)["items"]} == set(new)
        own.http.post(call, json={"action": "set_hidden", "key": new[0], "hidden": True}, timeout=5)
        assert new[0] in own.listing("hidden")["redownload_urls"]
        own.http.post(call, json={"action": "remove_purchase", "key": new[1]}, timeout=5)
        assert new[1] not in own.links()
        own.http.post(call, json={"action": "log_out"}, timeout=5)
        assert own.listing()["redownload_urls"] == {}
        assert own.http.post(call, json={"action": "fly"}, timeout=5).status_code == 400


@pytest.mark.parametrize("style", STYLES)
def test_cookie_files_hold_the_login_byte_for_byte(running: StandIn, tmp_path: Path, style: str) -> None:
    assert running.world.identity is not None
    text = running.write_cookies(tmp_path / "c" / "cookies", style).read_text()
    assert running.world.identity in text


def test_the_log_names_requests_without_their_secrets(client: Client) -> None:
    url = client.file_url(client.key("album"))
    client.get(url, headers={"Range": "bytes=0-9"})
    last = client.get("/_standin/log").json()[-1]
    assert last["class"] == "file" and last["key"] == client.key("album")
    assert last["query"] == ["enc", "id", "sig", "sitem_id"] and last["bytes_sent"] == 10
    assert last["had_identity_cookie"] and last["range"] == "bytes=0-9"
    assert re.search(r"sig=([0-9a-f]{32})", url)[1] not in str(last)  # type: ignore[index]


def test_nasty_names_survive_the_way_through_json_and_headers() -> None:
    with StandIn(World.build(preset="names")) as standin:
        own = Client(standin, requests.Session())
        own.http.headers["Cookie"] = f"identity={standin.world.identity}"
        for item in own.listing()["items"]:
            purchase = standin.world.by_sale_id(str(item["sale_item_id"]))
            assert purchase and (item["item_title"], item["band_name"]) == (
                purchase.title,
                purchase.band_name,
            )
            if purchase.kind in ("nasty", "nasty_track"):
                assert own.item(purchase.key)["title"] == purchase.title
                answer = own.get(own.file_url(purchase.key, "mp3-v0"))
                assert answer.status_code == 200 and "Content-Disposition" in answer.headers


def test_a_big_world_is_the_same_for_the_same_seed_and_has_no_name_twice() -> None:
    one, two, other = World.build(2000, 5), World.build(2000, 5), World.build(2000, 6)
    assert one.truth() == two.truth() != other.truth()
    assert len({purchase.key for purchase in one.purchases}) == 2000
    assert len({purchase.token for purchase in one.purchases}) == 2000
