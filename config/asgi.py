"""The ASGI application: HTTP to Django, sockets to the consumers."""

from __future__ import annotations

import os

from channels.routing import ProtocolTypeRouter
from django.conf import settings
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
http = get_asgi_application()

# Models can be imported only now that Django is set up.
from config.checks import refuse_contradictions  # noqa: E402
from config.health import PROBES  # noqa: E402
from config.prefix import with_prefix, without_prefix  # noqa: E402
from config.routing import websockets  # noqa: E402

refuse_contradictions()
application = ProtocolTypeRouter(
    {
        "http": with_prefix(http, settings.PATH_PREFIX, tuple(PROBES)),
        "websocket": without_prefix(websockets, settings.PATH_PREFIX),
    }
)
