"""The stand-in by itself, to try things by hand: `python -m tests.azure.standin FOLDER [N]`.

Prints the environment that reaches it as lines for a shell, publishes N further models, starts the
blob store where it is installed, and serves until its input ends.
"""

from __future__ import annotations

import shlex
import sys
from contextlib import ExitStack
from pathlib import Path

from tests.azure import azurite
from tests.azure.standin import server, workspace
from tests.azure.standin.certificates import make
from tests.azure.standin.models import publish
from tests.azure.standin.registry import put_model


def main() -> None:
    folder = Path(sys.argv[1])
    more = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    certificates = make(folder, server.NAMES)
    with ExitStack() as stack:
        stand_in = stack.enter_context(server.running(folder, certificates))
        if azurite.installed():
            stand_in.use(stack.enter_context(azurite.running(certificates, "standinstore")))
        publish(stand_in.world)
        workspace.add_cluster(stand_in.world, "gpu-cluster", "Standard_NC6s_v3")
        for number in range(more):
            tags = {"task": "text-classification", "license": "apache-2.0"}
            put_model(stand_in.world, f"model-{number:04}", "1", tags=tags, description="A model.")
        stand_in.world.pace = 1.0
        for name, value in stand_in.environment().items():
            print(f"export {name}={shlex.quote(value)}")
        print("", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
