"""Lists and submits jobs with the Varlink client of PyPI: client.py SOCKET FOLDER.

Prints what it got as one JSON document.
"""

import json
import sys

import varlink

socket, folder = sys.argv[1:]
got = {}

with varlink.Client(address="unix:" + socket) as client:
    with client.open("org.varlink.service") as service:
        got["info"] = service.GetInfo()
    with client.open("io.jobd") as jobd:
        job = "command: echo hello from afar; exit 3\nenvironment: {image: host}\nname: foreign\n"
        got["submitted"] = jobd.Submit([{"yaml": job, "base_path": folder}])
        got["watched"] = list(jobd.Watch(["foreign"], _more=True))
        got["listed"] = jobd.List()
        got["filtered"] = jobd.List(max_results=1, statuses=["Queued"])
        got["shown"] = jobd.Show("fore")
        got["status"] = jobd.Status()
        got["errors"] = {}
        for name, call in {
            "unknown": lambda: jobd.Show("nobody"),
            "taken": lambda: jobd.Submit([{"yaml": job, "base_path": folder}]),
            "invalid": lambda: jobd.Submit(
                [{"yaml": "comand: a\n", "base_path": folder, "file": "typo.yml"}]
            ),
            "ended": lambda: jobd.Cancel("foreign"),
        }.items():
            try:
                call()
            except varlink.VarlinkError as error:
                got["errors"][name] = error.as_dict()

print(json.dumps(got))
