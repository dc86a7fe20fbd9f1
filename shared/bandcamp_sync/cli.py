"""The command `bandcampsync`: the package's only door from outside.

Here errors become sentences and exit codes: 0 all done; 1 some items failed; 2 usage or settings; 3 not logged in;
4 Bandcamp unreachable or refusing; 5 local trouble.
"""

import os
import signal
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import click

from bandcamp_sync import __version__
from bandcamp_sync.errors import BandcampSyncError, FolderTrouble, NotABackup, Stopped, UnknownKey, exit_code
from bandcamp_sync.logs.redact import redact
from bandcamp_sync.settings import Settings
from bandcamp_sync.spool.job import State

EXIT_SOME_FAILED = 1


class App:
    """What a command gets: settings, folders, clock, and a way to speak."""

    def __init__(self, settings: Settings) -> None:
        from bandcamp_sync.clock import Clock
        from bandcamp_sync.paths import data_folder, music_folder

        self.settings = settings
        self.data, self.music = data_folder(settings), music_folder(settings)
        self.clock = Clock()
        self.said = ""

    def say(self, line: str = "") -> None:
        """One line for the user, free of what could disturb a terminal."""
        from bandcamp_sync.library.names import for_terminal

        self.said = line
        click.echo(for_terminal(line))


@contextmanager
def _running(service: str, only_looks: bool = False) -> Iterator[App]:
    """Settings, logging and signals for a command; errors become one line and an exit code.

    `only_looks`: it changes nothing, and can do without a log.
    """
    from bandcamp_sync.deeds import by_hand
    from bandcamp_sync.notify import tell_news
    from bandcamp_sync.processes import leave_no_core
    from bandcamp_sync.signals import call_at

    leave_no_core()
    ctx = click.get_current_context()
    debug = bool(ctx.find_root().params.get("debug"))
    app: App | None = None
    try:
        app = App(Settings.from_environment(os.environ))
        if app.settings.umask is not None:
            os.umask(app.settings.umask)
        _log_to(app, service, only_looks)
        call_at((signal.SIGTERM, signal.SIGINT), app.clock.stop)
        try:
            with by_hand(app.data, app.clock, str(ctx.command.name), ctx.params, lambda: app.said):
                yield app
        finally:
            if service in ("scraper", "worker"):
                tell_news(app.settings, app.data)
    except BrokenPipeError:
        # Whoever reads our lines has had enough (`| head`); Python would complain once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except BandcampSyncError as error:
        _end(error, str(error), exit_code(error), debug)
    except OSError as error:
        from bandcamp_sync.machine import as_trouble

        folders = (Path("the data folder"),) if app is None else (app.data.root, app.music.root)
        _end(error, str(as_trouble(error, *folders)), 5, debug)
    except ModuleNotFoundError:
        raise  # for `Commands`, which knows what was asked for
    except Exception as error:
        _end(
            error,
            f"unexpected: {type(error).__name__}; `bandcampsync --debug ...` shows more. Please report it",
            5,
            debug,
        )


def _end(error: Exception, sentence: str, code: int, debug: bool) -> NoReturn:
    """One clear line, the traceback only when it was asked for, and the exit code."""
    from bandcamp_sync.library.names import for_terminal

    if debug:
        for line in redact("".join(traceback.format_exception(error))).split("\n"):
            indent = len(line) - len(line.lstrip(" "))
            click.echo(" " * indent + for_terminal(line[indent:]), err=True)
    if not isinstance(error, Stopped):
        click.echo(f"bandcampsync: {for_terminal(redact(sentence))}", err=True)
    sys.exit(code)


def _log_to(app: App, service: str, only_looks: bool) -> None:
    from bandcamp_sync.folders import make_folders, not_a_folder
    from bandcamp_sync.logs.setup import set_up_logging
    from bandcamp_sync.machine import is_unwritable

    # On a terminal the lines of progress are drawn; only what is wrong is written between them.
    console_level = "WARNING" if sys.stdout.isatty() else None
    level = app.settings.log_level
    try:
        make_folders(app.data)
        set_up_logging(service, level, app.data.logs, console=True, console_level=console_level)
    except (FolderTrouble, OSError) as error:
        # A disk that takes nothing is no reason not to look at what is on it.
        if only_looks and is_unwritable(error):
            set_up_logging(service, level, None, console=True, console_level=console_level)
        elif isinstance(error, FolderTrouble):
            raise
        else:
            raise not_a_folder(app.data, error) from error


