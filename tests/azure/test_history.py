"""A job's history is asked for where the SDK's own client and the workspace say that it is."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from fmtui.azure.history import History

WHERE = {"subscription_id": "s", "resource_group_name": "g", "workspace_name": "w", "run_id": "job"}
ID = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"


class Asked(History):
    """Notes what it would ask for, and answers from `answers`, by the end of the address."""

    def __init__(self, tracking: str | None, answers: dict[str, Any]) -> None:
        workspace = SimpleNamespace(
            discovery_url="https://discovery.test/", mlflow_tracking_uri=tracking
        )
        connection: Any = SimpleNamespace(
            workspace=SimpleNamespace(workspaces=SimpleNamespace(get=lambda name: workspace)),
            settings=SimpleNamespace(workspace="w"),
            workspace_id=lambda: ID,
        )
        super().__init__(connection)
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.answers = {"discovery.test/": {"api": "https://api.test"}, **answers}

    def _get(self, url: str, *, signed: bool = True, **query: str) -> Any:
        self.asked.append((url, query))
        found = next(v for end, v in self.answers.items() if url.endswith(end))
        return found.pop(0) if isinstance(found, list) else found


@pytest.mark.parametrize("what", ["details", "children"])
def test_addresses_are_those_of_the_sdks_client(what: str) -> None:
    from azure.ai.ml._restclient.runhistory.operations import _runs_operations as theirs

    history = Asked(None, {"/details": {"status": "Running"}, "/children": {"value": []}})
    if what == "details":
        history.status("job")
        request = theirs.build_get_details_request(**WHERE)
    else:
        history.steps("job")
        request = theirs.build_get_child_request(**WHERE)
    assert history.asked[-1] == (f"https://api.test{request.url}", {})


def test_steps_come_from_all_pages() -> None:
    from azure.ai.ml._restclient.runhistory.operations import _runs_operations as theirs

    pages = [
        {"value": [{"runId": "b", "createdUtc": "2"}], "continuationToken": "next"},
        {"value": [{"runId": "a", "createdUtc": "1"}], "continuationToken": None},
    ]
    history = Asked(None, {"/children": pages})
    assert [step.id for step in history.steps("job")] == ["a", "b"]
    second = theirs.build_get_child_request(**WHERE, continuationtoken="next")
    assert history.asked[-1][1] == {"$continuationtoken": "next"}
    assert second.url.endswith("/children?$continuationtoken=next")


@pytest.mark.parametrize(
    ("tracking", "root"),
    [
        (f"azureml://north.api.azureml.ms/mlflow/v2.0{ID}?", "https://north.api.azureml.ms/mlflow/v2.0"),
        (None, "https://api.test/mlflow/v1.0"),
    ],
)  # fmt: skip
def test_metrics_are_asked_of_the_workspaces_own_tracking_server(
    tracking: str | None, root: str
) -> None:
    metric = {"key": "loss", "value": 0.5, "step": 3}
    answers = {
        "/runs/get": {"run": {"data": {"metrics": [metric]}}},
        "/metrics/get-history": {"metrics": [metric | {"step": 1, "value": 0.9}, metric]},
    }
    history = Asked(tracking, answers)
    assert history.metrics("job") == {"loss": [(1, 0.9), (3, 0.5)]}
    assert history.asked[-1] == (
        f"{root}{ID}/api/2.0/mlflow/metrics/get-history", {"run_id": "job", "metric_key": "loss"}
    )  # fmt: skip
