"""What install.sh and the units agree on; what needs a systemd is in tests/stack/test_systemd.py."""

import configparser
import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from bandcamp_sync.control import Verb, ask, take
from bandcamp_sync.health.unit import HOST_UNITS, UNITS, about
from bandcamp_sync.paths import DataFolder
from bandcamp_sync.settings import Settings

from services.systemd.settings import assignments

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "services" / "systemd"
FILES = sorted(path for path in FOLDER.iterdir() if path.suffix in (".service", ".timer", ".path"))
#: Those that publish how the others are; nobody asks how they are themselves, as their silence is seen.
UNSEEN = {"bandcamp-sync-health.timer", "bandcamp-sync-health.service"}
INSTALL = ["sh", str(ROOT / "install.sh")]


class Unit(configparser.RawConfigParser):
    """A unit file; an option that is there twice keeps its last value here."""

    def __init__(self, path: Path) -> None:
        super().__init__(strict=False, interpolation=None, delimiters=("=",), comment_prefixes=("#",))
        self.optionxform = str  # type: ignore[assignment,method-assign]
        self.read(path)


def files(*suffixes: str) -> list[Path]:
    return [path for path in FILES if path.suffix in suffixes]


def named(path: Path) -> str:
    """A unit's name as it runs: a template's first instance."""
    return path.name.replace("@.", "@1.")


# --- the units ------------------------------------------------------------------------------------------------------


