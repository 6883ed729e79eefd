"""Every test of this package has an installation of its own: database, lake, operations VO dteam."""

import pytest
from django.conf import settings
from django.test import override_settings


@pytest.fixture
def installation(db, tmp_path):
    config = settings.GRIDKEEPER.model_copy(update={"data_dir": tmp_path, "operations_vo": "dteam"})
    with override_settings(GRIDKEEPER=config):
        yield
