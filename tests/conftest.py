"""Every test runs with a data folder of its own; nothing reaches the developer's."""

import os
import tempfile

_data_dir = tempfile.mkdtemp(prefix="gridkeeper-test-")
for _name in [name for name in os.environ if name.startswith("GRIDKEEPER_") and name != "GRIDKEEPER_REQUIRE_SERVICES"]:
    del os.environ[_name]
os.environ["GRIDKEEPER_DATA_DIR"] = _data_dir
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
