"""Keeping the memory that tensors gave back, instead of asking the kernel for it again.

Each step of a training on a CPU allocates what the last one freed. The C library returns large
blocks to the kernel, which hands them out anew page by page, and wipes each: 6 to 8% of the time.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
"""Parameters of mallopt, from malloc.h."""


def keep() -> None:
    """Let freed memory stay in this process; does nothing where the C library is not glibc."""
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP_MAX, 0)
        mallopt(_TRIM_THRESHOLD, -1)


def settle() -> None:
    """Take what was loaded so far for lasting: the garbage collector looks at it no more."""
    gc.collect()
    gc.freeze()
