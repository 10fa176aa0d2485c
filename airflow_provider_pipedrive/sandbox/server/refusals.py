"""Every refusal of the sandbox, in Pipedrive's words and envelopes.

https://pipedrive.readme.io/docs/core-api-concepts-responses
"""

from __future__ import annotations

from typing import Any

from airflow_provider_pipedrive.sandbox.server.messages import Response

_INFO = "Please check developers.pipedrive.com for more information about Pipedrive API."
_GATEWAY_INFO = "Please check developers.pipedrive.com"
BLOCKED_PAGE = (
    b"<!DOCTYPE html><html><head><title>Access denied</title></head><body><h1>Error 1015</h1>"
    b"<p>This error is produced by Cloudflare. You are being rate limited.</p></body></html>"
)


class Refusal(Exception):
    """An answer that ends the handling of a request."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


def refuse(status: int, error: str, info: str = _INFO, **more: Any) -> Refusal:
    """The usual envelope of an error in v1 and v2."""
    document = {"success": False, "error": error, "error_info": info, "data": None, "additional_data": None, **more}
    return Refusal(Response(document, status))


def _gateway(status: int, error: str, *headers: tuple[str, str]) -> Refusal:
    document = {"success": False, "error": error, "errorCode": status, "error_info": _GATEWAY_INFO}
    return Refusal(Response(document, status, list(headers)))


def unauthorized() -> Refusal:
    """No credential, or one that is unknown or expired."""
    return _gateway(401, "unauthorized access", ("x-401-by-gw", "1"))


def malformed_authorization() -> Refusal:
    """An ``Authorization`` header that is not ``Bearer <token>``."""
    return _gateway(400, "The authorization header is malformed. It must be 'Bearer <access token>'.")


def scope_mismatch() -> Refusal:
    """The grant lacks every scope that the operation accepts."""
    return _gateway(403, "Scope and URL mismatch")


def unknown_path() -> Refusal:
    """There is no such path."""
    return Refusal(Response({"success": False, "error": "Unknown method ."}, 404))


def wrong_method(allowed: list[str]) -> Refusal:
    """The path exists, but not with this method."""
    response = Response({"success": False, "error": "Method not allowed"}, 405, [("allow", ", ".join(sorted(allowed)))])
    return Refusal(response)


def gone(what: str) -> Refusal:
    """An operation that Pipedrive has taken away, or a thing that v1 calls gone."""
    return refuse(410, what)


def not_found(thing: str) -> Refusal:
    """No record of this id that the caller may see."""
    return refuse(404, f"{thing} not found")


def bad_request(error: str = "Bad request", info: str = _INFO, **more: Any) -> Refusal:
    """v1's answer to input that it cannot use."""
    return refuse(400, error, info, **more)


def invalid(name: str, reason: str, field_code: str | None = None) -> Refusal:
    """v2's answer to input that does not fit its schema. ``field_code`` stands with errors of custom fields."""
    document = {
        "success": False,
        "error": f"Validation failed: {name}: {reason}",
        "code": "ERR_SCHEMA_VALIDATION_FAILED",
    }
    if field_code:
        document["field_code"] = field_code
    return Refusal(Response(document, 400))


def short(status: int, error: str) -> Refusal:
    """The short envelope of users, product fields and teams."""
    return Refusal(Response({"success": False, "error": error}, status))


def webhook(status: int, errors: dict[str, list[str]]) -> Refusal:
    """The envelope of the webhooks' operations."""
    return Refusal(Response({"status": "error", "success": False, "errors": errors}, status))


def burst(headers: list[tuple[str, str]]) -> Refusal:
    """429: too many requests in the rolling window."""
    document = {"success": False, "error": "request over limit", "errorCode": 429, "error_info": _GATEWAY_INFO}
    return Refusal(Response(document, 429, headers))


def daily(headers: list[tuple[str, str]]) -> Refusal:
    """429: the company's tokens of the day are spent."""
    return Refusal(Response({"success": False, "error": "daily request budget exceeded"}, 429, headers))


def blocked() -> Refusal:
    """The HTML 403 that punishes traffic which continues after 429."""
    return Refusal(Response(status=403, content=BLOCKED_PAGE, content_type="text/html; charset=UTF-8"))


def server_error(status: int) -> Refusal:
    """5xx."""
    if status in (502, 504):
        title = "502 Bad Gateway" if status == 502 else "504 Gateway Time-out"
        page = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>".encode()
        return Refusal(Response(status=status, content=page, content_type="text/html"))
    text, code = (
        ("Service Unavailable", "ERR_UNAVAILABLE") if status == 503 else ("Internal Server Error", "ERR_UNKNOWN")
    )
    return Refusal(Response({"success": False, "error": text, "code": code}, status))


def redirect(location: str) -> Refusal:
    """302: a gateway wants the client elsewhere, which the API itself never does."""
    return Refusal(Response(status=302, content=b"", headers=[("location", location)]))


def oauth(error: str, description: str) -> Refusal:
    """400 of the OAuth host.

    https://pipedrive.readme.io/docs/marketplace-oauth-and-api-proxy-status-codes
    """
    document = {"success": False, "error": error, "error_description": description, "message": description}
    return Refusal(Response(document, 400))
