"""The stand-in of Azure ML, the blob store, and the contract that every exchange is held to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.azure import azurite, contract
from tests.azure.standin import server, workspace
from tests.azure.standin.certificates import Certificates, make
from tests.azure.standin.models import publish


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One worker runs all of these: the validator and the blob store take long to start."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("azure"))


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """An authority made for this session alone."""
    return make(tmp_path_factory.mktemp("azure"), server.NAMES)


@pytest.fixture(scope="session")
def blob_store(certificates: Certificates) -> Iterator[azurite.Store]:
    """Azurite for the session."""
    if not azurite.installed():
        pytest.skip("needs Azurite: make azure-tools")
    with azurite.running(certificates, "standinstore") as store:
        yield store


@pytest.fixture(scope="session")
def validator() -> Iterator[contract.Validator | None]:
    """Microsoft's validator over its specifications, None where one of them is missing."""
    if contract.missing():
        yield None
        return
    with contract.running() as running:
        yield running


@pytest.fixture
def azure(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    certificates: Certificates,
    validator: contract.Validator | None,
) -> Iterator[server.StandIn]:
    """The service, with what the registry publishes, and the environment that reaches it.

    At the end every exchange of the test is held to the contract, where that is installed.
    """
    with server.running(tmp_path / "azure", certificates) as stand_in:
        for name, value in stand_in.environment().items():
            monkeypatch.setenv(name, value)
        for name in ("AZUREML_CURRENT_CLOUD",):
            monkeypatch.delenv(name, raising=False)
        publish(stand_in.world)
        workspace.add_cluster(stand_in.world, "gpu-cluster", "Standard_NC6s_v3")
        yield stand_in
        exchanges = list(stand_in.world.exchanges)
    broken = [e for e in exchanges if not e.handled]
    assert not broken, f"the stand-in broke: {broken[0].request.path}: {broken[0].answer.json}"
    assert not stand_in.proxy.strangers, f"somebody asked {stand_in.proxy.strangers}"
    if validator is not None:
        contract.hold(validator, exchanges)


@pytest.fixture
def uploads(azure: server.StandIn, blob_store: azurite.Store) -> azurite.Store:
    """The real blob store as the workspace's storage account."""
    azure.use(blob_store)
    return blob_store
