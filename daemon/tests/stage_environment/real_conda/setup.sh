#!/usr/bin/env bash
# Installs conda from PyPI into a virtual environment, once: setup.sh PYTHON FOLDER
# Its makers have withdrawn it from there; the releases that are left end in 2017, so compat.py gives
# back what Python has dropped since, and launch.py starts it without its warning about pip.
set -euo pipefail

python=$1
folder=$2
here=$(cd "$(dirname "$0")" && pwd)
[ ! -f "$folder/complete" ] || exit 0
"$python" -m venv --clear "$folder"
pip=("$folder/bin/python" -m pip install --quiet --disable-pip-version-check --no-input)
"${pip[@]}" 'setuptools<81' wheel cytoolz pycosat requests 'ruamel.yaml<0.18'
packages=$("$folder/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
cp "$here/compat.py" "$packages/conda_compat.py"
echo 'import conda_compat' >"$packages/conda_compat.pth"
"${pip[@]}" --no-deps --no-build-isolation 'conda==4.3.16'
{
    echo "#!$folder/bin/python"
    cat "$here/launch.py"
} >"$folder/bin/conda"
"$folder/bin/conda" --version >&2
touch "$folder/complete"
