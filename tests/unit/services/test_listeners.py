import socket
import threading
import time
from collections.abc import Iterator

import pytest

from services.dashboard.web.listeners import Listener, left

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_a_client_that_closed_its_end_is_noticed_once_and_others_are_not(pair: Pair) -> None:
    ours, theirs = pair
    gone, unknown = Listener(ours), Listener(None)
    assert left([gone, unknown]) == []
    theirs.close()
    assert left([gone, unknown]) == [gone]
    assert left([gone, unknown]) == []
    assert (gone.is_gone, unknown.is_gone) == (True, False)


def test_a_socket_that_is_closed_already_is_no_trouble(pair: Pair) -> None:
    ours, _ = pair
    ours.close()
    assert left([Listener(ours)]) == []


def test_texts_are_passed_on_until_the_client_is_gone_and_empty_ones_are_not() -> None:
    listener = Listener(None)
    texts = listener.told(iter(["a", "", "b", "c"]))
    assert [next(texts), next(texts)] == ["a", "b"]
    listener.is_gone = True
    assert list(texts) == []


def test_who_may_listen_no_more_is_told_nothing_that_was_found_meanwhile() -> None:
    over: list[bool] = []
    texts = Listener(None, lambda: bool(over)).told(iter(["a", "", "b", "c"]))
    assert [next(texts), next(texts)] == ["a", "b"]
    over.append(True)
    assert list(texts) == []


def test_a_write_hangs_from_when_a_text_is_handed_out_until_the_next_is_asked_for() -> None:
    listener = Listener(None)
    texts = listener.told(iter(["a", "b"]))
    assert not listener.hangs(for_s=0)
    next(texts)
    assert listener.hangs(for_s=0)
    assert not listener.hangs(for_s=60)
    assert list(texts) == ["b"]
    assert not listener.hangs(for_s=0)


def test_a_write_that_hangs_fails_when_its_client_is_cut_off(pair: Pair) -> None:
    ours, _ = pair
    listener, failed = Listener(ours), threading.Event()

    def write_for_ever() -> None:
        try:
            while True:
                ours.sendall(b"x" * 65536)
        except OSError:
            failed.set()

    thread = threading.Thread(target=write_for_ever, daemon=True)
    thread.start()
    time.sleep(0.2)
    assert not failed.is_set()
    listener.cut_off()
    thread.join(5)
    assert failed.is_set()
    assert listener.is_gone
