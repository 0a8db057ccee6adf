"""Settings of the test runs: the site's own, on a data directory of their own."""

import atexit
import os
import shutil
import tempfile

_data = tempfile.mkdtemp(prefix="unmask-tests-")
atexit.register(shutil.rmtree, _data, ignore_errors=True)
os.environ["DATA_DIR"] = _data
for _name in ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "DEBUG", "ALLOWED_HOSTS", "MODELS_DIR"):
    os.environ.pop(_name, None)
for _name in [name for name in os.environ if name.startswith("HF_")]:
    os.environ.pop(_name)

from config.settings import *  # noqa: E402, F403

# Argon2 is slow on purpose, which tests do not need.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# Several processes of tests share a few cores.
TORCH_THREADS = 1

INSTALLED_APPS = [*INSTALLED_APPS, "tests.core.errands"]  # noqa: F405
