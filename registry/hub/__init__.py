"""Models on a hub: what it lists, fetching into the hub's own cache, checking what came.

`huggingface_hub` is imported inside the functions: it is slow, and it reads HF_ENDPOINT,
HF_TOKEN, HF_HOME and HF_HUB_OFFLINE when it is imported. The cache keeps the library's layout
(`models--ORG--NAME/{blobs,refs,snapshots}`), so that other tools share it.
"""

from registry.hub.cache import cache_folder, is_cached, lacking, repo_folder
from registry.hub.fetch import fetch
from registry.hub.listing import look_up
from registry.hub.views import HubFile, Listing

__all__ = [
    "HubFile", "Listing", "cache_folder", "fetch", "is_cached", "lacking", "look_up", "repo_folder",
]  # fmt: skip
