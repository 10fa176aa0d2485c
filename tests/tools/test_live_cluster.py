"""The nginx configuration of the manual is the one that the trial with several machines runs."""

from __future__ import annotations

import re

import live_cluster
import pytest


def lines_of(text: str) -> list[str]:
    return [" ".join(line.partition("#")[0].split()) for line in text.splitlines() if line.partition("#")[0].strip()]


def test_the_manuals_lines_are_run_as_written_but_for_addresses_the_path_and_tls() -> None:
    assert lines_of(live_cluster.manual_server(8443, ["127.0.0.1:8001", "127.0.0.1:8002"])) == [
        "upstream airflow-api-servers {",
        "server 127.0.0.1:8001;",
        "server 127.0.0.1:8002;",
        "}",
        "server {",
        "listen 127.0.0.1:8443;",
        "server_name airflow.example.com;",
        "location /team/airflow/ {",
        "proxy_pass http://airflow-api-servers;",
        "proxy_set_header Host $http_host;",
        "proxy_set_header X-Forwarded-Proto https;",
        "}",
        "location /team/airflow/pipedrive/webhook/ {",
        "access_log off;",
        "client_max_body_size 1m;",
        "limit_except POST { deny all; }",
        "proxy_pass http://airflow-api-servers;",
        "proxy_read_timeout 15s;",
        "proxy_set_header Host $http_host;",
        "proxy_set_header X-Forwarded-Proto https;",
        "}",
        "}",
    ]


@pytest.mark.parametrize("count", [1, 3])
def test_other_addresses_than_those_of_the_manual_are_found(count: int) -> None:
    with pytest.raises(ValueError, match=re.escape("The manual's nginx configuration has")):
        live_cluster.manual_server(8443, [f"127.0.0.1:{8001 + n}" for n in range(count)])
