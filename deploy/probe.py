"""Ask the web server of this container whether it is alive; the exit code is the answer."""

import http.client
import os
import sys

port = int(os.environ.get("BIND", "127.0.0.1:8000").rpartition(":")[2])
host = os.environ.get("ALLOWED_HOSTS", "localhost").split(",")[0].strip().lstrip(".")
server = http.client.HTTPConnection("127.0.0.1", port, timeout=4)
try:
    server.request("GET", "/healthz", headers={"Host": host})
    sys.exit(server.getresponse().status != 200)
except OSError as reason:
    sys.exit(str(reason))
