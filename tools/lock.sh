#!/bin/sh
# Pins the dependencies of pyproject.toml with hashes and without download addresses.
set -eu
uv=${UV:-uv}
options="--universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --quiet"
$uv pip compile pyproject.toml $options --output-file requirements/run.lock
$uv pip compile pyproject.toml --extra dev $options --output-file requirements/dev.lock
echo "uv" | $uv pip compile - $options --no-annotate --output-file requirements/uv.lock
