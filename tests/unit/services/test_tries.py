"""Wrong passwords, on a clock that the tests move on."""

from threading import Barrier, Thread

import pytest

from services.dashboard.web.tries import FROM_ALL, FROM_ONE, WITHIN_S, Tries, client_at


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tries(clock: Clock) -> Tries:
    return Tries(clock)


def test_a_good_password_does_not_make_guessing_quicker(tries: Tries) -> None:
    for _ in range(FROM_ONE):
        assert not tries.count("a", False)
        tries.count("a", True)
    assert tries.wait_s("a") == WITHIN_S


def test_after_ten_wrong_ones_no_other_is_looked_at(tries: Tries) -> None:
    for _ in range(FROM_ONE - 1):
        tries.count("a", False)
    assert tries.wait_s("a") == 0
    assert tries.count("a", True)
    tries.count("a", False)
    assert not tries.count("a", True)


def test_who_guesses_shuts_out_nobody_else(tries: Tries) -> None:
    for _ in range(FROM_ONE + 5):
        tries.count("a", False)
    assert (tries.wait_s("a"), tries.wait_s("b")) == (WITHIN_S, 0)
    assert tries.count("b", True)


def test_many_clients_together_are_slow_too_and_no_more_of_them_are_remembered(tries: Tries) -> None:
    for number in range(FROM_ALL * 50):
        tries.count(f"client {number}", False)
    assert not tries.count("another", True)
    assert len(tries._wrong) == FROM_ALL


def test_the_wait_is_until_the_oldest_is_a_minute_ago(tries: Tries, clock: Clock) -> None:
    for _ in range(FROM_ONE):
        tries.count("a", False)
        clock.now += 1.0
    assert tries.wait_s("a") == WITHIN_S - FROM_ONE
    clock.now += WITHIN_S - FROM_ONE - 0.5
    assert tries.wait_s("a") == 1
    clock.now += 0.5
    assert tries.count("a", True)
    tries.count("a", False)
    assert tries.wait_s("a") == 1


def test_of_many_guesses_at_one_moment_ten_are_looked_at(tries: Tries) -> None:
    right, ready = [], Barrier(40)

    def guess() -> None:
        ready.wait()
        if not tries.count("a", False) and tries.count("a", True):
            right.append(1)

    guesses = [Thread(target=guess) for _ in range(40)]
    for one in guesses:
        one.start()
    for one in guesses:
        one.join()
    assert len(right) < FROM_ONE
    assert len(tries._wrong) == FROM_ONE


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::"),
        ("2001:db8:1:3::1", "2001:db8:1:3::"),
        ("fe80::1%eth0", "fe80::"),
        ("", ""),
        (None, ""),
        ("a socket's path", ""),
    ],
)
def test_all_addresses_that_one_may_have_are_one_client(address: str | None, client: str) -> None:
    assert client_at(address) == client
