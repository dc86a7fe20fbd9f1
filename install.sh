#!/bin/sh
# Runs BandcampSync on this host without containers, as systemd units of the user who calls this. Needs no root.
#
#   ./install.sh              installs, or brings what is installed up to date; safe to run again and again
#   ./install.sh --uninstall  takes all of it away again; music, data and .venv stay
#   ./install.sh --dry-run    says what it would do
#
# Settings come from .env, as for make and Compose: run this again after changing it, and after `git pull`.
set -eu
cd "$(dirname "$0")"
root=$(pwd -P)
config=${XDG_CONFIG_HOME:-$HOME/.config}
place=$config/bandcampsync
units=$config/systemd/user
python=.venv/bin/python
dry=no
mounts=no

say() { printf '   %s\n' "$*"; }
step() { printf '%s\n' "$*"; }
warn() { printf 'install.sh: %s\n' "$1" >&2; }
die() {
    warn "$1"
    exit "${2:-1}"
}
act() { if [ $dry = yes ]; then say "would run: $*"; else "$@"; fi; }
ctl() { systemctl --user "$@"; }

# --- the steps of an installation ------------------------------------------------------------------------------------

install_it() {
    step "1. Is there a systemd user manager?"
    check_manager
    step "2. The programs, in .venv"
    make_venv
    step "3. The settings, from .env"
    read_settings
    step "4. Folders, and the links that the units go by"
    make_folders
    link_places
    step "5. Units"
    link_units
    step "6. The sandbox"
    try_sandbox
    step "7. Workers"
    end_surplus_workers
    step "8. Start"
    enable_all
    start_all
    step "9. Without a login"
    enable_linger
    step "10. What now?"
    tell_what_next
}

finds_manager() {
    if [ -z "${XDG_RUNTIME_DIR:-}" ] && [ -d "/run/user/$(id -u)" ]; then
        XDG_RUNTIME_DIR=/run/user/$(id -u)
        export XDG_RUNTIME_DIR
    fi
    version=$(ctl show --property=Version --value 2>/dev/null)
}

check_manager() {
    finds_manager ||
        die "no systemd user manager answers here; without one, \`make run\` runs everything in the foreground"
    ctl show --timestamp=unix --property=Version >/dev/null 2>&1 ||
        die "systemd $version is too old, 251 is needed; \`make run\` runs everything in the foreground"
    case " $(ctl show --property=UnitPath --value) " in
    *" $units "*) say "systemd $version" ;;
    *) die "systemd does not read $units: it was started with another XDG_CONFIG_HOME than this shell has" ;;
    esac
}

make_venv() {
    if is_fresh; then
        say "there already"
    else
        act sh scripts/setup.sh all
    fi
    [ -x $python ] || { say "the rest needs it, so this is all that can be told"; exit 0; }
    # In the sandbox no program can write what Python would compile at every start.
    act $python -m compileall -q shared/bandcamp_sync services
}

is_fresh() {
    for stamp in .venv/.ready .venv/.ready-all; do
        if [ -e $stamp ] && [ -z "$(find requirements.lock shared/pyproject.toml -newer $stamp)" ]; then
            $python -c 'import bandcamp_sync.settings, gunicorn' 2>/dev/null && return 0
        fi
    done
    return 1
}

read_settings() {
    assigned=$($python -m services.systemd.settings) || exit 2
    eval "$assigned"
    say "data $DATA, music $MUSIC, $WORKERS workers"
    [ -z "$UNSEEN" ] || say "only this shell has $UNSEEN; what the services are to see must be in .env"
    [ "$($python -m services.local ps)" = "nothing runs" ] ||
        die "the same services run as local processes; end them first with \`make down\`"
}

