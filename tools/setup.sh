#!/bin/sh
# Makes .venv and puts the locked packages into it: setup.sh PYTHON run|dev
# uv installs them in seconds; where it cannot (a mirror that only pip is configured for), pip does.
set -eu
python=$1
kind=$2
venv=.venv

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "gridkeeper needs Python 3.11 or later; '$python' is $("$python" --version 2>&1). Name another: make PYTHON=python3.12" >&2
    exit 2
}

make_venv() {
    [ -x $venv/bin/python ] && $venv/bin/python -m pip --version >/dev/null 2>&1 && return
    rm -rf $venv
    "$python" -m venv $venv >/dev/null 2>&1 && return
    # Debian keeps ensurepip in a package of its own.
    sudo=
    [ "$(id -u)" = 0 ] || sudo=sudo
    echo "Python's venv module is not whole; installing python3-venv" >&2
    if command -v apt-get >/dev/null && $sudo apt-get update -qq && $sudo apt-get install -y -qq python3-venv >/dev/null; then
        rm -rf $venv
        "$python" -m venv $venv
    else
        echo "Install the venv module of $python (Debian, Ubuntu: apt-get install python3-venv) and try again." >&2
        exit 2
    fi
}

make_venv
pip="$venv/bin/python -m pip --disable-pip-version-check --quiet"
echo "Installing the $kind packages into $venv" >&2
if $pip install --require-hashes --no-deps -r requirements/uv.lock &&
    $venv/bin/uv pip sync --quiet --compile-bytecode --python $venv/bin/python --require-hashes requirements/$kind.lock 2>$venv/uv.log; then
    :
else
    echo "uv could not; installing with pip, which takes longer" >&2
    $venv/bin/python -m ensurepip --upgrade >/dev/null 2>&1 || true
    $pip install --require-hashes --no-deps -r requirements/$kind.lock
fi
# The project itself, editable, without a build: a path file, its metadata (entry points) and the command.
site=$($venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
printf '%s\n' "$PWD/src" >"$site/gridkeeper.pth"
$venv/bin/python - "$site" <<'METADATA'
import sys
import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
folder = Path(sys.argv[1], f"{project['name']}-{project['version']}.dist-info")
folder.mkdir(exist_ok=True)
(folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
groups = {"console_scripts": project["scripts"], **project["entry-points"]}
lines = [f"[{group}]\n" + "".join(f"{name} = {where}\n" for name, where in points.items()) for group, points in groups.items()]
(folder / "entry_points.txt").write_text("\n".join(lines))
METADATA
cat >$venv/bin/gridkeeper <<SCRIPT
#!$PWD/$venv/bin/python
import sys
from gridkeeper.cli.main import main
sys.exit(main())
SCRIPT
chmod 755 $venv/bin/gridkeeper
# Without byte code, as where PYTHONDONTWRITEBYTECODE is set, each start of a command would compile everything again.
$venv/bin/python -m compileall -q -j 0 src || echo "some of src cannot be compiled; the program says which" >&2
# Dev holds everything that run holds, so it stands for both.
touch $venv/.run-ready
[ "$kind" = run ] || touch $venv/.dev-ready
