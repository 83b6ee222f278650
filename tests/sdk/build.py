"""Builds jobs in Python as the SDK's users do, and dumps each with the SDK.

Writes NAME.yml for each job into the current folder, which must hold `src`, `f.txt` and `ctx`.
Out: {NAME: what the SDK would send to the service, …}
"""

import datetime
import json
import pathlib

from offline import answer, plain

from azure.ai.ml import (
    Input,
    MpiDistribution,
    Output,
    PyTorchDistribution,
    RayDistribution,
    TensorFlowDistribution,
    UserIdentityConfiguration,
    command,
    load_job,
)
from azure.ai.ml.entities._system_data import SystemData
from azure.ai.ml.entities import (
    AmlTokenConfiguration,
    BuildContext,
    CommandJob,
    CommandJobLimits,
    Environment,
    JobResourceConfiguration,
    JobService,
    JupyterLabJobService,
    ManagedIdentityConfiguration,
    QueueSettings,
    SshJobService,
    TensorBoardJobService,
    VsCodeJobService,
)

IMAGE = Environment(image="ubuntu:22.04")
REGISTERED = "azureml:e:1"


def small(**arguments):
    """A job of little more than what is tried."""
    return CommandJob(command="echo x", **{"environment": REGISTERED, **arguments})


def services():
    return {
        "s": SshJobService(ssh_public_keys="ssh-rsa AAA", nodes="all"),
        "tb": TensorBoardJobService(log_dir="outputs/tb", port=6006),
        "jl": JupyterLabJobService(nodes="all"),
        "vs": VsCodeJobService(),
    }


