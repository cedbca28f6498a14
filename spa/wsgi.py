"""The web application, for gunicorn."""

import os

from django.core.wsgi import get_wsgi_application

from spa.logs import guard_server_logs

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "spa.settings")
application = get_wsgi_application()
guard_server_logs()
