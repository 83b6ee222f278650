#!/usr/bin/env bash
# Makes a virtual environment with the real Azure ML SDK, once: setup.sh [FOLDER]
# Needs python3 with venv, and PyPI or a mirror of it in pip's own configuration.
# The last line that it prints says which version is there.
set -euo pipefail

wanted=1.35.2
folder=${1:-$(dirname "$0")/../../target/venv-sdk}
python=$folder/bin/python

# installed: the SDK's version in the folder, or nothing.
installed() {
    [ -x "$python" ] && "$python" -c \
        'from importlib.metadata import version; print(version("azure-ai-ml"))' 2>/dev/null || true
}

# take PACKAGE: as pip resolves it.
take() {
    "$python" -m pip install --quiet --disable-pip-version-check --no-input "$1"
}

if [ -f "$folder/complete" ] && [ -n "$(installed)" ]; then
    echo "$folder has azure-ai-ml $(installed)"
    exit
fi
echo "making $folder"
rm -rf "$folder"
python3 -m venv "$folder"
echo "installing azure-ai-ml $wanted"
if ! take "azure-ai-ml==$wanted"; then
    echo "azure-ai-ml $wanted is not to be had: installing the newest"
    take azure-ai-ml
fi
touch "$folder/complete"
echo "$folder has azure-ai-ml $(installed)"
