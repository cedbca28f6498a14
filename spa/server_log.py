"""gunicorn's own log, in the same JSON lines as the rest."""

from datetime import timedelta
from typing import Any

from gunicorn.glogging import Logger

from spa.json_lines import formatter
from spa.logs import blank
from spa.request_ids import HEADER


class JsonLogger(Logger):
    """It tells which page was asked for, what came of it and how long that took, not by whom."""

    def setup(self, cfg: Any) -> None:
        """Let gunicorn make its handlers, then have them write JSON."""
        super().setup(cfg)
        for log in (self.error_log, self.access_log):
            for handler in log.handlers:
                handler.setFormatter(formatter())

    def access(self, resp: Any, req: Any, environ: dict[str, Any], request_time: timedelta) -> None:
        """Write one line for one answer; the query of the address is left out."""
        if not self.access_log_enabled:
            return
        self.access_log.info(
            "%s %s",
            environ["REQUEST_METHOD"],
            blank(environ["PATH_INFO"]),
            extra={
                "status_code": int(str(resp.status).split(None, 1)[0]),
                "seconds": round(request_time.total_seconds(), 4),
                "bytes": getattr(resp, "sent", None),
                "request_id": dict(resp.headers).get(HEADER),
            },
        )
