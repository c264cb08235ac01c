"""Calls a server, with the token in ATELIER_TOKEN, by the client that openapi-generator makes of the contract:
call_every_operation.py URL CONTRACT EXPERIMENT STUDY

The experiment and the study have one of everything that can be asked for. Ends with 1 and says why where an answer is
another than the contract has, or a GET of the contract was not called.
"""

import json
import os
import sys
import uuid

import atelier_client as atelier

url, contract, experiment, study = sys.argv[1:]
client = atelier.ApiClient(atelier.Configuration(host=url, access_token=os.environ["ATELIER_TOKEN"]))
access, experiments = atelier.AccessApi(client), atelier.ExperimentsApi(client)
maintenance, projects, registry = atelier.MaintenanceApi(client), atelier.ProjectsApi(client), atelier.RegistryApi(client)
schemas, studies, webhooks, workers = (
    atelier.SchemasApi(client), atelier.StudiesApi(client), atelier.WebhooksApi(client), atelier.WorkersApi(client))


def launches():
    label = uuid.uuid4().hex
    spec = atelier.ExperimentSpec(name="generated", labels={"group": label}, students=atelier.StudentsSpec(count=2))
    estimate = experiments.launch_experiment(spec, dry_run=True)
    assert [model.key for model in estimate.models] == ["teacher", "student-1", "student-2"], estimate
    key = uuid.uuid4().hex
    accepted = [experiments.launch_experiment(spec, idempotency_key=key) for _ in range(2)]
    assert accepted[0].id == accepted[1].id, accepted
    for name in ("second", "third"):
        experiments.launch_experiment(atelier.ExperimentSpec(name=name, labels={"group": label}))
    shown = experiments.show_experiment(accepted[0].id)
    assert (shown.name, len(shown.models)) == ("generated", 3), shown
    names, cursor = [], None
    while cursor is not None or not names:
        page = experiments.list_experiments(q=f"label.group={label}", limit=2, cursor=cursor)
        names += [item.name for item in page.items]
        cursor = page.next_cursor
    assert names == ["third", "second", "generated"], names
    experiments.pause_experiment(accepted[0].id)
    experiments.cancel_experiment(accepted[0].id)
    return accepted[0].id


def refused(call, error, status, type, field=None):
    try:
        answer = call()
    except error as e:
        problem = e.data
        assert isinstance(problem, atelier.Problem), e
        assert (e.status, problem.status, problem.type) == (status, status, f"/problems/{type}"), problem
        assert field is None or field in [fault.var_field for fault in problem.faults], problem
    else:
        raise AssertionError(f"{type} was expected, found {answer}")


def first_line_of_the_stream():
    answer = experiments.stream_experiment_without_preload_content(experiment)
    assert answer.headers["Content-Type"].startswith("text/event-stream"), answer.headers
    line = answer.stream(1).__next__()
    answer.close()
    return line


launched = launches()
nobody = atelier.ExperimentsApi(atelier.ApiClient(atelier.Configuration(host=url)))
refused(nobody.list_experiments, atelier.exceptions.UnauthorizedException, 401, "unauthorized")
refused(lambda: experiments.show_experiment("none"), atelier.exceptions.NotFoundException, 404, "experiment-not-found")
uniform_with_cuts = atelier.StudentsSpec(count=2, assignment=atelier.AssignmentSpec(boundaries=[500]))
refused(
    lambda: experiments.launch_experiment(atelier.ExperimentSpec(students=uniform_with_cuts)),
    atelier.exceptions.UnprocessableEntityException, 422, "invalid-spec", "students.assignment.boundaries")
refused(lambda: experiments.list_experiments(q="nothing=1"), atelier.exceptions.BadRequestException, 400, "invalid-parameter")
webhook = webhooks.create_webhook(atelier.WebhookRequest(url="https://example.org/hook", events=["model.failed"])).id
webhooks.test_webhook(webhook)
check = maintenance.start_check(repair=False).id
asked_for = {
    "whoAmI": access.who_am_i,
    "listTokens": access.list_tokens,
    "listOwnTokens": access.list_own_tokens,
    "listPeople": access.list_people,
    "listAudit": access.list_audit,
    "listArtifacts": lambda: experiments.list_artifacts(experiment),
    "linkArtifact": lambda: experiments.link_artifact(experiment, "samples-teacher.png"),
    "getArtifact": lambda: experiments.get_artifact(experiment, "samples-teacher.png"),
    "getSamples": lambda: experiments.get_samples(experiment, "teacher"),
    "listEvaluations": lambda: experiments.list_evaluations(experiment),
    "listEvents": lambda: experiments.list_events(experiment, limit=10),
    "streamExperiment": first_line_of_the_stream,
    "modelMetrics": lambda: experiments.model_metrics(experiment, "student-1", series="loss", points=4),
    "studentMetrics": lambda: experiments.student_metrics(experiment, "1"),
    "teacherMetrics": lambda: experiments.teacher_metrics(experiment),
    "showModel": lambda: experiments.show_model(experiment, "teacher"),
    "listExperiments": experiments.list_experiments,
    "compareExperiments": lambda: experiments.compare_experiments(f"{experiment},{launched}"),
    "experimentLosses": lambda: experiments.experiment_losses(experiment),
    "showExperiment": lambda: experiments.show_experiment(experiment),
    "listChecks": maintenance.list_checks,
    "showCheck": lambda: maintenance.show_check(check),
    "listProjects": projects.list_projects,
    "showQuota": lambda: projects.show_quota("default"),
    "listUsage": lambda: projects.list_usage("default", months=2),
    "listDatasets": registry.list_datasets,
    "listTeachers": registry.list_teachers,
    "showTeacher": lambda: registry.show_teacher(experiment),
    "experimentSchema": schemas.experiment_schema,
    "studySchema": schemas.study_schema,
    "vocabulary": schemas.vocabulary,
    "listStudies": studies.list_studies,
    "showStudy": lambda: studies.show_study(study),
    "getStudyArtifact": lambda: studies.get_study_artifact(study, "plot.png"),
    "listWebhooks": webhooks.list_webhooks,
    "showWebhook": lambda: webhooks.show_webhook(webhook),
    "listDeliveries": lambda: webhooks.list_deliveries(webhook),
    "listWorkers": workers.list_workers,
}
with open(contract) as file:
    reading = {path["get"]["operationId"] for path in json.load(file)["paths"].values() if "get" in path}
assert asked_for.keys() == reading, asked_for.keys() ^ reading
answers, failures = {}, []
for operation, call in asked_for.items():
    try:
        answers[operation] = call()
        assert answers[operation] is not None, "no answer"
    except Exception as e:
        failures.append(f"{operation}: {type(e).__name__} {e}")
assert not failures, "\n".join(failures)
for picture in ("getArtifact", "getSamples", "getStudyArtifact"):
    assert bytes(answers[picture]) == b"a picture", answers[picture]
points = answers["modelMetrics"].series[0].points
assert points == [[1, 0.25], [2, None], [3, 0.75]], points
assert answers["showExperiment"].evaluations[0].distance == 7.25, answers["showExperiment"]
webhooks.delete_webhook(webhook)
