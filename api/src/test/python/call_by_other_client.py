"""Calls a server, with the token in ATELIER_TOKEN, by the client that openapi-python-client makes of the contract:
call_by_other_client.py URL CONTRACT"""

import importlib
import json
import os
import pathlib
import sys

import atelier_client as atelier
from atelier_client import models

url, contract = sys.argv[1:]
with open(contract) as file:
    operations = [o["operationId"] for p in json.load(file)["paths"].values() for o in p.values() if "operationId" in o]
found = [f for f in pathlib.Path(atelier.__file__).parent.glob("api/*/*.py") if f.name != "__init__.py"]
assert len(found) == len(operations) > 60, (len(found), len(operations))


def call(operation, **arguments):
    module = importlib.import_module(f"atelier_client.api.experiments.{operation}")
    return module.sync_detailed(client=client, **arguments)


client = atelier.AuthenticatedClient(base_url=url, token=os.environ["ATELIER_TOKEN"])
spec = models.ExperimentSpec(name="other", students=models.StudentsSpec(count=2))
estimate = call("launch_experiment", body=spec, dry_run=True)
assert estimate.status_code == 200 and len(estimate.parsed.models) == 3, estimate
accepted = call("launch_experiment", body=spec)
assert accepted.status_code == 202, accepted
shown = call("show_experiment", id=accepted.parsed.id)
assert shown.parsed.name == "other", shown
missing = call("show_experiment", id="none")
assert missing.status_code == 404 and missing.parsed.type_ == "/problems/experiment-not-found", missing
