"""The log of production: one JSON object a line, made so that it can name nobody.

Each line has ``time`` (UTC), ``level``, ``logger`` and ``message``, and where they are known the
``request_id`` and the ``task`` it belongs to. Nothing else that a record carries is told, except
for ``ALLOWED``.
"""

import logging
from typing import Any

import structlog
from structlog.typing import EventDict

from spa.faults import story, title, without_words
from spa.logs import blank

ALLOWED = ("request_id", "status_code", "seconds", "bytes", "view")


def formatter() -> logging.Formatter:
    """Return the formatter, for Django's settings, Celery and gunicorn alike."""
    return Formatter(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", key="time"),
            structlog.stdlib.ExtraAdder(allow=ALLOWED),
            structlog.contextvars.merge_contextvars,
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _tell_the_fault,
            structlog.processors.EventRenamer("message"),
            _blank_all,
            structlog.processors.JSONRenderer(default=_type_only, sort_keys=False),
        ],
    )


class Formatter(structlog.stdlib.ProcessorFormatter):
    """It tells exceptions among a record's arguments by their type."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON."""
        record = logging.makeLogRecord(record.__dict__)
        if isinstance(record.args, tuple):
            record.args = tuple(_told(one) for one in record.args)
        return super().format(record)


def _told(argument: object) -> object:
    return title(argument) if isinstance(argument, BaseException) else argument


def _tell_the_fault(_logger: Any, _name: str, line: EventDict) -> EventDict:
    """Replace the exception by its story, and its words in the message by its type."""
    line.pop("stack_info", None)
    error = (line.pop("exc_info", None) or (None, None, None))[1]
    if error is not None:
        line["event"] = without_words(line["event"], error)
        line["exception"] = story(error)
    return line


def _blank_all(_logger: Any, _name: str, line: EventDict) -> EventDict:
    return {key: blank(value) if isinstance(value, str) else value for key, value in line.items()}


def _type_only(value: object) -> str:
    """Stand for a value that JSON does not know: what it would say of itself may name somebody."""
    return type(value).__name__
