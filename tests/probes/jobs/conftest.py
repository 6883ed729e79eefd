"""Every kind of job is run against computing elements on loopback."""

import pytest


@pytest.fixture(autouse=True)
def _loopback_is_allowed(settings):
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update={"denied_networks": []})
