"""After the download: verifying, repairing, adopting, and telling the user."""

import json
import shutil
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from standin import World

from .albums import assert_whole, deliverable
from .conftest import Home, Serve


def test_verify_finds_what_is_broken_or_missing_and_repair_queues_exactly_that(home: Home, serve: Serve) -> None:
    standin = serve(World.build(purchases=6, preset="small"))
    assert home.run("sync").code == 0
    whole = home.run("verify")
    assert whole.code == 0 and "6 of 6 albums are whole" in whole.out
    receipts = home.receipts()
    keys = sorted(receipts)
    changed = home.music / receipts[keys[0]]["folder"] / receipts[keys[0]]["files"][0]["path"]
    content = bytearray(changed.read_bytes())
    content[len(content) // 2] ^= 0xFF
    changed.write_bytes(content)
    (home.music / receipts[keys[1]]["folder"] / receipts[keys[1]]["files"][0]["path"]).unlink()

    found = home.run("verify")
    assert found.code == 1
    assert keys[0] in found.out and keys[1] in found.out and "4 of 6" in found.out
    assert not list((home.data / "inbox" / "pending").glob("*.job"))
    assert "2 queued again" in home.run("verify", "--repair").out
    assert sorted(p.stem for p in (home.data / "inbox" / "pending").glob("*.job")) == keys[:2]
    standin.log.clear()
    assert home.run("work", "--drain").code == 0
    assert {entry.key for entry in standin.log.entries(kind="file")} == set(keys[:2])
    assert_whole(home, standin)
    assert {k: r["folder"] for k, r in home.receipts().items()} == {k: r["folder"] for k, r in receipts.items()}


def test_a_music_folder_from_before_is_adopted_and_not_downloaded_again(home: Home, serve: Serve) -> None:
    standin = serve(World.build(purchases=6, preset="small"))
    assert home.run("sync").code == 0
    before = {key: receipt["folder"] for key, receipt in home.receipts().items()}
    shutil.rmtree(home.data / "inbox")
    shutil.rmtree(home.data / "state")
    shutil.rmtree(home.music / ".bandcampsync")
    assert home.run("scrape").code == 0
    preview = home.run("adopt", "--dry-run")
    assert preview.code == 0 and "6 would be adopted; nothing was changed" in preview.out
    assert not home.receipts()
    assert "6 adopted" in home.run("adopt").out
    standin.log.clear()
    assert home.run("sync").code == 0
    assert not standin.log.entries(kind="file")
    assert {key: receipt["folder"] for key, receipt in home.receipts().items()} == before


def test_albums_in_a_folder_that_was_never_ours_are_left_alone_and_taken_for_no_purchase(
    home: Home, serve: Serve
) -> None:
    standin = serve(World.build(purchases=3, preset="small"))
    assert home.run("sync").code == 0
    theirs = {path: path.read_bytes() for path in home.music.rglob("*") if path.is_file() and not _is_own(home, path)}
    taken = {receipt["folder"] for receipt in home.receipts().values()}
    for path in (home.data / "inbox", home.data / "state", home.music / ".bandcampsync"):
        shutil.rmtree(path)
    assert "queued 3" in home.run("reconcile").out
    assert home.receipts() == {}
    assert home.run("work", "--drain").code == 0
    placed = {key: receipt["folder"] for key, receipt in home.receipts().items()}
    assert sorted(placed) == sorted(deliverable(standin))
    assert all(folder.endswith(f" [{key}]") and folder not in taken for key, folder in placed.items())
    assert all(path.read_bytes() == content for path, content in theirs.items())


def _is_own(home: Home, path: Path) -> bool:
    return home.music / ".bandcampsync" in path.parents


def test_an_alarm_that_wants_a_person_is_told_once(home: Home, serve: Serve) -> None:
    standin = serve(World.build(purchases=2, preset="small"))
    identity = str(standin.world.identity)
    told: list[dict[str, str]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            return

    receiver = HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    home.env["NOTIFY_URLS"] = f"json://127.0.0.1:{receiver.server_port}/"
    try:
        standin.world.log_out()
        for _ in range(2):
            assert home.run("scrape").code == 3
        assert len(told) == 1
        assert "not logged in" in told[0]["message"]
        assert identity not in json.dumps(told)
    finally:
        receiver.shutdown()
        receiver.server_close()


def test_no_secret_is_left_in_logs_samples_or_output(home: Home, serve: Serve) -> None:
    standin = serve(World.build(purchases=30))
    standin.rules.add("truncate", match={"class": "file"}, times=1, first_each=True, percent=50)
    standin.rules.add("expired_link", match={"class": "file"}, times=2, after=1, first_each=True)
    outputs = [home.run("sync").everything, home.run("status").everything, home.run("status", "--json").everything]
    standin.rules.add("redesign", match={"class": "page"})
    standin.rules.add("garbage", match={"class": "collection"}, body='{"sig": "0123456789abcdef", "token=": 1}')
    outputs += [home.run("--debug", "scrape", "--full").everything, home.run("fan-id").everything]
    for folder in ("logs", "debug", "state"):
        outputs += [p.read_text(errors="replace") for p in (home.data / folder).rglob("*") if p.is_file()]
    text = "\n".join(outputs)
    assert str(standin.world.identity) not in text
    for secret in ("sig=", "token=", "fsig="):
        assert secret not in text.replace(f"{secret}***", ""), text[max(0, text.find(secret) - 200) :][:400]
