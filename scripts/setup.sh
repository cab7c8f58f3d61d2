#!/bin/sh
# Makes .venv ready: `sh scripts/setup.sh` to run chatapp, `sh scripts/setup.sh --dev` to work on it.
# This part only finds a Python that can do the work; scripts/setup.py does it. Plain sh, because a system
# whose Python is too old must get a sentence, not a syntax error.
set -u
cd "$(dirname "$0")/.." || exit 1

# The usual case first: everything is in place and nothing else needs to run.
.venv/bin/python -I scripts/setup.py --check "$@" 2>/dev/null && exit 0

seen=""
for python in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.14 python}; do
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
        seen="$seen${seen:+, }$python is $version"
        continue
    }
    if "$python" -c 'import venv, ensurepip' 2>/dev/null; then
        exec "$python" -I scripts/setup.py "$@"
    fi
    without_venv="$python"
done

if [ -n "${without_venv:-}" ]; then
    echo "$without_venv has no venv module. On Debian and Ubuntu: sudo apt install python3-venv. Then run this again." >&2
elif [ -n "$seen" ]; then
    echo "chatapp needs Python 3.11 or newer, and found none ($seen)." >&2
    echo "Install a newer Python beside it, then run this again; PYTHON=/path/to/python says which one to take." >&2
else
    echo "chatapp needs Python 3.11 or newer, and found no Python at all. Install it, then run this again." >&2
fi
exit 1
