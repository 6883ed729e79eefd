"""Addresses of static files that bear a digest of the content: cached for ever, right after every change."""

import hashlib
from functools import cache
from pathlib import Path

from django.contrib.staticfiles import finders
from django.templatetags.static import static


@cache
def asset_url(name: str) -> str:
    """The address of a static file with its digest. Raises FileNotFoundError for a name that no package has."""
    path = finders.find(name)
    if not isinstance(path, str):
        raise FileNotFoundError(f"no static file {name!r}")
    return f"{static(name)}?{hashlib.sha256(Path(path).read_bytes()).hexdigest()[:12]}"
