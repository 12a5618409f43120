"""Import from a hub over real HTTP: checked, pinned, cached; every refusal is a sentence."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fmtui.paths import Home
from registry.database import Database
from tests.e2e.cli import Cli
from tests.hubserver import Hub, running


@pytest.fixture
def hub() -> Iterator[Hub]:
    with running() as server:
        yield server


@pytest.fixture
def cli(hub: Hub, home: Home, tmp_path: Path) -> Cli:
    """The command line with this hub, in processes: the library reads its settings once."""
    return Cli(home.root, {"HF_HOME": str(tmp_path / "hf"), **hub.environment()})


def cache(tmp_path: Path, repo: str) -> Path:
    return tmp_path / "hf" / "hub" / ("models--" + repo.replace("/", "--"))


def is_empty(home: Home) -> bool:
    rows = Database(home.registry).read().execute("SELECT count(*) FROM model").fetchone()[0]
    return rows == 0 and not list(home.models.rglob("*"))


def test_a_model_of_the_hub_comes_whole_pinned_and_checked(
    hub: Hub, cli: Cli, bert: Path, tmp_path: Path
) -> None:
    repo = hub.add("org/tiny", bert)
    repo.files["README.md"] = b"---\nlicense: Apache-2.0\n---\n"
    repo.files["pytorch_model.bin"] = b"never fetched"
    done = cli.run("model", "import", "--no-smoke", "hf:org/tiny", "--json")
    info = json.loads(done.stdout)
    assert "downloading model.safetensors" in done.stderr
    assert (info["ref"], info["state"], info["license"]) == ("tiny:1", "verified", "apache-2.0")
    assert info["origin"] == f"hf:org/tiny@{repo.commit}"
    assert info["revision"] == repo.commit
    assert (info["architecture"], info["parameters"]) == ("BertModel", 21_632)
    weights = (Path(info["path"]) / "model.safetensors").read_bytes()
    assert weights == repo.files["model.safetensors"]
    assert not any("pytorch_model.bin" in request for request in hub.requests)

    folder = cache(tmp_path, "org/tiny")
    assert (folder / "refs" / "main").read_text() == repo.commit
    blob = folder / "blobs" / hashlib.sha256(weights).hexdigest()
    assert blob.samefile(Path(info["path"]) / "model.safetensors"), "kept once, not twice"

    offline = Cli(cli.home, {**cli.extra, "HF_HUB_OFFLINE": "1"})
    asked = len(hub.requests)
    again = offline.json("model", "import", "--no-smoke", "hf:org/tiny", "--name", "again", "-q")
    assert again["origin"] == info["origin"]
    assert len(hub.requests) == asked


def test_a_commit_can_be_asked_for(hub: Hub, cli: Cli, bert: Path) -> None:
    repo = hub.add("org/tiny", bert)
    info = cli.json("model", "import", "--no-smoke", f"hf:org/tiny@{repo.commit}", "-q")
    assert info["revision"] == repo.commit


def test_a_model_of_the_catalogue_comes_from_its_hub_id(hub: Hub, cli: Cli, bert: Path) -> None:
    repo = hub.add("microsoft/deberta-base", bert)
    info = cli.json("model", "import", "--no-smoke", "azureml:microsoft-deberta-base", "-q")
    assert info["ref"] == "microsoft-deberta-base:1"
    assert info["origin"] == "azureml:microsoft-deberta-base@18"
    assert (info["revision"], info["license"]) == (repo.commit, "mit")
    assert cli.json("catalog", "show", "azureml:microsoft-deberta-base")["imported"] == info["ref"]


def test_a_mirror_that_lists_names_alone_is_asked_for_its_tree(
    hub: Hub, cli: Cli, bert: Path
) -> None:
    hub.add("org/tiny", bert, names_only=True)
    assert cli.json("model", "import", "--no-smoke", "hf:org/tiny", "-q")["state"] == "verified"
    hub.add("org/bad", bert, names_only=True, damaged={"model.safetensors"})
    cli.run("model", "import", "--no-smoke", "hf:org/bad", code=5)


@pytest.mark.parametrize("file", ["model.safetensors", "config.json", "tokenizer.json"])
def test_a_damaged_file_of_the_right_length_is_found_and_removed(
    hub: Hub, cli: Cli, home: Home, bert: Path, tmp_path: Path, file: str
) -> None:
    repo = hub.add("org/tiny", bert, damaged={file})
    done = cli.run("model", "import", "--no-smoke", "hf:org/tiny", "-q", code=5)
    assert f"{file} of hf:org/tiny arrived damaged" in done.stderr
    assert is_empty(home)
    cached = [path.name for path in cache(tmp_path, "org/tiny").rglob("*")]
    assert file not in cached
    repo.damaged.clear()
    cli.run("model", "import", "--no-smoke", "hf:org/tiny", "-q")


def test_a_file_that_was_damaged_once_is_fetched_again(hub: Hub, cli: Cli, bert: Path) -> None:
    hub.add("org/tiny", bert, damaged_once={"model.safetensors"})
    assert cli.json("model", "import", "--no-smoke", "hf:org/tiny", "-q")["state"] == "verified"


def test_a_copy_that_is_damaged_in_the_cache_is_not_trusted(
    hub: Hub, cli: Cli, bert: Path, tmp_path: Path
) -> None:
    hub.add("org/tiny", bert)
    cli.run("model", "import", "--no-smoke", "hf:org/tiny", "-q")
    cli.run("model", "remove", "tiny", "-y")
    (pointer,) = cache(tmp_path, "org/tiny").glob("snapshots/*/model.safetensors")
    offline = Cli(cli.home, {**cli.extra, "HF_HUB_OFFLINE": "1"})

    def spoil() -> None:
        blob = pointer.resolve()
        blob.write_bytes(blob.read_bytes()[:-1] + b"\xff")

    spoil()
    assert cli.json("model", "import", "--no-smoke", "hf:org/tiny", "-q")["state"] == "verified"
    cli.run("model", "remove", "tiny", "-y")
    spoil()
    done = offline.run("model", "import", "--no-smoke", "hf:org/tiny", "-q", code=4)
    assert "is damaged in the hub's cache" in done.stderr
    assert not pointer.exists()


def test_a_link_that_somebody_put_into_the_cache_leads_to_no_removal(
    hub: Hub, cli: Cli, bert: Path, tmp_path: Path
) -> None:
    repo = hub.add("org/tiny", bert)
    cli.run("model", "import", "--no-smoke", "hf:org/tiny", "-q")
    cli.run("model", "remove", "tiny", "-y")
    (pointer,) = cache(tmp_path, "org/tiny").glob("snapshots/*/config.json")
    own = tmp_path / "my-config.json"
    own.write_text("mine")
    pointer.unlink()
    pointer.symlink_to(own)
    info = cli.json("model", "import", "--no-smoke", "hf:org/tiny", "-q")
    assert (Path(info["path"]) / "config.json").read_bytes() == repo.files["config.json"]
    assert own.read_text() == "mine"


def test_a_cut_line_is_taken_up_again(hub: Hub, cli: Cli, bert: Path) -> None:
    hub.add("org/tiny", bert, cut={"model.safetensors"})
    assert cli.json("model", "import", "--no-smoke", "hf:org/tiny", "-q")["state"] == "verified"


def test_a_hub_that_is_busy_is_asked_again(hub: Hub, cli: Cli, home: Home, bert: Path) -> None:
    hub.add("org/tiny", bert)
    hub.busy = 1000
    done = cli.run("model", "import", "--no-smoke", "hf:org/tiny", code=5)
    assert "answered 503" in done.stderr
    assert is_empty(home)
    hub.busy = 1
    cli.run("model", "import", "--no-smoke", "hf:org/tiny", "-q")


def test_a_hub_that_is_busy_or_breaks_off_at_one_file_is_asked_again(
    hub: Hub, cli: Cli, bert: Path
) -> None:
    hub.add("org/tiny", bert, license="mit")
    hub.file_busy = [(429, "1"), (0, "")]
    started = time.monotonic()
    info = cli.json("model", "import", "--no-smoke", "hf:org/tiny", "-q")
    assert (info["state"], info["license"]) == ("verified", "mit")
    assert time.monotonic() - started > 1, "as long as it said"
    assert hub.file_busy == []


def test_a_mirror_that_lists_no_sizes_is_asked_for_its_tree(hub: Hub, cli: Cli, bert: Path) -> None:
    hub.add("org/tiny", bert, no_sizes=True)
    found = cli.json("model", "import", "--dry-run", "hf:org/tiny")
    assert found["size_bytes"] == sum(path.stat().st_size for path in bert.iterdir())


def test_what_the_hub_refuses_is_a_sentence(hub: Hub, cli: Cli, home: Home, bert: Path) -> None:
    hub.add("org/gated", bert, gated=True, token="good")
    hub.add("org/private", bert, token="good")
    hub.add("org/tiny", bert)
    with_token = Cli(cli.home, {**cli.extra, "HF_TOKEN": "secret-token"})

    def refused(cli: Cli, source: str, code: int, *words: str) -> None:
        done = cli.run("model", "import", "--no-smoke", source, "-q", code=code)
        for word in (*words, "Error: "):
            assert word in done.stderr
        assert "secret-token" not in done.stderr + done.stdout
        assert len(done.stderr.splitlines()) == 1

    refused(cli, "hf:org/absent", 3, "no model hf:org/absent", "HF_TOKEN")
    refused(cli, "hf:org/private", 3, "or it is private", "HF_TOKEN")
    refused(cli, "hf:org/tiny@dev", 3, "has no revision `dev`")
    refused(cli, "hf:org/gated", 5, "is gated", "HF_TOKEN")
    refused(with_token, "hf:org/gated", 5, "is gated")
    hub.token = "good"
    refused(with_token, "hf:org/tiny", 5, "does not accept the token")
    assert is_empty(home)
    good = Cli(cli.home, {**cli.extra, "HF_TOKEN": "good"})
    assert good.json("model", "import", "--no-smoke", "hf:org/gated", "-q")["state"] == "verified"


def test_what_can_not_be_used_is_refused_before_its_weights_are_fetched(
    hub: Hub, cli: Cli, home: Home, bert: Path
) -> None:
    for name in ("pickled", "remote", "bare"):
        hub.add(f"org/{name}", bert)
    pickled, remote, bare = (hub.repos[f"org/{n}"].files for n in ("pickled", "remote", "bare"))
    pickled["pytorch_model.bin"] = pickled.pop("model.safetensors")
    code = {"auto_map": {"AutoModel": "code.Model"}}
    remote["config.json"] = json.dumps(json.loads(remote["config.json"]) | code).encode()
    del bare["config.json"]
    for source, words in (
        ("hf:org/pickled", "pickled (pytorch_model.bin)"),
        ("hf:org/remote", "code of its own"),
        ("hf:org/bare", "no config.json"),
    ):
        done = cli.run("model", "import", "--no-smoke", source, "-q", code=4)
        assert words in done.stderr and source in done.stderr
    assert not any("model.safetensors" in request for request in hub.requests)
    assert is_empty(home)


def test_a_hub_that_is_gone_is_told_at_once(
    hub: Hub, cli: Cli, home: Home, bert: Path, tmp_path: Path
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        gone = Cli(cli.home, {**cli.extra, "HF_ENDPOINT": url})
        started = time.monotonic()
        done = gone.run("model", "import", "--no-smoke", "hf:org/tiny", code=5)
    assert f"can't reach {url}" in done.stderr
    assert time.monotonic() - started < 10
    assert is_empty(home)


def test_a_server_that_never_answers_is_left(cli: Cli, home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        mute = Cli(cli.home, {**cli.extra, "HF_ENDPOINT": url, "HF_HUB_ETAG_TIMEOUT": "1"})
        started = time.monotonic()
        done = mute.run("model", "import", "--no-smoke", "hf:org/tiny", code=5)
    assert "can't reach" in done.stderr
    assert time.monotonic() - started < 15
    assert is_empty(home)


def test_a_server_that_is_no_hub_is_told(cli: Cli, home: Home) -> None:
    page = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nContent-Type: text/html\r\n\r\n<html>"

    def answer(server: socket.socket) -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                connection.sendall(page)

    with socket.create_server(("127.0.0.1", 0)) as portal:
        threading.Thread(target=answer, args=(portal,), daemon=True).start()
        url = f"http://127.0.0.1:{portal.getsockname()[1]}"
        other = Cli(cli.home, {**cli.extra, "HF_ENDPOINT": url})
        done = other.run("model", "import", "--no-smoke", "hf:org/tiny", code=5)
        portal.shutdown(socket.SHUT_RDWR)
    assert "does not answer as a hub does" in done.stderr
    assert is_empty(home)


def test_offline_without_a_copy_is_told_at_once(hub: Hub, cli: Cli, home: Home) -> None:
    offline = Cli(cli.home, {**cli.extra, "HF_HUB_OFFLINE": "1"})
    done = offline.run("model", "import", "--no-smoke", "hf:org/tiny", code=3)
    assert "was never fetched" in done.stderr and "HF_HUB_OFFLINE" in done.stderr
    assert hub.requests == []
    assert is_empty(home)
