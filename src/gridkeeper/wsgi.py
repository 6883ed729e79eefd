"""The WSGI application that a web process serves."""

import atexit
import gc
import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from gridkeeper.lake import scan

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gridkeeper.settings")
application = get_wsgi_application()

# In the parent, once for all its workers, and not in the first page that asks for facts.
scan.preload()

# What is loaded stays: the garbage collector need not walk it again, which took 0.1 s every few batches of results.
_ = get_resolver().url_patterns
gc.collect()
gc.freeze()
atexit.register(gc.unfreeze)  # at the end the extensions look for what is left over, and report it
