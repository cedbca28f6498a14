"""The web application, for gunicorn."""

import os

from django.core.wsgi import get_wsgi_application

from spa.logs import guard_server_logs

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "spa.settings")
# Read by the settings: what people wait for has shorter limits than commands and the worker.
os.environ["SPA_SERVES_PAGES"] = "yes"
application = get_wsgi_application()
guard_server_logs()
