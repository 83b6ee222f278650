"""HyperQueue as a service: FOLDER CORES. Each line of the input is a job: a list of tasks, each a
list of words. Each reply is "submitted MILLISECONDS"; one more says that the server is ready."""

import json
import sys
import time

from hyperqueue import Job, LocalCluster
from hyperqueue.cluster import WorkerConfig

folder, cores = sys.argv[1:]
with LocalCluster(folder, WorkerConfig(cores=int(cores))) as cluster:
    client = cluster.client()
    print("submitted 0", flush=True)
    for number, line in enumerate(sys.stdin):
        tasks = json.loads(line)
        begun = time.monotonic()
        # Each task has its own files of output, as each job of the others has.
        job = Job(default_workdir=f"{folder}/{number}")
        for words in tasks:
            job.program(words)
        client.submit(job)
        print("submitted", 1e3 * (time.monotonic() - begun), flush=True)
