"""Where everything lies in the data folder and in the music folder."""

from dataclasses import dataclass
from pathlib import Path

from bandcamp_sync.settings import Settings


@dataclass(frozen=True)
class DataFolder:
    """The data folder; see the README, "The data folder"."""

    root: Path

    @property
    def collection(self) -> Path:
        """The purchases, written by the scraper alone."""
        return self.root / "collection.json"

    @property
    def inbox(self) -> Path:
        """The spool of jobs."""
        return self.root / "inbox"

    @property
    def config(self) -> Path:
        """What the user gives: cookies, fan id, ignore list. Hidden from the dashboard."""
        return self.root / "config"

    @property
    def fan_id(self) -> Path:
        """The fan id, written by hand or by `fan-id`."""
        return self.config / "fan_id.txt"

    @property
    def ignore(self) -> Path:
        """Keys that are not to be synced, one a line."""
        return self.config / "ignore.txt"

    @property
    def clearance(self) -> Path:
        """What a browser was given for passing a challenge (cookies, user agent)."""
        return self.config / "clearance.json"

    @property
    def drop_key(self) -> Path:
        """The scraper's private key, with which it opens what was handed over."""
        return self.config / "drop.key"

    @property
    def drop(self) -> Path:
        """The drop place: what the dashboard hands over, sealed."""
        return self.root / "drop"

    @property
    def control(self) -> Path:
        """How the dashboard and the command line ask for things."""
        return self.root / "control"

    @property
    def paused(self) -> Path:
        """Its existence pauses the pipeline."""
        return self.control / "paused"

    @property
    def health(self) -> Path:
        """Units, published by whoever runs them."""
        return self.root / "health"

    @property
    def logs(self) -> Path:
        """Log files, one a service."""
        return self.root / "logs"

    @property
    def debug(self) -> Path:
        """What a stage saw when it failed."""
        return self.root / "debug"

    @property
    def covers(self) -> Path:
        """Small pictures for the dashboard; a cache, that is filled again."""
        return self.root / "covers"

    @property
    def state(self) -> Path:
        """What the stages remember and share: session, patience, last runs, alarms, progress."""
        return self.root / "state"

    @property
    def session(self) -> Path:
        """Whose session it is, and until when."""
        return self.state / "session.json"

    @property
    def drop_public(self) -> Path:
        """The public half of the scraper's key, to which the dashboard seals."""
        return self.state / "drop.pub"

    @property
    def verdict(self) -> Path:
        """What the scraper says of what was handed over last."""
        return self.state / "drop.json"

    @property
    def published_ignored(self) -> Path:
        """The ignore list's copy, for those who may not look into `config/`."""
        return self.state / "ignored.json"

    @property
    def choice(self) -> Path:
        """Whether everything is fetched, or only what is bought from a moment on."""
        return self.state / "from-now-on.json"

    @property
    def patience(self) -> Path:
        """When Bandcamp may be asked again; shared by every process."""
        return self.state / "patience.json"

    @property
    def scrape_memory(self) -> Path:
        """What the last scrapes found, so that the next can be short."""
        return self.state / "scrape.json"

    @property
    def actions(self) -> Path:
        """Who asked for what and what came of it, one file an action."""
        return self.state / "actions"

    @property
    def reconciles(self) -> Path:
        """What the last reconciles did."""
        return self.state / "reconcile.json"

    @property
    def library_id(self) -> Path:
        """Which music folder these books belong to."""
        return self.state / "library.json"

    @property
    def alarms(self) -> Path:
        """One file an alarm; gone when it is over."""
        return self.state / "alarms"

    @property
    def timers(self) -> Path:
        """When the loops run next, one file a loop."""
        return self.state / "timers"

    @property
    def progress(self) -> Path:
        """One file a running download."""
        return self.state / "progress"

    @property
    def throughput(self) -> Path:
        """How much each worker fetched lately, one file a worker."""
        return self.state / "throughput"


@dataclass(frozen=True)
class MusicFolder:
    """The music folder. Everything of ours that is not music lies in one dot folder, which scanners skip."""

    root: Path

    @property
    def own(self) -> Path:
        """Our corner."""
        return self.root / ".bandcampsync"

    @property
    def marker(self) -> Path:
        """Tells the real music folder from the empty place where a disk should be mounted."""
        return self.own / "library.json"

    @property
    def receipts(self) -> Path:
        """A copy of each receipt, so that losing the data folder loses no knowledge."""
        return self.own / "receipts"

    @property
    def replaced(self) -> Path:
        """Files that somebody had changed, and that a repair replaced: `replaced/<key>/<time>/`."""
        return self.own / "replaced"

    @property
    def staging(self) -> Path:
        """Albums in the making: `staging/<key>/`."""
        return self.own / "staging"


def data_folder(settings: Settings) -> DataFolder:
    """The data folder of these settings, as an absolute path."""
    return DataFolder(settings.data_dir.expanduser().absolute())


def music_folder(settings: Settings) -> MusicFolder:
    """The music folder of these settings, as an absolute path."""
    return MusicFolder(settings.music_dir.expanduser().absolute())
