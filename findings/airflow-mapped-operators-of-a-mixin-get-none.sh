#!/bin/sh
# Airflow 3.3.2: a mapped operator whose class has no __init__ of its own and names another base before BaseOperator
# gets None for `inlets`, `outlets`, `executor_config` and callbacks. Its tasks fail before they start, with
# TypeError: 'NoneType' object is not iterable. The same operator works where it is not mapped.
#
# Seen: class Mixed(Mixin, BaseOperator): execute only       Mixed.partial(task_id="t").expand(x=[1]).inlets is None
#       class Plain(BaseOperator, Mixin): execute only       [] as documented
# Valid input: mixins before the base class are Python's usual order, and Airflow's own providers have such classes.
# Why: BaseOperatorMeta wraps and so sets `__init__` on a class whose first base is not an operator, because it differs
# from that base's; `_get_operator_defaults` then takes it for the class's own, and BaseOperator's signature says None
# where OPERATOR_DEFAULTS has lists and dicts.
# Name BaseOperator first, or give the class an __init__.
#
# Exits 1 if this has changed. Needs Python 3.11 as python3 and a package index; sends nothing.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check --no-compile \
    apache-airflow-core==3.3.2 apache-airflow-task-sdk==1.3.2
export AIRFLOW_HOME="$folder/airflow"
timeout 120 "$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

from airflow.sdk import BaseOperator


class Mixin:
    """Nothing that concerns Airflow."""


class Mixed(Mixin, BaseOperator):
    template_fields = ("x",)

    def execute(self, context):
        return self.x


class Plain(BaseOperator, Mixin):
    template_fields = ("x",)

    def execute(self, context):
        return self.x


def takes(base):
    class Takes(base):
        def __init__(self, *, x=None, **kwargs):
            super().__init__(**kwargs)
            self.x = x

    return Takes


seen = {base.__name__: takes(base).partial(task_id="t").expand(x=[1]).inlets for base in (Mixed, Plain)}
print(seen)
sys.exit(seen != {"Mixed": None, "Plain": []})
PYTHON
echo "as described"
