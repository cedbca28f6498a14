"""The settings of production, with the SQL of a request counted in a header of its answer."""

from spa.settings import *  # noqa: F403
from spa.settings import MIDDLEWARE

MIDDLEWARE = ["bench.web.counting.count_queries", *MIDDLEWARE]
