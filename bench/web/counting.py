"""How much SQL a request takes; for measurements only."""

from collections.abc import Callable
from typing import Any

from django.db import connection
from django.http import HttpRequest
from django.http.response import HttpResponseBase

GetResponse = Callable[[HttpRequest], HttpResponseBase]


def count_queries(get_response: GetResponse) -> GetResponse:
    """Tell the number of statements of each request in the header ``X-Queries``."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        count = 0

        def counted(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
            nonlocal count
            count += 1
            return execute(sql, params, many, context)

        with connection.execute_wrapper(counted):
            response = get_response(request)
        response["X-Queries"] = str(count)
        return response

    return middleware
