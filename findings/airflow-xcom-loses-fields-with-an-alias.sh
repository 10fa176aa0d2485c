#!/bin/sh
# Airflow 3.3.2 (task SDK 1.3.2, pydantic 2.14.3) gives a task another model than the one that was pushed to XCom: a
# field with an alias comes back with its default, without an error. A secret of pydantic comes back as ten asterisks.
#
# Seen: pushed  id=7 owner_id=12 token=SecretStr("s3cr3t"), where owner_id has the alias "ownerId"
#       pulled  id=7 owner_id=None token=SecretStr("**********")
# Valid input: models of an API in camel case are written so, and the documentation names pydantic models among the
# values that XCom takes. A model whose aliased field has no default cannot be pulled at all.
# Why: the serializer (sdk/serde/serializers/pydantic.py) writes `model_dump(mode="json")`, that is by the fields'
# names, and reads with `model_validate`, which looks for aliases and ignores what it does not know.
#
# Exits 1 if this has changed. Needs Python 3.11 as python3 and a package index; sends nothing.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check --no-compile \
    apache-airflow-core==3.3.2 apache-airflow-task-sdk==1.3.2 pydantic==2.14.3
export AIRFLOW_HOME="$folder/airflow" AIRFLOW__CORE__ALLOWED_DESERIALIZATION_CLASSES='__main__.*'
timeout 120 "$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys
from types import SimpleNamespace

from airflow.sdk.bases.xcom import BaseXCom
from pydantic import BaseModel, Field, SecretStr


class Deal(BaseModel):
    id: int
    owner_id: int | None = Field(default=None, alias="ownerId")
    token: SecretStr


pushed = Deal.model_validate({"id": 7, "ownerId": 12, "token": "s3cr3t"})
pulled = BaseXCom.deserialize_value(SimpleNamespace(value=BaseXCom.serialize_value(pushed)))
print("pushed", repr(pushed), pushed.token.get_secret_value())
print("pulled", repr(pulled), pulled.token.get_secret_value())
lost = pushed.owner_id == 12 and pulled.owner_id is None and pulled.token.get_secret_value() == "*" * 10
sys.exit(0 if pulled.id == 7 and lost else 1)
PYTHON
