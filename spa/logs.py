"""What the log must not say."""

import logging
import re

VISIT_LINK = re.compile(r"(/visit/)[^/\s\"']+")


class HideVisitLinks(logging.Filter):
    """Blank the secret part of visit links: who reads a log must not be able to open a visit."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record's message; every record passes."""
        message = record.getMessage()
        if "/visit/" in message:
            record.msg = VISIT_LINK.sub(r"\1…", message)
            record.args = None
        return True