def test_there_is_a_file_for_every_unit_that_is_shown_and_for_no_other() -> None:
    assert {path.name for path in FILES} == {*UNITS, *HOST_UNITS, *UNSEEN, "bandcamp-sync-worker@.service"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_units_file_says_of_it_what_the_dashboard_says(path: Path) -> None:
    said = Unit(path)["Unit"]["Description"]
    assert said == about(named(path))[1] or (path.name in UNSEEN and said)


@pytest.mark.parametrize("path", files(".timer", ".path"), ids=lambda path: path.name)
def test_what_waits_has_a_service_and_a_place_at_the_start(path: Path) -> None:
    assert path.with_suffix(".service") in FILES
    assert Unit(path)["Install"]["WantedBy"] == f"{path.suffix[1:]}s.target"


@pytest.mark.parametrize("path", files(".service"), ids=lambda path: path.name)
def test_a_service_runs_a_program_that_exists_and_only_by_the_links_of_its_place(path: Path) -> None:
    service = Unit(path)["Service"]
    words = service["ExecStart"].split()
    assert words[0] == "%E/bandcampsync/app/.venv/bin/python"
    modules = [word for word in words if word.startswith("services.")]
    assert modules and all(importlib.util.find_spec(module) for module in modules)
    assert words[words.index(modules[0]) - 1] == "-m"
    assert service["WorkingDirectory"] == "%E/bandcampsync/app"
    assert "RestrictAddressFamilies" in service and "MemoryMax" in service and "TasksMax" in service


@pytest.mark.parametrize("name", ["bandcamp-sync-reconcile", "bandcamp-sync-retry", "bandcamp-sync-verify"])
def test_what_moves_jobs_has_no_network(name: str) -> None:
    assert Unit(FOLDER / f"{name}.service")["Service"]["RestrictAddressFamilies"] == "AF_UNIX"


def test_every_request_wakes_somebody() -> None:
    text = "".join(path.read_text() for path in files(".path"))
    watched = re.findall(r"^PathExists(?:Glob)?=%E/bandcampsync/data/control/([a-z]+)\.\*?request$", text, re.M)
    assert sorted(watched) == sorted(Verb)


def test_what_a_path_watches_its_service_puts_aside() -> None:
    for path in files(".path"):
        watched = re.findall(r"control/([a-z]+)\.\*?request", path.read_text())
        last = Unit(path.with_suffix(".service"))["Service"]["ExecStopPost"].split()
        assert last[1:2] == ["%E/bandcampsync/app/services/systemd/put-aside.sh"]
        assert last[3:] == watched


@pytest.mark.parametrize(("result", "left"), [("exit-code", 0), ("success", 2)])
def test_what_a_broken_program_left_is_put_aside_and_still_asked(tmp_path: Path, result: str, left: int) -> None:
    data = DataFolder(tmp_path)
    ask(data, Verb.RETRY)
    ask(data, Verb.RETRY, "p7")
    ask(data, Verb.SCRAPE)
    command = ["sh", str(FOLDER / "put-aside.sh"), str(data.control), "retry", "ignore"]
    env = {"PATH": os.environ["PATH"], "SERVICE_RESULT": result}
    assert subprocess.run(command, env=env, check=False).returncode == 0
    assert len(list(data.control.glob("retry*.request"))) == left
    assert (data.control / "scrape.request").exists()
    asked = take(data, Verb.RETRY)
    assert asked is not None
    assert (asked.keys, asked.everything) == (("p7",), True)


def test_nothing_in_the_units_is_of_one_machine() -> None:
    for path in [*FILES, *FOLDER.glob("*.d/*.conf")]:
        assert not re.search(r"/home|/root|/usr/local", path.read_text()), path
        assert "EnvironmentFile" not in path.read_text()


# --- install.sh -----------------------------------------------------------------------------------------------------


def install(*words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    env = {"PATH": os.environ["PATH"], "HOME": "/nowhere", **environment}
    return subprocess.run([*INSTALL, *words], capture_output=True, text=True, env=env, timeout=60, check=False)


def stub(folder: Path, name: str, script: str) -> str:
    """A PATH on which a command is this script."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def test_the_script_is_sound_and_tells_how_to_use_it() -> None:
    assert subprocess.run(["sh", "-n", INSTALL[1]], check=False).returncode == 0
    helped = install("--help")
    assert helped.returncode == 0
    assert all(word in helped.stdout for word in ("--uninstall", "--dry-run", ".env"))
    wrong = install("--remove")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert os.access(INSTALL[1], os.X_OK)


def test_without_a_user_manager_it_says_in_one_line_what_else_there_is(tmp_path: Path) -> None:
    ran = install(PATH=stub(tmp_path / "bin", "systemctl", "exit 1"))
    assert ran.returncode == 1
    assert ran.stderr.count("\n") == 1
    assert "make run" in ran.stderr


def installed(config: Path) -> None:
    """What an installation leaves in `config`, and what is not of it."""
    place, units = config / "bandcampsync", config / "systemd/user"
    (units / "timers.target.wants").mkdir(parents=True)
    (units / "bandcamp-.service.d").mkdir()
    place.mkdir()
    (place / "app").symlink_to(ROOT)
    (place / "installed").write_text("sum")
    for name in ("bandcamp-sync.timer", "timers.target.wants/bandcamp-sync.timer", "bandcamp-dashboard.service"):
        (units / name).symlink_to(place / "app/services/systemd" / Path(name).name)
    (units / "bandcamp-.service.d/10-common.conf").symlink_to(FOLDER / "bandcamp-.service.d/10-common.conf")
    (units / "other.service").write_text("mine")


def test_without_a_user_manager_it_still_takes_away_what_it_made(tmp_path: Path) -> None:
    config = tmp_path / "config"
    installed(config)
    path = stub(tmp_path / "bin", "systemctl", f'echo "$*" >> "{tmp_path}/asked"; exit 1')
    ran = install("--uninstall", PATH=path, XDG_CONFIG_HOME=str(config))
    assert ran.returncode == 0 and "gone" in ran.stdout
    assert ran.stderr.count("\n") == 1 and "no systemd user manager answers" in ran.stderr
    assert [found.name for found in config.rglob("*") if not found.is_dir()] == ["other.service"]
    assert not (config / "bandcampsync").exists()
    assert all("show" in line for line in (tmp_path / "asked").read_text().splitlines())


def test_another_config_folder_than_systemds_is_refused(tmp_path: Path) -> None:
    answers = 'case "$*" in *UnitPath*) echo /etc/systemd/user ;; *) echo 252 ;; esac'
    ran = install(PATH=stub(tmp_path / "bin", "systemctl", answers), XDG_CONFIG_HOME=str(tmp_path / "config"))
    assert ran.returncode == 1
    assert "XDG_CONFIG_HOME" in ran.stderr
    assert not (tmp_path / "config").exists()


def test_the_settings_it_goes_by_are_those_of_the_file_alone() -> None:
    settings = Settings.from_environment({"DATA_DIR": "/srv/it's here", "DASHBOARD_BIND": "0.0.0.0:8080"})
    told = assignments(settings, {"WORKERS": "7", "TZ": "UTC", "PATH": "/bin"})
    assert told["DATA"] == "/srv/it's here"
    assert told["MUSIC"] == "/srv/it's here/music"
    assert (told["WORKERS"], told["DASHBOARD"], told["UNSEEN"]) == ("2", "http://127.0.0.1:8080", "WORKERS")


# --- the programs of this folder --------------------------------------------------------------------------------------


def python(module: str, *words: str, cwd: Path = ROOT, **environment: str) -> "subprocess.CompletedProcess[str]":
    paths = os.pathsep.join([str(cwd), str(ROOT / "shared")])
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": paths, **environment}
    command = [sys.executable, "-m", module, *words]
    return subprocess.run(command, capture_output=True, text=True, env=env, cwd=cwd, timeout=60, check=False)


SHOWN = (
    "Id=bandcamp-dashboard.service\nLoadState=loaded\nActiveState=active\nSubState=running\nMainPID=7\nResult=success"
)


def test_what_systemd_shows_is_published(tmp_path: Path) -> None:
    answers = f'case "$*" in *list-timers*) echo "[]" ;; *show*) echo "{SHOWN}" ;; esac'
    path = stub(tmp_path / "bin", "systemctl", answers)
    ran = python("services.systemd.publish", str(tmp_path), PATH=path)
    assert (ran.returncode, ran.stderr) == (0, "")
    told = json.loads((tmp_path / "health" / "host.json").read_text())
    assert set(told) == {"published_at", "publisher", "units"}
    [unit] = told["units"]
    assert (unit["name"], unit["source"], unit["main_pid"]) == ("bandcamp-dashboard.service", "host", 7)


@pytest.mark.parametrize(("script", "said"), [("echo no bus >&2; exit 1", "no bus"), ("kill -9 $$", "ended with -9")])
def test_without_an_answer_nothing_is_published_and_one_line_says_why(tmp_path: Path, script: str, said: str) -> None:
    ran = python("services.systemd.publish", str(tmp_path), PATH=stub(tmp_path / "bin", "systemctl", script))
    assert ran.returncode == 1
    assert said in ran.stderr and ran.stderr.count("\n") == 1
    assert not (tmp_path / "health").exists(), "a file that nobody renews says so by its age"


def test_publishing_needs_no_package_and_so_stays_light(tmp_path: Path) -> None:
    path = stub(tmp_path / "bin", "systemctl", 'echo "[]"')
    env = {"PATH": path, "PYTHONPATH": str(ROOT / "shared")}
    command = [sys.executable, "-S", "-m", "services.systemd.publish", str(tmp_path)]
    assert subprocess.run(command, cwd=ROOT, env=env, check=False).returncode == 0


def test_a_program_is_run_with_the_settings_of_the_file(tmp_path: Path) -> None:
    for name in ("run.py", "../local/dotenv.py"):
        copy = tmp_path / "services" / "systemd" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "services" / "local").mkdir(exist_ok=True)
        copy.write_text((FOLDER / name).read_text())
    (tmp_path / "shown.py").write_text(
        "import os, sys, time\n"
        "if __name__ == '__main__':\n"
        "    print(os.environ['LAYOUT'], os.environ['FORMAT'], time.tzname[0], sys.argv)\n"
        "    sys.exit(7)\n"
    )
    (tmp_path / ".env").write_text("LAYOUT='{artist} # {album}' # a comment\nFORMAT=wav\nTZ=Asia/Tokyo\n")
    ran = python("services.systemd.run", "shown", cwd=tmp_path, FORMAT="flac")
    assert ran.returncode == 7, ran.stderr
    assert ran.stdout.startswith("{artist} # {album} flac JST ['")
