"""What the SDK makes of the values of inputs, as they stand in YAML.

In: [YAML, …]   Out: [{"ok": the text that it would send} | {"error": TEXT}, …]
"""

import io

from offline import answer, attempt, question

from azure.ai.ml import load_job


def text(value):
    file = io.StringIO(f"command: echo\nenvironment: azureml:e:1\ninputs:\n  x: {value}\n  y: 2\n")
    rest = load_job(file)._to_job()._to_rest_object().as_dict()
    return rest["properties"]["inputs"]["x"]["value"]


answer([attempt(text, value) for value in question()])
