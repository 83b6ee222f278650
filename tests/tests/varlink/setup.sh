#!/bin/sh
# Makes a Python environment with a Varlink client that is not ours: setup.sh FOLDER.
# Made under another name and renamed, so that whoever finds it finds it whole.
set -eu
folder=$1
[ -x "$folder/bin/python" ] && exit 0
fresh="$folder.$$"
trap 'rm -rf "$fresh"' EXIT
python3 -m venv "$fresh"
"$fresh/bin/python" -m pip install --quiet --disable-pip-version-check varlink==31.0.0
mv -T "$fresh" "$folder" 2>/dev/null || [ -x "$folder/bin/python" ]
