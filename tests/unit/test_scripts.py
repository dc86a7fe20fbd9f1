"""The scripts behind `make up`, `logs`, `backup`, `restore`, `shell` and `update`; Docker and .venv only pretend."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "scripts"
OURS = ("backup", "restore", "settings", "shell", "stack", "up", "update", "versions")

#: Says what it was asked, and answers by the files in $STATE: engine, all (containers), running (services), fails; and
#: for `make up`: wrong (a setting), unwritable (the music folder: the look at it ends with this), sick (no health).
DOCKER = """#!/bin/sh
echo "docker $* [${YT_DLP_VERSION:-}]${DASHBOARD_BIND:+ at $DASHBOARD_BIND}" >> "$STATE/asked"
case "$*" in
"compose version" | info) [ -e "$STATE/engine" ] ;;
"compose ps --all --quiet reconciler") [ ! -e "$STATE/all" ] || echo 0123abcd ;;
"inspect --format {{.Config.User}} 0123abcd") echo 501:20 ;;
"compose ps --services "*) cat "$STATE/running" 2>/dev/null || echo ;;
"compose ps --quiet"*) [ ! -e "$STATE/running" ] || echo 0123abcd ;;
*"bandcampsync backup -") echo "an archive"; [ ! -e "$STATE/fails" ] || exit 5 ;;
*"bandcampsync restore "*) cat > "$STATE/given"; [ ! -e "$STATE/fails" ] || exit 5 ;;
*"pip index versions yt-dlp") cat "$STATE/pypi" 2>/dev/null ;;
*"settings --check") [ ! -e "$STATE/wrong" ] || { cat "$STATE/wrong" >&2; exit 2; } ;;
*"test -w /data/music || exit 5") exit "$(cat "$STATE/unwritable" 2>/dev/null || echo 0)" ;;
"compose up "*) [ ! -e "$STATE/sick" ] ;;
esac
"""
PYTHON = f"""#!/bin/sh
[ "$1" != services/local/dotenv.py ] || exec "{sys.executable}" "$@"
"""
PYTHON += """
echo "python $* [$(umask)]" >> "$STATE/asked"
case "$*" in
"-m services.local ps") if [ -e "$STATE/local" ]; then echo "scraper RUNNING"; else echo "nothing runs"; fi ;;
"-m services.local do "*restore*) [ ! -e "$STATE/fails" ] || exit 5 ;;
"-m services.local do "*backup*) : ;;
"-m services.local do "*) shift 3; exec "$@" ;;
"-m pip index versions yt-dlp") cat "$STATE/pypi" 2>/dev/null ;;
esac
"""


@dataclass
class Checkout:
    """A folder with the scripts, a `docker` and a `.venv` that pretend, and what both were asked."""

    root: Path

    @property
    def state(self) -> Path:
        return self.root / "state"

    def set(self, **states: str) -> None:
        for name, text in states.items():
            (self.state / name).write_text(text)

    def run(self, script: str, *words: str, **environ: str) -> "subprocess.CompletedProcess[str]":
        base = {"PATH": f"{self.root / 'bin'}:{os.environ['PATH']}", "STATE": str(self.state), "HOME": str(self.root)}
        command = ["sh", str(self.root / "scripts" / f"{script}.sh"), *words]
        return subprocess.run(command, env={**base, **environ}, capture_output=True, text=True, timeout=60, check=False)

    def asked(self) -> list[str]:
        """What was asked, but for whether an engine answers and what runs."""
        told = (self.state / "asked").read_text().splitlines() if (self.state / "asked").exists() else []
        return [
            line for line in told if not line.startswith(("docker compose version", "docker info", "docker compose ps"))
        ]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    made = Checkout(tmp_path / "checkout")
    shutil.copytree(SCRIPTS, made.root / "scripts")
    for path, text in ((made.root / "bin/docker", DOCKER), (made.root / ".venv/bin/python", PYTHON)):
        path.parent.mkdir(parents=True)
        path.write_text(text)
        path.chmod(0o755)
    (made.root / ".venv/.ready").touch()
    (made.root / "services/local").mkdir(parents=True)
    shutil.copy(ROOT / "services/local/dotenv.py", made.root / "services/local")
    (made.root / "requirements.lock").write_text("# exact\nyt-dlp==2026.10.26\nyt-dlp-ejs==9.9.9 ; x\n")
    (made.root / "scripts/up.sh").write_text('echo "up [$YT_DLP_VERSION]" >> "$STATE/asked"\n')
    made.state.mkdir()
    return made


@pytest.mark.parametrize("name", OURS)
def test_a_script_is_sound(name: str) -> None:
    checked = subprocess.run(["sh", "-n", str(SCRIPTS / f"{name}.sh")], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


# --- the settings ---------------------------------------------------------------------------------------------------

ENV = """\ufeff# mine
DATA_DIR=old
DATA_DIR="/tmp/my data"  # comment
MUSIC_DIR = '/srv/it # $is'# comment
  export COOKIES_FILE=/a#b \t # comment
