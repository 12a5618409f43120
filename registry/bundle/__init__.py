"""A bundle: models with their lineage, runs and facts of their data, in one tar file.

`manifest.json` comes first and names every other member; those are `files/SHA256`, each once, so
the same bytes are never in it twice. Nothing in it tells when, where or by whom it was written:
the same models make the same bytes. What is read is checked in full before anything of it is
registered.
"""

from registry.bundle.read import load
from registry.bundle.register import Imported
from registry.bundle.write import export

__all__ = ["Imported", "export", "load"]
