"""The web server of production: gunicorn --config deploy/gunicorn.conf.py spa.wsgi."""

import os
import shutil
import tempfile
from typing import Any

COUNTS = "PROMETHEUS_MULTIPROC_DIR"

bind = os.environ.get("BIND", "127.0.0.1:8000")
# Two for each core, and one; with the threads not more than PostgreSQL has connections for.
workers = int(os.environ.get("WEB_CONCURRENCY") or min(2 * (os.cpu_count() or 1) + 1, 17))
threads = 4
graceful_timeout = 30
# Of an address with what is asked, and of the headers: no page of ours needs more.
limit_request_line = 4094
limit_request_fields = 60
limit_request_field_size = 8190
# In memory: a slow disk must not look like a worker that hangs.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108, PTH112
control_socket_disable = True
accesslog = "-"
logger_class = "spa.server_log.JsonLogger"


def on_starting(server: Any) -> None:
    """Let each worker count in files of its own; any of them adds all up for /metrics."""
    os.environ[COUNTS] = tempfile.mkdtemp(prefix="spa-metrics-", dir=worker_tmp_dir)


def child_exit(server: Any, worker: Any) -> None:
    """Let go of what only living workers tell; what a worker has counted stays."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(worker.pid)


def on_exit(server: Any) -> None:
    """Leave no files behind."""
    shutil.rmtree(os.environ[COUNTS], ignore_errors=True)
