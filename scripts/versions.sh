# To be sourced at the root: exports YT_DLP_VERSION where `make update` found a newer yt-dlp than requirements.lock has.

locked_yt_dlp() { sed -n 's/^yt-dlp==\([0-9.]*\).*/\1/p' requirements.lock; }

newer() {  # whether version $1 is later than $2, number by number: 2026.10.2 is later than 2026.9.30
    [ "$1" != "$2" ] && [ "$(printf '%s\n%s\n' "$1" "$2" | sort -t . -k 1,1n -k 2,2n -k 3,3n -k 4,4n | tail -n 1)" = "$1" ]
}

# After a newer lock came with a new version of this project, the file is out of date.
if [ -f .yt-dlp-version ] && newer "$(cat .yt-dlp-version)" "$(locked_yt_dlp)"; then
    YT_DLP_VERSION=$(cat .yt-dlp-version)
    export YT_DLP_VERSION
fi
