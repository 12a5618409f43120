"""A file of data as it is opened: plain or gzip, its bytes as text, its faults as sentences.

Bytes that are no UTF-8 are carried through the parsers as lone surrogates, so that they are
reported by row and column rather than by offset.
"""

from __future__ import annotations

import gzip
import io
import re
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO

from fmtui.data.readers.broken import LONE
from fmtui.errors import BadInputError, NotFoundError

LONGEST = 64 * 1024 * 1024
"""Characters of a line or a field; what is longer is no row of data."""

_ESCAPED = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
_MAGIC = {
    b"\x1f\x8b": ("gzip", "Let its name end in .gz, such as `{name}.gz`."),
    b"PAR1": ("parquet", "Let its name end in .parquet."),
    b"PK\x03\x04": ("a zip archive, as xlsx files are", "Save the data as csv."),
    b"ARROW1": ("an Arrow file", "Save it as parquet."),
    b"SQLite format 3": ("an SQLite database", "Save the rows as csv."),
}
_POINTER = b"version https://git-lfs.github.com/"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_UTF8_MARK = b"\xef\xbb\xbf"


class DataFile:
    """One file. `suspect` is set once a line was read that may hold what no text holds."""

    def __init__(self, path: Path, name: str) -> None:
        self.path = path
        self.name = name
        self.suspect = False
        self._damaged = False
        self._check()

    @property
    def suffix(self) -> str:
        """The ending that tells the form: `.csv` of `train.csv.gz`."""
        return suffix(self.path)

    @property
    def packed(self) -> bool:
        return self.path.suffix.lower() == ".gz"

    def lines(self, newline: str = "\n") -> Iterator[str]:
        """The lines with their ends. `newline` is as of `open`; `""` splits at any line end."""
        read = 0
        with self._reading(lambda: read), self._open() as raw:
            text = io.TextIOWrapper(raw, "utf-8-sig", "surrogateescape", newline)
            for line in iter(partial(text.readline, LONGEST), ""):
                if len(line) == LONGEST:
                    raise BadInputError(
                        f"line {read + 1:,} is longer than {LONGEST // 2**20} MiB",
                        file=self.name,
                        hint="Is it text, with one row a line?",
                    )
                read += 1
                if not self.suspect:
                    self.suspect = _doubtful(line)
                yield line

    def text(self) -> str:
        """All of it."""
        content = self.content().removeprefix(_UTF8_MARK).decode("utf-8", "surrogateescape")
        self.suspect = self.suspect or _doubtful(content)
        return content

    def content(self) -> bytes:
        """All of its bytes, unpacked."""
        with self._reading(), self._open() as raw:
            return raw.read()

    def start(self, size: int = 64 * 1024) -> str:
        """Its first characters, to look at what it is."""
        with self._reading(), self._open() as raw:
            head = raw.read(size)
        return head.removeprefix(_UTF8_MARK).decode("utf-8", "replace")

    def prove(self) -> None:
        """Raise where the file is damaged: its sums stand at its end, and what stands before may
        have been taken for rows. What was told of it already is not told again."""
        if self.packed and not self._damaged:
            with self._reading(), self._open() as raw:
                while raw.read(1 << 20):
                    pass

    def _open(self) -> IO[bytes]:
        return gzip.open(self.path, "rb") if self.packed else self.path.open("rb")  # type: ignore[return-value]

    @contextmanager
    def _reading(self, line: object = None) -> Iterator[None]:
        """What goes wrong while bytes come, as a sentence; `line` tells how many were read."""
        try:
            yield
        except EOFError as error:
            self._damaged = True
            after = f" after line {line():,}" if callable(line) else ""
            raise BadInputError(
                f"the gzip file is cut short{after}", file=self.name, hint="Copy it anew."
            ) from error
        except (gzip.BadGzipFile, zlib.error) as error:
            self._damaged = True
            raise BadInputError(
                f"the gzip file is damaged: {error}", file=self.name, hint="Copy it anew."
            ) from error
        except OSError as error:
            raise BadInputError(
                f"can't be read: {error.strerror or error}", file=self.name
            ) from error

    def _check(self) -> None:
        """Raise unless it is a regular file whose first bytes can be data."""
        try:
            status = self.path.stat()
        except FileNotFoundError:
            raise NotFoundError(f"there is no file {self.path}") from None
        except OSError as error:
            raise BadInputError(f"can't be opened: {error.strerror}", file=self.name) from error
        if stat.S_ISDIR(status.st_mode):
            raise BadInputError(
                "is a folder",
                file=self.name,
                hint="Name a file of data, or a folder that `datasets.save_to_disk` wrote.",
            )
        if not stat.S_ISREG(status.st_mode):
            raise BadInputError(
                "is no regular file", file=self.name, hint="Save the data to a file first."
            )
        if not status.st_size:
            raise self.empty()
        with self._reading(), self._open() as raw:
            head = raw.read(512)
        self._check_start(head)

    def _check_start(self, head: bytes) -> None:
        if not head:
            raise self.empty()
        if head.startswith(_POINTER):
            raise BadInputError(
                "is a pointer of Git LFS, not the file itself",
                file=self.name,
                hint="Fetch it with `git lfs pull`.",
            )
        if not any(head):
            raise BadInputError(
                "begins with nothing but NUL bytes", file=self.name, hint="Copy it anew."
            )
        if self.suffix != ".parquet":
            for magic, (what, hint) in _MAGIC.items():
                if head.startswith(magic):
                    raise BadInputError(
                        f"is compressed ({what})" if what == "gzip" else f"is {what}, not text",
                        file=self.name,
                        hint=hint.format(name=self.path.name),
                    )
            if head[:2] in _UTF16 or _zeros(head):
                raise BadInputError("is UTF-16 text", file=self.name, hint="Save it as UTF-8.")

    def empty(self) -> BadInputError:
        """The error for a file with nothing in it."""
        return BadInputError(
            "the file is empty", file=self.name, hint="Is it the right file, and written whole?"
        )


def suffix(path: Path) -> str:
    """The ending that tells the form of a file, in lower case, `.gz` taken off."""
    name = path.name.lower()
    return Path(name.removesuffix(".gz")).suffix


def stem(path: Path) -> str:
    """A file's name without its endings: `train` of `train.csv.gz`."""
    name = path.name
    if name.lower().endswith(".gz"):
        name = name[:-3]
    return Path(name).stem


def _doubtful(text: str) -> bool:
    """Whether a NUL or half a character may come out of it; to be found out cell by cell."""
    if "\0" in text or ("\\u" in text and _ESCAPED.search(text)):
        return True
    return not text.isascii() and LONE.search(text) is not None


def _zeros(head: bytes) -> bool:
    """Whether every other byte is 0, as in UTF-16 of a European language without its mark."""
    pairs = len(head) // 2
    zeros = max(head[0::2].count(0), head[1::2].count(0))
    return pairs >= 4 and zeros > pairs * 0.8
