"""What a container can reach, see and become, asked from inside while it works."""

import json
from collections.abc import Iterator

import pytest
import requests
from integration.albums import deliverable
from standin import World

from .conftest import Launch
from .stack import OWNER, SERVICES, Stack, gateway, inspect, launched, wait_until

pytestmark = [pytest.mark.needs_docker, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def stack(images: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack with cookies and music."""
    world = World.build(purchases=3, preset="small")
    with launched(images, tmp_path_factory.mktemp("walls"), world) as stack:
        stack.up(healthy=True)
        stack.put_cookies()
        stack.wait_for_albums(len(deliverable(stack.standin)))
        yield stack


# --- the network ----------------------------------------------------------------------------------------------------

_REACH = """
import socket
def reached(deed):
    try:
        deed()
    except OSError:
        return False
    return True
places = {places!r}
found = {{f"{{host}}:{{port}}": reached(lambda: socket.create_connection((host, port), 3)) for host, port in places}}
found["dns"] = reached(lambda: socket.getaddrinfo("scraper", 5000))
print(found)
"""


def test_the_reconciler_reaches_nobody_and_the_worker_reaches_bandcamp(stack: Stack) -> None:
    places = [(gateway(), stack.standin.port), (gateway(), 53), ("127.0.0.11", 53), ("1.1.1.1", 443)]
    bandcamp = f"{gateway()}:{stack.standin.port}"
    from_worker = stack.python("worker", _REACH.format(places=places[:1]))
    assert from_worker == str({bandcamp: True, "dns": True}), "these are ways that lead somewhere"
    from_reconciler = stack.python("reconciler", _REACH.format(places=places))
    assert "True" not in from_reconciler and bandcamp in from_reconciler


def test_the_reconciler_has_no_interface_but_its_own_loopback(stack: Stack) -> None:
    lines = stack.exec("reconciler", "cat", "/proc/net/dev").out.splitlines()[2:]
    assert [line.split(":")[0].strip() for line in lines] == ["lo"]
    assert len(stack.exec("worker", "cat", "/proc/net/dev").out.splitlines()) == 4


def test_the_dashboard_is_answered_by_nobody_outside(stack: Stack) -> None:
    outside = _REACH.format(places=[("pypi.org", 443)])
    if "'pypi.org:443': True" not in stack.python("worker", outside):
        pytest.skip("nothing outside can be reached from here at all")
    assert stack.python("dashboard", outside).startswith("{'pypi.org:443': False")


# --- what is covered ------------------------------------------------------------------------------------------------


def test_the_dashboard_sees_no_cookie_anywhere(stack: Stack) -> None:
    assert stack.search("scraper")[1] == "['/data/config/cookies.txt']", "the search finds what there is"
    looked, hits = stack.search("dashboard")
    assert looked > 20 and hits == "[]"


def listing(stack: Stack, service: str, folder: str) -> list[str]:
    return stack.exec(service, "ls", "-A", folder).out.split()


def test_what_a_service_may_not_see_is_empty_there(stack: Stack) -> None:
    assert listing(stack, "dashboard", "/data/config") == listing(stack, "dashboard", "/data/music") == []
    assert listing(stack, "scraper", "/data/music") == []
    assert "cookies.txt" in listing(stack, "scraper", "/data/config"), "so there was something to hide"
    assert ".bandcampsync" in listing(stack, "reconciler", "/data/music")


def test_a_cover_that_nobody_may_look_under_does_not_trouble_the_dashboard(launch: Launch) -> None:
    # Older engines (runc before 1.2) give a tmpfs the mode of the folder that it covers; newer ones are asked for it.
    closed = [{"type": "tmpfs", "target": f"/data/{name}", "tmpfs": {"mode": 0o700}} for name in ("config", "music")]
    stack = launch(World.build(purchases=1, preset="small"))
    for place in (stack.data / "config", stack.music):
        place.chmod(0o700)
    stack.override(dashboard={"volumes": closed})
    stack.up()
    wait_until(lambda: stack.api("/healthz"), 30, "the dashboard answers")
    assert requests.get(f"{stack.address}/api/status", timeout=10).status_code == 200


_WRITE = """
for path in {paths!r}:
    try:
        open(path + "/written", "w").close()
        print("wrote", path)
    except OSError as error:
        print(error.errno)
"""


def test_the_reconciler_can_read_the_music_and_not_change_it(stack: Stack) -> None:
    assert stack.python("reconciler", _WRITE.format(paths=["/data/music"])) == "30", "a read-only file system"


# --- what it can become ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("service", SERVICES)
def test_a_container_can_write_to_its_mounts_and_nowhere_else(stack: Stack, service: str) -> None:
    paths = ["/", "/app", "/app/services", "/venv", "/usr/bin", "/etc", "/var/tmp", "/home"]
    said = stack.python(service, _WRITE.format(paths=paths)).split("\n")
    assert set(said) == {"30"}, "a read-only file system, also where the mode would let it"
    assert stack.python(service, _WRITE.format(paths=["/tmp"])) == "wrote /tmp"


_RIGHTS = """
import glob, json
def fields(path):
    lines = (line.split(":", 1) for line in open(path))
    return {name: value.split() for name, value in lines}
wanted = ("Uid", "Gid", "Groups", "NoNewPrivs", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
print(json.dumps([{name: fields(path)[name] for name in wanted} for path in glob.glob("/proc/[0-9]*/status")]))
"""


@pytest.mark.parametrize("service", SERVICES)
def test_every_process_is_an_ordinary_user_without_any_capability(stack: Stack, service: str) -> None:
    processes = json.loads(stack.python(service, _RIGHTS))
    assert len(processes) >= 4, "init, supervisord, the listener, a program"
    for process in processes:
        assert set(process["Uid"]) == {str(OWNER[0])} and set(process["Gid"]) == {str(OWNER[1])}
        assert set(process["Groups"]) <= {str(OWNER[1])} and process["NoNewPrivs"] == ["1"]
        assert {int(process[name][0], 16) for name in process if name.startswith("Cap")} == {0}


_BECOME = """
import ctypes, os
def refused(deed):
    try:
        deed()
    except OSError as error:
        return error.errno
    return "done"
libc = ctypes.CDLL(None, use_errno=True)
def mount():
    if libc.mount(b"none", b"/tmp", b"tmpfs", 0, None):
        raise OSError(ctypes.get_errno(), "mount")
def unmount():
    if libc.umount2(b"/data/config", 2):
        raise OSError(ctypes.get_errno(), "umount")
deeds = (lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.chroot("/tmp"), lambda: os.chown("/tmp", 0, 0))
print([refused(deed) for deed in (*deeds, mount, unmount)])
"""


@pytest.mark.parametrize("service", SERVICES)
def test_a_container_cannot_become_root_nor_lift_what_is_covered(stack: Stack, service: str) -> None:
    assert stack.python(service, _BECOME) == str([1] * 6), "each is not permitted"


@pytest.mark.parametrize("service", SERVICES)
def test_docker_holds_every_container_in_the_same_way(stack: Stack, service: str) -> None:
    (name,) = stack.containers(service)
    found = inspect(name)
    host = found["HostConfig"]
    assert found["Config"]["User"] == f"{OWNER[0]}:{OWNER[1]}"
    assert host["ReadonlyRootfs"] and host["CapDrop"] == ["ALL"] and not host["CapAdd"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"] and not host["Privileged"]
    assert host["Memory"] > 0 and host["PidsLimit"] > 0
    sources = {mount.get("Source") for mount in found["Mounts"] if mount["Type"] == "bind"}
    assert sources <= {str(stack.data), str(stack.music)}, "no socket and no folder of the host but these"