make_folders() {
    case $MUSIC/ in
    "$DATA"/*) make_folder "$MUSIC" ;;
    *) [ -d "$MUSIC" ] || die "MUSIC_DIR=$MUSIC is not there; mount or make it first" 5 ;;
    esac
    for folder in config control health logs state; do make_folder "$DATA/$folder"; done
    make_folder "$place"
    make_folder "$units"
}

make_folder() {
    [ -d "$1" ] || act mkdir -p "$1" || die "$1 cannot be made" 5
}

link_places() {
    if [ -L "$place/app" ] && [ "$(readlink "$place/app")" != "$root" ]; then
        say "so far it ran from $(readlink "$place/app")"
        remove_links
    fi
    link "$root" "$place/app"
    link "$DATA" "$place/data"
    link "$MUSIC" "$place/music"
}

link() { # TARGET LINK: says so when that is news
    [ "$(readlink "$2" || true)" != "$1" ] || return 0
    [ -L "$2" ] || [ ! -e "$2" ] || die "$2 is in the way; move it elsewhere" 5
    say "$2 -> $1"
    act ln -sfn "$1" "$2"
}

link_units() {
    for file in services/systemd/*.timer services/systemd/*.path services/systemd/*.service; do
        link "$place/app/$file" "$units/${file##*/}"
    done
    link_drop_in bandcamp-.service.d/10-common.conf
    act systemctl --user daemon-reload
}

link_drop_in() {
    make_folder "$units/${1%/*}"
    link "$place/app/services/systemd/$1" "$units/$1"
}

# A user's units can have file systems of their own only where the kernel lets users make namespaces. The one sure way
# to know is to start a unit so.
try_sandbox() {
    link_drop_in bandcamp-.service.d/20-mounts.conf
    link_drop_in bandcamp-dashboard.service.d/30-mounts.conf
    if [ $dry = yes ]; then
        [ ! -L "$units/bandcamp-.service.d/20-mounts.conf" ] || mounts=yes
        return 0
    fi
    ctl daemon-reload
    if ctl start bandcamp-sync-health.service 2>/dev/null; then
        mounts=yes
        say "the programs can write to the data and the music folder alone"
        return 0
    fi
    rm -f "$units/bandcamp-.service.d/20-mounts.conf" "$units/bandcamp-dashboard.service.d/30-mounts.conf"
    ctl daemon-reload
    ctl start bandcamp-sync-health.service ||
        die "a unit cannot be started: journalctl --user -u bandcamp-sync-health"
    say "users get no namespaces here: the programs can write where you can, and are restrained otherwise"
}

end_surplus_workers() {
    say "$WORKERS"
    for unit in $(worker_units); do
        number=${unit#*@}
        number=${number%.service}
        [ "$number" -gt "$WORKERS" ] 2>/dev/null || continue
        say "ending $unit"
        act systemctl --user disable --now --quiet "$unit"
        act systemctl --user reset-failed "$unit" 2>/dev/null || true
    done
}

worker_units() { # that run, or would at the next start
    {
        ctl list-units --all --full --plain --no-legend 'bandcamp-sync-worker@*.service' | cut -d ' ' -f 1
        find "$units" -type l -name 'bandcamp-sync-worker@?*.service' -exec basename {} \;
    } | sort -u
}

to_enable() {
    echo bandcamp-dashboard.service
    number=1
    while [ $number -le "$WORKERS" ]; do
        echo "bandcamp-sync-worker@$number.service"
        number=$((number + 1))
    done
    for file in services/systemd/*.path services/systemd/*.timer; do echo "${file##*/}"; done
}

enable_all() {
    for unit in $(to_enable); do
        [ "$(ctl is-enabled "$unit" 2>/dev/null)" = enabled ] || act systemctl --user enable --quiet "$unit"
    done
}

# What runs keeps running, unless it runs with other settings or another program than there are now. What failed is
# tried again: it may be mended.
start_all() {
    now=$(fingerprint)
    before=$(cat "$place/installed" 2>/dev/null || true)
    if [ -n "$before" ] && [ "$before" != "$now" ]; then
        say "settings or programs have changed: everything is restarted"
        # shellcheck disable=SC2046 # names of units have no spaces
        act systemctl --user try-restart $(to_enable) || true
    fi
    for unit in $(to_enable); do
        [ "$(ctl is-active "$unit")" != failed ] || act systemctl --user reset-failed "$unit"
        act systemctl --user start "$unit" || say "$unit does not start: journalctl --user -u $unit"
    done
    for unit in bandcamp-sync.service bandcamp-sync-reconcile.service bandcamp-sync-retry.service; do
        [ "$(ctl is-active "$unit")" != failed ] || act systemctl --user start --no-block "$unit"
    done
    [ $dry = yes ] || [ "$before" = "$now" ] || printf '%s\n' "$now" >"$place/installed"
    say "$(to_enable | wc -l) units"
}