PUID=
PGID=# none
 TZ=Île/Café
XDASHBOARD_BIND=no
nonsense
LAYOUT="no end
UMASK='022
"""
READ = {
    "DATA_DIR": "/tmp/my data",
    "MUSIC_DIR": "/srv/it # $is",
    "COOKIES_FILE": "/a#b",
    "PUID": "the default",
    "PGID": "the default",
    "TZ": "Île/Café",
    "DASHBOARD_BIND": "the default",
    "LAYOUT": '"no end',
    "UMASK": "'022",
}


def setting(checkout: Checkout, name: str, **environ: str) -> str:
    command = f'set -eu; . scripts/settings.sh; setting {name} "the default"'
    env = {"PATH": os.environ["PATH"], "HOME": "/home/me", **environ}
    said = subprocess.run(["sh", "-c", command], cwd=checkout.root, env=env, capture_output=True, check=True)
    assert said.stderr == b""
    return said.stdout.decode().removesuffix("\n")


def without_python(checkout: Checkout) -> str:
    """A PATH with what a bare system has, and no Python."""
    shutil.rmtree(checkout.root / ".venv")
    bare = checkout.root / "bare"
    bare.mkdir()
    for tool in ("sh", "awk", "tr"):
        (bare / tool).symlink_to(shutil.which(tool) or tool)
    return str(bare)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("how", ["venv", "broken venv", "python3", "no Python"])
def test_a_setting_is_read_from_the_file_in_one_way(checkout: Checkout, how: str, end: str) -> None:
    (checkout.root / ".env").write_bytes(ENV.replace("\n", end).encode())
    path = os.environ["PATH"]
    if how == "broken venv":
        (checkout.root / ".venv/bin/python").write_text("#!/nowhere/python\n")
    elif how == "python3":
        shutil.rmtree(checkout.root / ".venv")
    elif how == "no Python":
        path = without_python(checkout)
    assert {name: setting(checkout, name, PATH=path) for name in READ} == READ


def test_the_environment_wins_over_the_file_even_when_it_is_empty(checkout: Checkout) -> None:
    (checkout.root / ".env").write_text("DATA_DIR=/file\n")
    assert setting(checkout, "DATA_DIR", DATA_DIR='/my "$HOME" data') == '/my "$HOME" data'
    assert setting(checkout, "DATA_DIR", DATA_DIR="") == "the default"
    (checkout.root / ".env").unlink()
    assert setting(checkout, "DATA_DIR") == "the default"


def test_a_folder_at_home_is_meant_as_compose_means_it(checkout: Checkout) -> None:
    (checkout.root / ".env").write_text("DATA_DIR=~/my data\n")
    assert setting(checkout, "DATA_DIR") == "/home/me/my data"
    assert setting(checkout, "DATA_DIR", DATA_DIR="~") == "/home/me"
    assert setting(checkout, "DATA_DIR", DATA_DIR="~you") == "~you"


def test_logs_are_those_of_the_folder_that_the_file_names(checkout: Checkout) -> None:
    logs = checkout.root / "my data/logs"
    logs.mkdir(parents=True)
    (logs / "worker.log").write_text("it works\n")
    (checkout.root / ".env").write_text('DATA_DIR="my data"  # comment\r\n')
    tail = checkout.root / "bin/tail"
    tail.write_text('#!/bin/sh\nfor last; do :; done\ncat "$last"\n')
    tail.chmod(0o755)
    assert checkout.run("stack", "logs").stdout == "it works\n"
    assert checkout.run("stack", "logs", DATA_DIR="elsewhere").stdout == "there are no logs yet\n"


# --- up -------------------------------------------------------------------------------------------------------------

BUILD = "docker compose build [] at 127.0.0.1:5000"
ONCE = "docker compose run --rm --no-deps -T"
CHECK = f"{ONCE} -e DASHBOARD_BIND=127.0.0.1:5000 dashboard bandcampsync settings --check [] at 127.0.0.1:5000"
WRITABLE = f"{ONCE} worker sh -c test -w /data/music || exit 5 [] at 127.0.0.1:5000"
UP = "docker compose up -d --wait []"


@pytest.fixture
def upped(checkout: Checkout) -> Checkout:
    """With the real up.sh, an engine, and a user who is not root."""
    shutil.copy(SCRIPTS / "up.sh", checkout.root / "scripts")
    (checkout.root / "shared").mkdir()
    (checkout.root / "shared/pyproject.toml").write_text('version = "1.2.3"\n')
    (checkout.root / "bin/id").write_text('#!/bin/sh\ncat "$STATE/id" 2>/dev/null || echo 1000\n')
    (checkout.root / "bin/chown").write_text('#!/bin/sh\necho "chown $*" >> "$STATE/asked"\n')
    for tool in ("id", "chown"):
        (checkout.root / "bin" / tool).chmod(0o755)
    checkout.set(engine="")
    return checkout


def test_up_builds_then_checks_then_starts(upped: Checkout) -> None:
    done = upped.run("up")
    assert (done.returncode, done.stderr) == (0, "")
    assert upped.asked() == [BUILD, CHECK, UP]
    first, *rest = done.stdout.splitlines()
    assert first == "The stack is up: http://127.0.0.1:5000  (make ps, make logs, make down)"
    assert "./volumes/config/cookies.txt" in rest[1]
    assert (upped.root / "volumes/music").is_dir() and not (upped.root / ".env").exists()


def test_up_makes_the_folders_that_the_file_names(upped: Checkout, tmp_path: Path) -> None:
    data = tmp_path / "my data"
    (upped.root / ".env").write_bytes(f'DATA_DIR="{data}"  # comment\r\nPUID=501\r\nPGID=20 # staff\r\n'.encode())
    upped.set(id="0")
    assert upped.run("up").returncode == 0
    assert sorted(path.name for path in data.iterdir()) == ["config", "music"]
    assert f"chown 501:20 {data} {data}/music" in upped.asked()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("my")] == ["my data"]


@pytest.mark.parametrize(
    ("name", "value", "meaning"), [("PUID", "me", "user"), ("PGID", "-1", "group"), ("PUID", "10 00", "user")]
)
@pytest.mark.parametrize("user", ["0", "1000"])
def test_an_owner_that_is_no_number_is_refused_before_anything_is_done(
    upped: Checkout, name: str, value: str, meaning: str, user: str
) -> None:
    (upped.root / ".env").write_text(f"{name}='{value}'\n")
    upped.set(id=user)
    done = upped.run("up")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"{name}='{value}' is not valid: it may be a {meaning} id, a whole number\n"
    assert upped.asked() == [] and not (upped.root / "volumes").exists()
    assert (upped.root / ".env").read_text() == f"{name}='{value}'\n"


def test_a_wrong_setting_starts_nothing(upped: Checkout) -> None:
    upped.set(wrong="bandcampsync: FORMAT='ogg' is not valid\n")
    done = upped.run("up")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "bandcampsync: FORMAT='ogg' is not valid\n")
    assert upped.asked() == [BUILD, CHECK]


def test_a_wrong_address_gets_as_far_as_the_check(upped: Checkout) -> None:
    upped.set(wrong="bandcampsync: DASHBOARD_BIND='here' is not valid\n")
    assert upped.run("up", DASHBOARD_BIND="here").returncode == 2
    assert upped.asked() == [BUILD, CHECK.replace("BIND=127.0.0.1:5000", "BIND=here")]


def test_the_address_that_is_set_is_the_one_it_starts_with(upped: Checkout) -> None:
    done = upped.run("up", DASHBOARD_BIND="0.0.0.0:80")
    assert upped.asked()[-1] == f"{UP} at 0.0.0.0:80" and "http://0.0.0.0:80 " in done.stdout


@pytest.mark.parametrize(("ends", "code"), [("0", 0), ("5", 5), ("1", 1)])
def test_a_music_folder_must_be_writable_by_the_containers(upped: Checkout, ends: str, code: int) -> None:
    music = upped.root / "my music"
    music.mkdir()
    upped.set(unwritable=ends)
    done = upped.run("up", MUSIC_DIR=str(music))
    assert done.returncode == code
    assert upped.asked() == [BUILD, CHECK, WRITABLE, *([UP] if code == 0 else [])]
    told = f"MUSIC_DIR={music} cannot be written by 1000:1000; run: sudo chown 1000:1000 '{music}'\n"
    assert done.stderr == (told if code == 5 else "")


def test_a_music_folder_that_is_not_there_is_not_made(upped: Checkout) -> None:
    done = upped.run("up", MUSIC_DIR="/nowhere/music")
    assert done.returncode == 5 and "/nowhere/music is not there" in done.stderr and upped.asked() == []


def test_a_stack_that_does_not_become_healthy_is_told_of(upped: Checkout) -> None:
    upped.set(sick="")
    done = upped.run("up")
    assert done.returncode == 1 and "did not become healthy" in done.stderr and done.stdout == ""


# --- backup ---------------------------------------------------------------------------------------------------------


def test_a_backup_comes_out_of_the_container(checkout: Checkout) -> None:
    checkout.set(engine="", all="", running="reconciler\n")
    done = checkout.run("backup")
    assert done.returncode == 0, done.stderr
    [made] = (checkout.root / "backups").iterdir()
    assert made.read_text() == "an archive\n" and made.stat().st_mode & 0o777 == 0o600
    assert made.parent.stat().st_mode & 0o777 == 0o700
    assert done.stdout == f"backups/{made.name}: 11 bytes\n"
    assert made.name.startswith("bandcampsync-20") and made.name.endswith("Z.tar.gz")
    assert checkout.asked() == ["docker compose exec -T reconciler bandcampsync backup - []"]


def test_a_backup_of_a_stopped_stack_is_made_as_whom_it_ran(checkout: Checkout) -> None:
    checkout.set(engine="", all="")
    assert checkout.run("backup", FILE="my books.tar.gz").returncode == 0
    assert (checkout.root / "my books.tar.gz").read_text() == "an archive\n"
    wanted = "docker compose run --rm -T --no-deps --user 501:20 reconciler bandcampsync backup - []"
    assert checkout.asked()[-1] == wanted


def test_a_backup_that_fails_leaves_the_older_one(checkout: Checkout) -> None:
    checkout.set(engine="", all="", running="reconciler\n", fails="")
    kept = checkout.root / "books.tar.gz"
    kept.write_text("an older one")
    assert checkout.run("backup", FILE="books.tar.gz").returncode == 5
    assert kept.read_text() == "an older one" and not list(checkout.root.glob("*.part"))


@pytest.mark.parametrize("engine", [True, False])
def test_without_containers_a_backup_is_made_from_here(checkout: Checkout, engine: bool) -> None:
    if engine:
        checkout.set(engine="")
    assert checkout.run("backup", FILE="my books.tar.gz").returncode == 0
    wanted = "python -m services.local do .venv/bin/bandcampsync backup my books.tar.gz [0077]"
    assert checkout.asked() == [wanted]


# --- restore --------------------------------------------------------------------------------------------------------


@pytest.fixture
def archive(checkout: Checkout) -> str:
    (checkout.root / "my books.tar.gz").write_text("books")
    return "my books.tar.gz"


@pytest.mark.parametrize("named", ["", "backups/none.tar.gz"])
def test_a_restore_needs_a_file(checkout: Checkout, named: str) -> None:
    done = checkout.run("restore", FILE=named)
    assert done.returncode == 2 and "make restore FILE=" in done.stderr and named in done.stderr
    assert checkout.asked() == []


RUN = "docker compose run --rm -T --no-deps --user 501:20 reconciler bandcampsync restore"


@pytest.mark.parametrize("fails", [True, False])
def test_containers_are_stopped_for_a_restore_and_started_again(checkout: Checkout, archive: str, fails: bool) -> None:
    checkout.set(engine="", all="", running="reconciler\nworker\n", **({"fails": ""} if fails else {}))
    assert checkout.run("restore", FILE=archive).returncode == (5 if fails else 0)
    assert (checkout.state / "given").read_text() == "books"
    assert checkout.asked()[1:] == [
        "docker compose stop []",
        f"{RUN} --force - []",
        "docker compose start reconciler worker []",
    ]


def test_containers_that_were_stopped_stay_so(checkout: Checkout, archive: str) -> None:
    checkout.set(engine="", all="")
    assert checkout.run("restore", FILE=archive).returncode == 0
    assert checkout.asked()[1:] == [f"{RUN} - []"]


@pytest.mark.parametrize("fails", [True, False])
def test_local_services_end_for_a_restore_and_come_back(checkout: Checkout, archive: str, fails: bool) -> None:
    checkout.set(local="", **({"fails": ""} if fails else {}))
    done = checkout.run("restore", FILE=archive)
    assert done.returncode == (5 if fails else 0)
    assert [line.partition(" [")[0] for line in checkout.asked()] == [
        "python -m services.local ps",
        "python -m services.local down",
        f"python -m services.local do .venv/bin/bandcampsync restore --force {archive}",
        "python -m services.local up",
    ]
    # What the services make afterwards, music too, is not for their owner alone.
    assert checkout.asked()[-1].endswith("[0022]")


def test_where_nothing_runs_a_restore_is_all(checkout: Checkout, archive: str) -> None:
    assert checkout.run("restore", FILE=archive).returncode == 0
    asked = [line.partition(" [")[0] for line in checkout.asked()]
    assert asked[1:] == [f"python -m services.local do .venv/bin/bandcampsync restore {archive}"]


# --- shell ----------------------------------------------------------------------------------------------------------


def test_a_shell_in_a_container_that_is_up(checkout: Checkout) -> None:
    checkout.set(engine="", all="", running="scraper\n")
    assert checkout.run("shell", SERVICE="scraper").returncode == 0
    assert checkout.asked() == ["docker compose exec scraper bash []"]


def test_a_shell_from_here_finds_the_command_first(checkout: Checkout) -> None:
    shell = checkout.root / "bin/myshell"
    shell.write_text('#!/bin/sh\necho "$PATH"\n')
    shell.chmod(0o755)
    done = checkout.run("shell", SHELL=str(shell))
    assert done.stdout.startswith(f"{checkout.root / '.venv/bin'}:"), done.stderr


# --- update ---------------------------------------------------------------------------------------------------------


def pypi(version: str) -> str:
    return f"yt-dlp ({version})\nAvailable versions: {version}, 2026.10.26, 2026.9.1\n  INSTALLED: 2026.10.26\n"


def noted(checkout: Checkout) -> str | None:
    path = checkout.root / ".yt-dlp-version"
    return path.read_text().strip() if path.exists() else None


def test_a_newer_yt_dlp_is_built_into_the_images(checkout: Checkout) -> None:
    checkout.set(engine="", pypi=pypi("2026.11.2"))
    done = checkout.run("update")
    assert done.returncode == 0 and done.stdout == "yt-dlp 2026.10.26 -> 2026.11.2\n"
    assert noted(checkout) == "2026.11.2"
    assert checkout.asked()[-1] == "docker compose build [2026.11.2]"


def test_a_stack_that_is_up_comes_up_anew(checkout: Checkout) -> None:
    checkout.set(engine="", pypi=pypi("2026.11.2"), all="", running="worker\n")
    assert checkout.run("update").returncode == 0
    assert checkout.asked()[-1] == "up [2026.11.2]"


def test_without_an_engine_it_is_installed(checkout: Checkout) -> None:
    checkout.set(pypi=pypi("2026.11.2"))
    assert checkout.run("update").returncode == 0
    assert "-m pip install -q --disable-pip-version-check yt-dlp[curl-cffi]==2026.11.2" in checkout.asked()[-1]


def test_without_a_venv_a_container_asks(checkout: Checkout) -> None:
    shutil.rmtree(checkout.root / ".venv")
    checkout.set(engine="", pypi=pypi("2026.11.2"))
    assert checkout.run("update").returncode == 0
    assert checkout.asked()[0] == "docker run --rm python:3.13-slim-trixie pip index versions yt-dlp []"
    assert noted(checkout) == "2026.11.2"


@pytest.mark.parametrize("newest", ["2026.10.26", "2026.9.30"])
def test_a_lock_that_is_as_new_stands(checkout: Checkout, newest: str) -> None:
    (checkout.root / ".yt-dlp-version").write_text("2026.10.1\n")
    checkout.set(pypi=pypi(newest))
    done = checkout.run("update")
    assert done.returncode == 0 and done.stdout == "yt-dlp 2026.10.26 -> 2026.10.26\n"
    assert noted(checkout) is None


@pytest.mark.parametrize(
    "answer", ["", "ERROR: No matching distribution\n", "yt-dlp ($(touch evil))\n", "yt-dlp (x; y)\n"]
)
def test_an_answer_that_is_none_changes_nothing(checkout: Checkout, answer: str) -> None:
    (checkout.root / ".yt-dlp-version").write_text("2026.11.1\n")
    checkout.set(engine="", pypi=answer)
    done = checkout.run("update")
    assert done.returncode == 4 and len(done.stderr.splitlines()) == 1 and "PyPI" in done.stderr
    assert noted(checkout) == "2026.11.1" and not (checkout.root / "evil").exists()
    assert not any("build" in line for line in checkout.asked())


@pytest.mark.parametrize(
    ("one", "other", "is_newer"),
    [
        ("2026.11.2", "2026.10.26", True),
        ("2026.10.26", "2026.11.2", False),
        ("2026.10.2", "2026.9.30", True),
        ("2026.10.26", "2026.10.26", False),
        ("2026.10.26.1", "2026.10.26", True),
        ("2026.10.26", "2026.10.26.1", False),
        ("2027.1.1", "2026.12.31", True),
    ],
)
def test_versions_are_compared_number_by_number(one: str, other: str, is_newer: bool) -> None:
    command = f'set -eu; . ./versions.sh; if newer "{one}" "{other}"; then echo yes; else echo no; fi'
    said = subprocess.run(["sh", "-c", command], cwd=SCRIPTS, capture_output=True, text=True, check=True).stdout
    assert said == ("yes\n" if is_newer else "no\n")


@pytest.mark.parametrize(
    ("file", "exported"), [(None, ""), ("2026.11.2\n", "2026.11.2"), ("2026.10.26\n", ""), ("2026.1.1\n", ""), ("", "")]
)
def test_the_version_that_was_found_is_exported_while_it_is_newer_than_the_lock(
    checkout: Checkout, file: str | None, exported: str
) -> None:
    if file is not None:
        (checkout.root / ".yt-dlp-version").write_text(file)
    command = "set -eu; . scripts/versions.sh; env | sed -n 's/^YT_DLP_VERSION=//p'"
    environ = {"PATH": os.environ["PATH"]}
    said = subprocess.run(
        ["sh", "-c", command], cwd=checkout.root, env=environ, capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == exported