#: What a command has to see of the data folder; a container may hide it (`BCS_HIDDEN`).
NEEDS = {
    "config": ("fan-id", "scrape", "work", "sync", "ignore", "unignore", "backup", "restore"),
    "music": ("reconcile", "work", "sync", "verify", "adopt", "restore"),
}


class Commands(click.Group):
    """Each image holds and sees what its own service needs; a command that needs more says where it can be run."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was named."""
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            if ctx.params.get("debug") or (error.name or "").startswith("bandcamp_sync"):
                raise
            self._send_elsewhere(ctx, str(ctx.invoked_subcommand), f"{error.name}, which is not installed here")

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command of this name, unless it would take a covered folder for an empty one."""
        name, command, rest = super().resolve_command(ctx, args)
        hidden = os.environ.get("BCS_HIDDEN", "").split(",")
        missing = [folder for folder in hidden if name in NEEDS.get(folder, ())]
        if missing and not set(rest) & {"-h", "--help"}:
            self._send_elsewhere(ctx, str(name), f"{missing[0]}/, which this container does not see")
        return name, command, rest

    @staticmethod
    def _send_elsewhere(ctx: click.Context, command: str, what: str) -> NoReturn:
        where = f"docker compose exec worker bandcampsync {command}"
        click.echo(f"bandcampsync: `{command}` needs {what}; in containers run: {where}", err=True)
        ctx.exit(2)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="bandcampsync")
@click.option("--debug", is_flag=True, help="Show a traceback when something goes wrong.")
def main(debug: bool) -> None:
    """Keeps a folder of music in step with everything you bought on Bandcamp.

    Settings come from the environment; see the README, or `bandcampsync settings`.
    """


@main.command("fan-id")
def fan_id() -> None:
    """Find out whose session the cookies are, and until when."""
    from bandcamp_sync.show import Saying
    from bandcamp_sync.stages.fan import check_login

    with _running("scraper") as app:
        with Saying("asking Bandcamp"):
            login = check_login(app.settings, app.data, app.clock)
        fan = login.found.fan
        app.say(
            f"fan id {fan.fan_id}" + (f", user {fan.username}" if fan.username else "") + f" (by {login.found.way})"
        )
        app.say(
            f"logged in; the login lasts until {login.expires}"
            + (f" ({login.expiry}: export new cookies soon)" if login.expiry == "about to expire" else "")
        )


@main.command()
@click.option("--full", is_flag=True, help="Walk everything, also where nothing seems new.")
@click.option("--accept-shrink", is_flag=True, help="Believe a collection that became far smaller.")
def scrape(full: bool, accept_shrink: bool) -> None:
    """List the purchases into collection.json."""
    with _running("scraper") as app:
        _scrape(app, full, accept_shrink)


def _scrape(app: App, full: bool = False, accept_shrink: bool = False) -> int:
    from bandcamp_sync.show import Saying
    from bandcamp_sync.stages.run_scrape import run_scrape

    with Saying("asking Bandcamp"):
        scraped = run_scrape(app.settings, app.data, app.clock, full, accept_shrink)
    change = scraped.changes
    app.say(
        f"scrape: {len(scraped.capture.items)} purchases, {len(change.added)} new, {len(change.removed)} gone, "
        f"{len(change.released)} released; {scraped.requests} requests "
        f"({'everything walked' if scraped.full else 'only what is new'})"
    )
    return scraped.requests


@main.command()
@click.option("--dry-run", is_flag=True, help="Print the plan and change nothing.")
def reconcile(dry_run: bool) -> None:
    """Compare purchases, queue and library; queue what is missing."""
    with _running("reconciler") as app:
        if dry_run:
            _show_plan(app)
        else:
            _reconcile(app)


def _show_plan(app: App) -> None:
    from bandcamp_sync.stages.reconcile import plan_reconcile

    plan = plan_reconcile(app.settings, app.data, app.music, app.clock)
    for intent in plan.intents:
        app.say(f"{intent.act.value:<11} {intent.job.label} -> {intent.job.folder}  ({intent.why})")
    for item, shown, reason, due in plan.waiting:
        when = f"; next try {due:%Y-%m-%d %H:%M} UTC" if due else ""
        app.say(f"{shown.value:<11} {item.label}  ({reason}{when})")
    app.say(f"plan: {len(plan.intents)} changes, {len(plan.waiting)} stay as they are; nothing was changed")


def _reconcile(app: App) -> None:
    from bandcamp_sync.reconciles import in_words
    from bandcamp_sync.stages import reconcile as stage

    app.say(f"reconcile: {in_words(stage.counted(stage.reconcile(app.settings, app.data, app.music, app.clock)))}")


@main.command()
@click.option("--once", is_flag=True, help="Work on one job, then end.")
@click.option("--drain", is_flag=True, help="Work until nothing is pending (this is the default).")
def work(once: bool, drain: bool) -> None:
    """Download what is queued, one purchase after another."""
    if once and drain:
        raise click.UsageError("--once and --drain exclude each other")
    with _running("worker") as app:
        sys.exit(_work_alone(app, once))


def _work_alone(app: App, once: bool) -> int:
    from bandcamp_sync.show import Progress
    from bandcamp_sync.stages.fan import open_or_tell
    from bandcamp_sync.stages.status import open_failures
    from bandcamp_sync.stages.work import Worker

    with Progress() as progress:
        worker = Worker(
            app.settings,
            app.data,
            app.music,
            app.clock,
            lambda: open_or_tell(app.settings, app.data, app.clock),
            progress.watch,
        )
        try:
            if once:
                worker.work_one()
            else:
                worker.drain()
        finally:
            requests = worker.requests_made
            worker.close()
    report = worker.report
    failures = report.failed if once else open_failures(app.settings, app.data, app.clock)
    _name(app, report.unavailable, failures + report.kept)
    app.say(f"work: {len(report.placed)} placed, {len(failures)} not yet; {requests} requests")
    return EXIT_SOME_FAILED if failures or report.kept else 0


def _name(app: App, unavailable: list[tuple[str, str]], failed: list[tuple[str, str]]) -> None:
    for label, sentence in unavailable:
        app.say(f"unavailable: {label}: {sentence}")
    for label, sentence in failed:
        app.say(f"not yet: {label}: {sentence}")


@main.command()
def sync() -> None:
    """Scrape, reconcile, and work until the inbox is empty; once."""
    with _running("worker") as app:
        sys.exit(_sync(app))


def _sync(app: App) -> int:
    from bandcamp_sync.errors import Paused as PausedError
    from bandcamp_sync.show import Progress
    from bandcamp_sync.stages.fan import open_or_tell
    from bandcamp_sync.stages.status import open_failures
    from bandcamp_sync.stages.sync import work_with_retries

    if app.data.paused.exists():
        raise PausedError
    requests = _scrape(app)
    with Progress() as progress:
        worked = work_with_retries(
            app.settings,
            app.data,
            app.music,
            app.clock,
            lambda: open_or_tell(app.settings, app.data, app.clock),
            app.settings.workers,
            progress.watch,
        )
    failures = open_failures(app.settings, app.data, app.clock, queued_too=True)
    _name(app, worked.report.unavailable, failures + worked.report.kept)
    app.say(f"sync: {len(worked.report.placed)} placed, {len(failures)} not yet; {requests + worked.requests} requests")
    if worked.trouble is not None:
        raise worked.trouble
    return EXIT_SOME_FAILED if failures or worked.report.kept else 0


@main.command()
@click.argument("keys", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every purchase that failed.")
def retry(keys: tuple[str, ...], everything: bool) -> None:
    """Try purchases again at once: those named, or --all that failed."""
    from bandcamp_sync.stages.retry import retry_jobs

    if bool(keys) == everything:
        raise click.UsageError("name the purchases, or give --all")
    with _running("reconciler") as app:
        moved = retry_jobs(app.settings, app.data, None if everything else keys, app.clock)
        app.say(f"retry: {len(moved)} queued" + (f": {', '.join(moved)}" if moved else ""))


@main.command()
@click.option("--repair", is_flag=True, help="Queue what is broken or missing again.")
def verify(repair: bool) -> None:
    """Check every file of the library against its receipt."""
    with _running("worker", only_looks=not repair) as app:
        sys.exit(_verify(app, repair))


def _verify(app: App, mend: bool) -> int:
    from bandcamp_sync.show import Saying
    from bandcamp_sync.stages.verify import Verdict, verify
    from bandcamp_sync.stages.verify import repair as queue_again

    def tell(verdict: Verdict) -> None:
        line.say(f"checking {verdict.job.label}")
        if verdict.gone and verdict.job.receipt is not None:
            app.say(f"gone: {verdict.job.label}: {verdict.job.receipt.folder} is not there (moved or deleted)")
        for path, problem in verdict.problems:
            app.say(f"broken: {verdict.job.label}: {path} {problem}")
        for path, problem in verdict.unreadable:
            app.say(f"unreadable: {verdict.job.label}: {path} {problem}")

    with Saying("checking the library") as line:
        verdicts = verify(app.data, app.music, app.clock, tell)
    bad = [verdict for verdict in verdicts if not verdict.good]
    app.say(f"verify: {len(verdicts) - len(bad)} of {len(verdicts)} albums are whole")
    if mend and bad:
        queued = queue_again(app.data, bad, app.clock)
        app.say(f"repair: {len(queued)} queued again")
    return EXIT_SOME_FAILED if bad else 0


@main.command()
@click.option("--dry-run", is_flag=True, help="Show what would be adopted and change nothing.")
def adopt(dry_run: bool) -> None:
    """Take albums that are there already into the books."""
    with _running("worker") as app:
        sys.exit(_adopt(app, dry_run))


def _adopt(app: App, dry_run: bool) -> int:
    from bandcamp_sync.stages import adopt as stage

    adoption = stage.look(app.settings, app.data, app.music, app.clock)
    for item, folder in adoption.sure:
        app.say(f"sure      {item.label} = {folder}")
    for item, folders in adoption.unsure:
        app.say(f"unsure    {item.label} = {' or '.join(folders)}")
    for folder in adoption.unmatched:
        app.say(f"unmatched {folder}")
    if dry_run:
        app.say(f"adopt: {len(adoption.sure)} would be adopted; nothing was changed")
        return 0
    done, refused = stage.adopt(app.data, app.music, app.clock, adoption)
    for label, problem in refused:
        app.say(f"not adopted: {label}: {problem}")
    app.say(f"adopt: {len(done)} adopted, {len(adoption.unsure)} unsure, {len(adoption.unmatched)} unmatched")
    # What fits no purchase, or several, is no failure; a purchase's own folder that is damaged is one.
    return EXIT_SOME_FAILED if refused else 0


@main.command()
@click.argument("keys", nargs=-1, required=True)
def ignore(keys: tuple[str, ...]) -> None:
    """Never sync these purchases."""
    _change_ignored(keys, True)


@main.command()
@click.argument("keys", nargs=-1, required=True)
def unignore(keys: tuple[str, ...]) -> None:
    """Sync these purchases after all."""
    _change_ignored(keys, False)


def _change_ignored(keys: tuple[str, ...], add: bool) -> None:
    from bandcamp_sync.collection.item import is_key
    from bandcamp_sync.ignore import change_ignored

    with _running("reconciler") as app:
        for key in keys:
            if not is_key(key):
                raise UnknownKey(key)
        change_ignored(app.data, add=keys if add else (), drop=() if add else keys)
        app.say(f"{'ignored' if add else 'no longer ignored'}: {', '.join(keys)}")


@main.command()
def pause() -> None:
    """Stop claiming work and scraping until `resume`."""
    from bandcamp_sync import control

    with _running("reconciler") as app:
        control.pause(app.data, app.clock.now())
        app.say("paused; downloads that run are finished first. `bandcampsync resume` goes on")


@main.command()
def resume() -> None:
    """Go on after `pause`."""
    from bandcamp_sync import control

    with _running("reconciler") as app:
        control.resume(app.data)
        app.say("resumed")


@main.command()
@click.argument("file", metavar="FILE|-")
def backup(file: str) -> None:
    """Write the books, your cookies included, into one archive; music is not in it."""
    if file == "-" and sys.stdout.isatty():
        raise click.UsageError("a backup is not written to a terminal; redirect it, or name a file")
    with _running("reconciler") as app:
        _backup(app, file)


def _backup(app: App, file: str) -> None:
    from bandcamp_sync.backup.save import save_backup, write_backup

    if file != "-":
        path = Path(file).absolute()
        manifest = save_backup(app.data, path, app.clock)
        app.say(f"backup: {_told(manifest.jobs)}; {path.stat().st_size:,} bytes in {file}")
        return
    try:
        with open(sys.stdout.fileno(), "wb", closefd=False) as out:
            manifest = write_backup(app.data, out, app.clock)
    except OSError as error:
        raise FolderTrouble("standard output", f"{error.strerror}; the backup is not complete") from error
    click.echo(f"backup: {_told(manifest.jobs)}", err=True)


def _told(jobs: Mapping[State, int]) -> str:
    return ", ".join(f"{jobs[state]} {state}" for state in State if jobs.get(state)) or "no jobs"


@main.command()
@click.argument("file", metavar="FILE|-")
@click.option("--force", is_flag=True, help="Also while services seem to run.")
def restore(file: str, force: bool) -> None:
    """Put the books of a backup in the place of the present ones, which are kept."""
    if file == "-" and sys.stdin.isatty():
        raise click.UsageError("a backup is not read from a terminal; redirect one, or name a file")
    with _running("reconciler") as app:
        try:
            source = open(sys.stdin.fileno() if file == "-" else file, "rb", closefd=file != "-")  # noqa: SIM115
        except (FileNotFoundError, IsADirectoryError) as error:
            raise NotABackup(f"{file}: {error.strerror}") from error
        with source:
            _restore(app, source, force)


def _restore(app: App, source: BinaryIO, force: bool) -> None:
    from bandcamp_sync.backup.restore import restore
    from bandcamp_sync.clock import rfc3339

    done = restore(app.data, app.music, source, app.settings.lease, app.clock, force)
    for former in done.completed:
        app.say(f"a restore that had been interrupted was completed first; what was there before it is in {former}")
    if done.unreadable:
        app.say(f"{done.unreadable} files in the queue are no jobs; they lie in quarantine/ there")
    if done.newer:
        app.say(f"{len(done.newer)} arrived after the backup: the next reconcile finds them in the music folder")
    kept = f"the former books are in {done.former}" if done.former else "there were none before"
    app.say(f"restored: {_told(done.jobs)}, as of {rfc3339(done.created_at)}; {kept}")


@main.command()
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def status(as_json: bool) -> None:
    """The books: every purchase in one state, and what needs you."""
    from bandcamp_sync.show import printable_json, status_lines
    from bandcamp_sync.stages.status import books_view

    with _running("reconciler", only_looks=True) as app:
        view = books_view(app.settings, app.data, app.clock)
        if as_json:
            click.echo(printable_json(view))
            return
        for line in status_lines(view):
            app.say(line)


@main.command()
@click.option("--markdown", is_flag=True, help="The README's table.")
@click.option("--check", is_flag=True, help="Only say what is wrong with the present ones.")
def settings(markdown: bool, check: bool) -> None:
    """Every setting: its default, its meaning, what it may be."""
    if check:
        _check_settings()
        return
    rows = Settings.table()
    if markdown:
        click.echo("| Variable | Default | Meaning | May be |\n|---|---|---|---|")
        for name, default, meaning, allowed in rows:
            click.echo(f"| `{name}` | {f'`{default}`' if default else ''} | {meaning} | {allowed} |")
        return
    for name, default, meaning, allowed in rows:
        click.echo(f"{name}={default}\n    {meaning}; {allowed}")


def _check_settings() -> None:
    try:
        Settings.from_environment(os.environ)
    except BandcampSyncError as error:
        _end(error, str(error), exit_code(error), debug=False)
