#!/bin/sh
# Airflow 2.11.2: which error get_current_context raises outside of a task depends on a package that a DAG does not
# name. By one import, airflow.providers.common.compat.sdk (common.compat 1.23.0), it is AirflowException on an Airflow
# alone, and RuntimeError as soon as apache-airflow-providers-standard is installed next to it.
#
# Seen: without providers-standard  airflow.operators.python                     AirflowException, no RuntimeError
#       with it, 1.21.0             airflow.providers.standard.operators.python  RuntimeError, no AirflowException
# Valid input: code that may or may not run in a task, such as a hook in a script, has no other way to ask.
# Why: the package prefers the standard provider's function, which on Airflow 2 has a body of its own, to the one of
#       Airflow's core. Code that catches one of the errors breaks on the other installation.
#
# Exits 1 if this has changed. Needs Python 3.11 as python3 and a package index; sends nothing.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export AIRFLOW_HOME="$folder/airflow" AIRFLOW__CORE__LOAD_EXAMPLES=False
python3 -m venv "$folder/venv"
pip() { "$folder/venv/bin/pip" install -q --disable-pip-version-check --no-compile "$@"; }
seen() {
    "$folder/venv/bin/python" -W ignore - <<'PYTHON' | tail -n 1
from airflow.exceptions import AirflowException
from airflow.providers.common.compat.sdk import get_current_context

try:
    get_current_context()
except Exception as error:
    print(get_current_context.__module__, isinstance(error, AirflowException), isinstance(error, RuntimeError))
PYTHON
}
pip apache-airflow==2.11.2 apache-airflow-providers-common-compat==1.23.0
alone=$(seen)
pip apache-airflow==2.11.2 apache-airflow-providers-common-compat==1.23.0 apache-airflow-providers-standard==1.21.0
both=$(seen)
echo "without the standard provider: $alone"
echo "with it: $both"
[ "$alone" = "airflow.operators.python True False" ]
[ "$both" = "airflow.providers.standard.operators.python False True" ]
