"""The tables of the registry. What is written goes through these; hot reads are in `queries`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, Column, UniqueConstraint
from sqlmodel import Field, SQLModel


def _json() -> Any:
    return Field(default=None, sa_column=Column(JSON))


class Model(SQLModel, table=True):
    """A name that versions are registered under."""

    __tablename__ = "model"

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True, index=True)
    created: str


class Run(SQLModel, table=True):
    """The index of a run's folder; the folder is the truth.

    `model` and `data` keep the references as words, for the day that what they name is removed.
    """

    __tablename__ = "run"

    id: int | None = Field(default=None, primary_key=True)
    kind: str
    backend: str = "local"
    task: str | None = None
    state: str = Field(index=True)
    name: str | None = None
    model_version_id: int | None = Field(default=None, foreign_key="model_version.id", index=True)
    dataset_version_id: int | None = Field(
        default=None, foreign_key="dataset_version.id", index=True
    )
    output_version_id: int | None = Field(default=None, foreign_key="model_version.id", unique=True)
    model: str | None = None
    data: str | None = None
    metrics: dict[str, float] | None = _json()
    created: str
    started: str | None = None
    ended: str | None = None
    error: str | None = None
    away: float = Field(default=0.0, sa_column_kwargs={"server_default": "0"})


class RunTag(SQLModel, table=True):
    """A word that a person put on a run; `tags.json` in its folder says the same."""

    __tablename__ = "run_tag"

    run_id: int = Field(foreign_key="run.id", ondelete="CASCADE", primary_key=True)
    tag: str = Field(primary_key=True, index=True)


class ModelVersion(SQLModel, table=True):
    """Weights on this machine, with where they came from."""

    __tablename__ = "model_version"
    __table_args__ = (UniqueConstraint("model_id", "version"),)

    id: int | None = Field(default=None, primary_key=True)
    model_id: int = Field(foreign_key="model.id", index=True)
    version: int
    origin: str
    revision: str | None = None
    path: str
    task: str | None = None
    architecture: str | None = None
    model_type: str | None = None
    parameters: int | None = None
    size_bytes: int
    license: str | None = None
    labels: list[str] | None = _json()
    parent_id: int | None = Field(default=None, foreign_key="model_version.id", index=True)
    created: str
    verified: str | None = None
    note: str | None = None


class ModelTag(SQLModel, table=True):
    """A word that a person put on a model version."""

    __tablename__ = "model_tag"

    model_version_id: int = Field(
        foreign_key="model_version.id", ondelete="CASCADE", primary_key=True
    )
    tag: str = Field(primary_key=True, index=True)


class ModelFile(SQLModel, table=True):
    """One file of a model version; `path` is relative to the version's folder."""

    __tablename__ = "model_file"
    __table_args__ = (UniqueConstraint("model_version_id", "path"),)

    id: int | None = Field(default=None, primary_key=True)
    model_version_id: int = Field(foreign_key="model_version.id", ondelete="CASCADE")
    path: str
    size: int
    sha256: str


class Dataset(SQLModel, table=True):
    """A name that versions of data are registered under."""

    __tablename__ = "dataset"

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True, index=True)
    created: str


class DatasetVersion(SQLModel, table=True):
    """A file of examples, kept as it came; `columns` maps a role to a column where it was set."""

    __tablename__ = "dataset_version"
    __table_args__ = (UniqueConstraint("dataset_id", "version"),)

    id: int | None = Field(default=None, primary_key=True)
    dataset_id: int = Field(foreign_key="dataset.id", index=True)
    version: int
    path: str
    fingerprint: str = Field(index=True)
    rows: int
    columns: list[str] | None = _json()
    roles: dict[str, str] | None = _json()
    splits: dict[str, int] | None = _json()
    size_bytes: int
    source: str
    created: str


class Metric(SQLModel, table=True):
    """One point of one curve of one run."""

    __tablename__ = "metric"

    id: int | None = Field(default=None, primary_key=True)
    run_id: int = Field(foreign_key="run.id", index=True, ondelete="CASCADE")
    step: int
    epoch: float | None = None
    split: str
    name: str
    value: float


class Endpoint(SQLModel, table=True):
    """An address that answers requests."""

    __tablename__ = "endpoint"

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True, index=True)
    target: str = "local"
    host: str | None = None
    port: int | None = None
    state: str
    created: str


class Deployment(SQLModel, table=True):
    """A model version behind an endpoint, with its share of the traffic in percent."""

    __tablename__ = "deployment"
    __table_args__ = (UniqueConstraint("endpoint_id", "name"),)

    id: int | None = Field(default=None, primary_key=True)
    endpoint_id: int = Field(foreign_key="endpoint.id", index=True, ondelete="CASCADE")
    name: str
    model_version_id: int = Field(foreign_key="model_version.id", index=True)
    traffic: int = 0
    state: str
    created: str
