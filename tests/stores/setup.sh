#!/usr/bin/env bash
# Installs a peer of the data tests, once: setup.sh azurite|moto FOLDER
# Needs npm for Azurite and python3 with venv for moto, each with its registry.
set -euo pipefail

name=$1
folder=$2
[ ! -f "$folder/complete" ] || exit 0
rm -rf "$folder"
mkdir -p "$folder"
case $name in
azurite) npm install --prefix "$folder" --no-audit --no-fund --loglevel=error azurite ;;
moto)
    python3 -m venv "$folder"
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --no-input 'moto[server]'
    ;;
*) echo "unknown: $name" >&2 && exit 2 ;;
esac
touch "$folder/complete"
