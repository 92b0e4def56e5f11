#!/bin/sh
# Make .venv hold exactly one of the two locks: `environment.sh run` or `environment.sh dev` (a superset of run).
# A copy of the lock that was installed is kept in .venv: while it equals the file here, nothing is installed.
set -eu
cd "$(dirname "$0")/.."

fits() { # Python versions that TensorFlow 2.21 has wheels for
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1
}

installed() { # the lock $1 is installed in .venv, and .venv still works where it is now
    cmp -s "$1" ".venv/installed-$1" && fits .venv/bin/python
}

case "${1:-}" in
run) lock=requirements.txt ;;
dev) lock=requirements-dev.txt ;;
*) echo "usage: tools/environment.sh run|dev" >&2; exit 2 ;;
esac
if installed requirements.txt && installed "$lock"; then
    exit 0
fi

if ! { fits .venv/bin/python && .venv/bin/python -c 'import pip' >/dev/null 2>&1; }; then
    found=
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        if fits "$candidate"; then found=$candidate; break; fi
    done
    if [ -z "$found" ]; then
        echo "The dashboard needs Python 3.11, 3.12 or 3.13: TensorFlow 2.21 has no wheels for others." >&2
        echo "Looked at: ${PYTHON:-python3 python3.13 python3.12 python3.11}." \
            "If you have one elsewhere: make run PYTHON=/path/to/python3.11" >&2
        exit 1
    fi
    echo "Making .venv with $("$found" --version)"
    if ! "$found" -m venv --clear .venv; then
        echo "Could not make .venv. On Debian and Ubuntu: apt-get install python3-venv" >&2
        exit 1
    fi
fi

# before the first change, so that an interrupted installation is not taken for a finished one
rm -f .venv/installed-requirements.txt .venv/installed-requirements-dev.txt
echo "Installing TensorFlow, Streamlit and the rest from $lock: about a minute"
if ! .venv/bin/python -m pip install -qq --disable-pip-version-check --no-input --no-compile \
    --require-hashes -r "$lock"; then
    echo "The installation did not finish: see above. Run the same command again to try once more." >&2
    exit 1
fi
# pip compiles with one process; with all cores it is done sooner, and so is the first start
.venv/bin/python -m compileall -q -j 0 .venv/lib >/dev/null 2>&1 || true
cp requirements.txt .venv/installed-requirements.txt
if [ "$lock" = requirements-dev.txt ]; then
    cp requirements-dev.txt .venv/installed-requirements-dev.txt
fi
echo "Installed"