fingerprint() {
    {
        printf '%s\n' "$root" "$DATA" "$MUSIC" "$mounts"
        cat .env .yt-dlp-version requirements.lock 2>/dev/null || true
        find shared/bandcamp_sync services -type f ! -name '*.pyc' -print0 | LC_ALL=C sort -z | xargs -0 cat
    } | sha256sum
}

enable_linger() {
    user=$(id -un)
    if [ "$(loginctl show-user "$user" --property=Linger --value 2>/dev/null)" = yes ]; then
        say "the units run also while $user is not logged in"
    elif [ $dry = yes ]; then
        say "would run: loginctl enable-linger"
    elif loginctl --no-ask-password enable-linger 2>/dev/null; then
        say "from now on the units run also while $user is not logged in"
    else
        say "the units end when $user logs out; to keep them: sudo loginctl enable-linger $user"
    fi
}

tell_what_next() {
    [ $dry = no ] || return 0
    $python -c 'import sys; from services.local.__main__ import answers; sys.exit(not answers(sys.argv[1], 30))' \
        "$DASHBOARD/healthz" ||
        die "the dashboard does not answer at $DASHBOARD; why: journalctl --user -u bandcamp-dashboard"
    say "the dashboard: $DASHBOARD"
    say "how the units are: systemctl --user list-units --all 'bandcamp-*'"
    [ -s "$COOKIES" ] || say "next: open $DASHBOARD/setup, and hand over the cookies of a browser that is logged in
   to Bandcamp (or save them as $COOKIES, and chmod 600 it); your purchases are listed as soon as they are there"
}

# --- and away again --------------------------------------------------------------------------------------------------

uninstall_it() {
    step "1. Is there a systemd user manager?"
    answers=yes
    if finds_manager; then
        check_manager
    else
        answers=no
        warn "no systemd user manager answers here; the links go all the same, and a unit that runs is not stopped"
    fi
    step "2. Stop"
    [ $answers = no ] || act systemctl --user stop 'bandcamp-sync*' 'bandcamp-dashboard*'
    step "3. Units"
    remove_links
    if [ $answers = yes ]; then
        act systemctl --user daemon-reload
        act systemctl --user reset-failed 'bandcamp-sync*' 'bandcamp-dashboard*' 2>/dev/null || true
    fi
    step "4. Links"
    [ ! -d "$place/data" ] || act rm -f "$place/data/health/host.json"
    act rm -f "$place/app" "$place/data" "$place/music" "$place/installed"
    [ ! -d "$place" ] || act rmdir "$place"
    say "gone. Your music, the data folder and .venv are as they were; so is lingering (loginctl disable-linger)"
}

remove_links() {
    [ -d "$units" ] || return 0
    act find "$units" -type l \( -name 'bandcamp-sync*' -o -name 'bandcamp-dashboard*' \) -exec rm -f {} +
    for drop_in in bandcamp-.service.d/10-common.conf bandcamp-.service.d/20-mounts.conf \
        bandcamp-dashboard.service.d/30-mounts.conf; do
        [ ! -L "$units/$drop_in" ] || act rm -f "$units/$drop_in"
        # What you added there stays.
        [ ! -d "$units/${drop_in%/*}" ] || act rmdir --ignore-fail-on-non-empty "$units/${drop_in%/*}"
    done
}

usage() { sed -n '2,/^set -eu/{/^#/s/^# \{0,1\}//p;}' install.sh; }

todo=install_it
for word; do
    case $word in
    --uninstall) todo=uninstall_it ;;
    --dry-run) dry=yes ;;
    -h | --help)
        usage
        exit 0
        ;;
    *)
        usage >&2
        exit 2
        ;;
    esac
done
$todo