JOBS = {
    "seed": CommandJob(
        code="./src",
        command="python train.py --ss {search_space.ss}",
        inputs={"input1": Input(path="trial.csv")},
        outputs={"default": Output(path="./foo")},
        compute="trial",
        environment="AzureML-sklearn-1.0-ubuntu20.04-py38-cpu:33",
        limits=CommandJobLimits(timeout=120),
    ),
    "minimal": CommandJob(command="echo hi", environment="azureml:ubuntu:1"),
    "rich": CommandJob(
        name="rich-1",
        display_name="Rich",
        experiment_name="exp",
        description="multi\nline text",
        tags={"a": "1", "b": "2", "n": None},
        properties={"p": "q"},
        parent_job_name="par",
        compute="local",
        code="./src",
        command="python train.py --lr ${{inputs.lr}} --data ${{inputs.data}} $[[--opt ${{inputs.opt}}]]"
        " --out ${{outputs.model}}\necho done",
        environment=Environment(
            image="ubuntu:22.04",
            conda_file={"name": "e", "channels": ["conda-forge"], "dependencies": ["python=3.10"]},
        ),
        environment_variables={"A": "1", "B": 2, "C": True},
        inputs={
            "lr": 0.1,
            "n": 3,
            "flag": True,
            "s": "text",
            "one": "1",
            "data": Input(type="uri_folder", path="./data", mode="ro_mount"),
            "f": Input(type="uri_file", path="https://x.y/z.csv", mode="download"),
            "m": Input(type="mlflow_model", path="azureml:mm:1"),
        },
        outputs={
            "model": Output(
                type="mlflow_model",
                path="azureml://datastores/workspaceblobstore/paths/x",
                mode="rw_mount",
                name="mymodel",
                version="2",
            ),
            "plain": Output(type="uri_folder"),
        },
        identity=UserIdentityConfiguration(),
        limits=CommandJobLimits(timeout=3600),
        distribution=PyTorchDistribution(process_count_per_instance=2),
        resources=JobResourceConfiguration(
            instance_count=1,
            instance_type="x",
            shm_size="4g",
            docker_args="--ulimit memlock=-1",
            locations=["westus"],
            max_instance_count=3,
            properties={"singularity": {"imageVersion": ""}},
        ),
        queue_settings=QueueSettings(job_tier="spot", priority="high"),
        services=services(),
    ),
    "dist_mpi": small(distribution=MpiDistribution(process_count_per_instance=4)),
    "dist_tf": small(distribution=TensorFlowDistribution(worker_count=2, parameter_server_count=1)),
    "dist_tf_default": small(distribution=TensorFlowDistribution()),
    "dist_ray": small(
        distribution=RayDistribution(
            port=6379,
            address="a",
            include_dashboard=True,
            dashboard_port=8265,
            head_node_additional_args="--x",
            worker_node_additional_args="--y",
        )
    ),
    "ident_managed": small(
        environment="azureml:e@latest",
        identity=ManagedIdentityConfiguration(client_id="11111111-1111-1111-1111-111111111111"),
    ),
    "ident_aml": small(environment="azureml:e@latest", identity=AmlTokenConfiguration()),
    "ident_user": small(environment="azureml:e@latest", identity=UserIdentityConfiguration()),
    "env_build": small(environment=Environment(build=BuildContext(path="./ctx", dockerfile_path="Dockerfile"))),
    "env_registry": small(environment="azureml://registries/azureml/environments/sklearn-1.5/labels/latest"),
    "docker_args": small(
        resources=JobResourceConfiguration(instance_count=2, docker_args=["--ipc=host", "-v /a:/b"])
    ),
    "from_service": small(
        name="r1",
        id="/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/jobs/r1",
        creation_context=SystemData(
            created_by="me",
            created_by_type="User",
            created_at=datetime.datetime(2025, 1, 2, 3, 4, 5, 678000, datetime.timezone.utc),
        ),
        status="Completed",
        log_files={"user_logs/std_log.txt": "https://u"},
        parameters={"lr": "0.1"},
        services={
            "Studio": JobService(endpoint="https://ml.azure.com/runs/r1", type="Studio"),
            "Tracking": JobService(endpoint="azureml://x", type="Tracking"),
        },
    ),
    # The jobs from here on are run as well: each prints what its name promises.
    "run_flat": CommandJob(
        code="./src",
        command="sh hello.sh ${{inputs.lr}} ${{inputs.n}} '${{inputs.s}}'; cat ${{inputs.a}};"
        " echo kept > ${{outputs.o}}/x; echo $A $B",
        environment=IMAGE,
        environment_variables={"A": "one", "B": 2},
        inputs={"a": Input(type="uri_file", path="./f.txt"), "lr": 0.1, "n": 3, "s": "a  b"},
        outputs={"o": Output(type="uri_folder")},
        compute="local",
    ),
    "run_builder": command(
        name="built",
        display_name="Built",
        description="text",
        tags={"a": "1"},
        properties={"p": "q"},
        experiment_name="exp",
        code="./src",
        command="sh hello.sh ${{inputs.flag}} ${{inputs.lr}} $[[--n ${{inputs.n}}]]; cat ${{inputs.a}};"
        " echo kept > ${{outputs.o}}/x; echo $A $B",
        environment=IMAGE,
        environment_variables={"A": "one", "B": 2},
        inputs={"a": Input(type="uri_file", path="./f.txt"), "flag": True, "lr": 0.1, "n": 3},
        outputs={"o": Output(type="uri_folder"), "p": Output(type="uri_file", mode="upload")},
        compute="local",
        instance_count=2,
        instance_type="x",
        locations=["westus"],
        docker_args="--ipc=host",
        shm_size="4g",
        timeout=60,
        distribution=PyTorchDistribution(process_count_per_instance=2),
        identity=UserIdentityConfiguration(),
        services=services(),
        job_tier="spot",
        priority="high",
    ),
    "run_small_builder": command(command="echo small", environment="azureml:e@latest"),
}


def as_job(job):
    """The builder's node and a loaded job as the job that the SDK would submit."""
    return job if isinstance(job, CommandJob) else job._to_job()


def save(name, job, dumped):
    """Dumps a job; the SDK's own view of it."""
    path = pathlib.Path(f"{name}.yml")
    path.unlink(missing_ok=True)
    dumped.dump(path)
    # Names that nobody gave are made up anew each time.
    job.name = job.name or "unnamed"
    job.display_name = job.display_name or "unnamed"
    return json.loads(json.dumps(as_job(job)._to_rest_object().as_dict(), default=plain))


seen = {name: save(name, job, job) for name, job in JOBS.items()}
pathlib.Path("loaded.yaml").write_text(
    """command: sh hello.sh ${{inputs.flag}} $[[--y ${{inputs.y}}]]; cat ${{inputs.d}}
code: ./src
environment: {image: ubuntu}
inputs: {flag: true, d: {type: uri_file, path: ./f.txt}, y: 3}
outputs: {o: }
"""
)
loaded = load_job("loaded.yaml")
seen["run_loaded"] = save("run_loaded", loaded, loaded)
loaded = load_job("loaded.yaml")
seen["run_loaded_as_job"] = save("run_loaded_as_job", loaded, loaded._to_job())
answer(seen)
