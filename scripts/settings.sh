# To be sourced at the root: `setting NAME DEFAULT` prints a variable from the environment, else from .env, else DEFAULT.

setting() {  # as for Compose, what the environment has wins even when it is empty, and ~/ is the home folder
    eval "set -- \"\$1\" \"\$2\" \"\${$1-}\" \"\${$1+given}\""
    [ -n "$4" ] || set -- "$1" "$2" "$(from_file "$1")"
    case $3 in
    "~" | "~/"*) printf '%s\n' "$HOME${3#"~"}" ;;
    *) printf '%s\n' "${3:-$2}" ;;
    esac
}

from_file() {  # by the one reader of .env; what stands in where there is no Python must read as it does
    [ -f .env ] || return 0
    for python in .venv/bin/python python3; do
        "$python" services/local/dotenv.py "$1" 2>/dev/null && return
    done
    tr '\r' '\n' < .env | LC_ALL=C awk -v name="$1" '
        { sub(/^\357\273\277/, ""); sub(/^[ \t]+/, ""); sub(/[ \t]+$/, ""); sub(/^export[ \t]+/, "") }
        match($0, "^" name "[ \t]*=[ \t]*") {
            value = substr($0, RLENGTH + 1)
            quote = substr(value, 1, 1)
            end = index(substr(value, 2), quote)
            if ((quote == "\"" || quote == "\047") && end > 0) value = substr(value, 2, end - 1)
            else if (quote == "#") value = ""
            else sub(/[ \t]+#.*/, "", value)
        }
        END { print value }'
}
