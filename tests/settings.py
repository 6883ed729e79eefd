"""Settings of the tests: a data folder of their own, so that nothing reaches the developer's."""

import os
import tempfile

for _name in [name for name in os.environ if name.startswith("GRIDKEEPER_") and name != "GRIDKEEPER_REQUIRE_SERVICES"]:
    del os.environ[_name]
if "TEST_DATABASE_URL" in os.environ:  # tests.on_postgres
    os.environ["GRIDKEEPER_DATABASE_URL"] = os.environ["TEST_DATABASE_URL"]
os.environ["GRIDKEEPER_DATA_DIR"] = tempfile.mkdtemp(prefix="gridkeeper-test-")

from gridkeeper.settings import *  # noqa: E402, F403

# Argon2 is slow on purpose; what is tested is not the hash.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
