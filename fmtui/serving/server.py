"""The endpoint's server process: `python -m fmtui.serving.server FOLDER LOCK`.

LOCK is an open file with the lock on `server.lock`, inherited from the supervisor, so that the
lock is held from before this process begins until it ends. SIGHUP: the definition changed.
SIGTERM: answer what was asked, then end.
"""

from __future__ import annotations

import asyncio
import faulthandler
import os
import signal
import sys
from pathlib import Path
from types import FrameType

from fmtui.runs.process import Identity
from fmtui.serving import control
from fmtui.serving.definition import Definition, EndpointFolder
from fmtui.serving.log import log

PORT_TAKEN = 98
"""The exit status when the port can't be had: the supervisor does not try again."""


def main() -> None:
    folder = EndpointFolder(Path(sys.argv[1]))
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until there is a loop to handle it
    os.set_inheritable(int(sys.argv[2]), False)
    identity = Identity.of(os.getpid())
    definition = folder.read()
    if definition is None or definition.wanted != "running" or identity is None:
        return
    folder.status_file.unlink(missing_ok=True)
    identity.save(folder.process_file)
    faulthandler.enable()
    # A deployment is local files; nothing may be fetched for it.
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    asyncio.run(serve(folder, definition))
    # A model that still computes on some thread must not keep the process.
    os._exit(0)


async def serve(folder: EndpointFolder, definition: Definition) -> None:
    """Serve until SIGTERM."""
    import uvicorn

    from fmtui.serving.app import App
    from fmtui.serving.router import Router

    try:
        listener = control.bind(definition.host, definition.port)
    except OSError as error:
        log(f"can't listen on {definition.host} port {definition.port}: {error.strerror or error}")
        os._exit(PORT_TAKEN)
    router = Router(folder, definition)
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, router.reload)
    config = uvicorn.Config(
        App(router),
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=8,
    )
    server = uvicorn.Server(config)

    def end(number: int, frame: FrameType | None) -> None:
        server.should_exit = True

    # uvicorn hands the signal on once it is done; without this it would end the process there.
    signal.signal(signal.SIGTERM, end)
    router.reload()
    log(f"serving {definition.name} at {definition.url}")
    await server.serve(sockets=[listener])
    log("the server ended")


if __name__ == "__main__":
    main()
