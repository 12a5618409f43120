"""`fmtui web`: the TUI reaches a browser that has the key, and no other."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator

import aiohttp
import pytest

from fmtui.errors import ConflictError, UsageError
from fmtui.services import web


@pytest.fixture
def address() -> Iterator[str]:
    """The one that is printed, key included."""
    process = subprocess.Popen(
        [sys.executable, "-m", "fmtui", "web", "--port", "0"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    yield process.stdout.readline().strip()
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=20)
    assert (process.returncode, rest) == (0, "")


async def test_only_who_has_the_key_sees_the_tui(address: str) -> None:
    base, _, key = address.partition("/?key=")
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", base) and len(key) >= 32
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
        for path in ("/", "/ws", "/static/js/textual.js", "/?key=wrong"):
            async with browser.get(base + path) as refused:
                assert refused.status == 403
        async with browser.get(address) as page:
            assert (page.status, str(page.url)) == (200, f"{base}/")
            text = await page.text()
            assert key not in text
            # Nothing is fetched from elsewhere: it works offline, and tells nobody.
            assert not re.search(r"(src|href)=\"(https?:)?//", text)
        with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
            await browser.ws_connect(f"{base}/ws", headers={"Origin": "http://evil.example"})
        seen = ""
        async with browser.ws_connect(
            f"{base}/ws?width=100&height=30", headers={"Origin": base}
        ) as socket:
            await socket.send_json(["resize", {"width": 100, "height": 30}])
            while "Catalog" not in seen:
                message = await socket.receive(timeout=30)
                assert message.type == aiohttp.WSMsgType.BINARY, message
                seen += message.data.decode(errors="replace")


def test_a_port_that_is_taken_is_told_of(address: str) -> None:
    port = int(address.split(":")[2].split("/")[0])
    with pytest.raises(ConflictError, match="can't be bound"):
        web.serve(web.LOOPBACK, port, told=print)
    with pytest.raises(UsageError, match="no address"):
        web.serve("no.such.host.invalid", 0, told=print)
