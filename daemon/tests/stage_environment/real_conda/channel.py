"""Makes a channel: channel.py FOLDER

`teller` needs `tale` 2 or later, of which there are 1 and 2; it says what that has, by the path of
the environment that is written into it at installation.
"""

import bz2
import hashlib
import io
import json
import os
import sys
import tarfile

PLACEHOLDER = "/opt/anaconda1anaconda2anaconda3"
TELLER = f'#!/bin/sh\ncat "{PLACEHOLDER}/share/tale"\n'
PACKAGES = [
    ("tale", "1.0", [], "share/tale", "an old tale\n"),
    ("tale", "2.0", [], "share/tale", "a tale of conda\n"),
    ("teller", "1.5", ["tale >=2"], "bin/teller", TELLER),
]


def package(folder, name, version, depends, path, text):
    index = {
        "name": name, "version": version, "build": "0", "build_number": 0, "depends": depends,
        "arch": None, "platform": None, "noarch": "generic", "subdir": "noarch",
    }
    content = text.encode()
    file = {
        "_path": path, "path_type": "hardlink", "size_in_bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    if PLACEHOLDER in text:
        file.update(prefix_placeholder=PLACEHOLDER, file_mode="text")
    members = {
        "info/index.json": json.dumps(index).encode(),
        "info/paths.json": json.dumps({"paths": [file], "paths_version": 1}).encode(),
        "info/files": f"{path}\n".encode(),
        path: content,
    }
    if PLACEHOLDER in text:
        members["info/has_prefix"] = f"{PLACEHOLDER} text {path}\n".encode()
    archive = os.path.join(folder, f"{name}-{version}-0.tar.bz2")
    with tarfile.open(archive, "w:bz2") as tar:
        for member, bytes_ in members.items():
            info = tarfile.TarInfo(member)
            info.size, info.mode = len(bytes_), 0o755 if member.startswith("bin/") else 0o644
            tar.addfile(info, io.BytesIO(bytes_))
    with open(archive, "rb") as made:
        whole = made.read()
    return dict(index, md5=hashlib.md5(whole).hexdigest(), size=len(whole))


def main(channel):
    for subdir in ["noarch", "linux-64"]:
        folder = os.path.join(channel, subdir)
        os.makedirs(folder)
        packages = {}
        for name, version, *rest in PACKAGES if subdir == "noarch" else []:
            made = package(folder, name, version, *rest)
            packages[f"{name}-{version}-0.tar.bz2"] = made
        data = json.dumps({"info": {"subdir": subdir}, "packages": packages}).encode()
        for name, bytes_ in [("repodata.json", data), ("repodata.json.bz2", bz2.compress(data))]:
            with open(os.path.join(folder, name), "wb") as file:
                file.write(bytes_)


main(sys.argv[1])
