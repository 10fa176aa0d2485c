# Two commands. Both are plain scripts that work without make.
.PHONY: demo test

demo: ## A real Airflow with the example DAGs, against a local Pipedrive: python3 tools/demo.py
	python3 tools/demo.py

test: ## Linter, types and tests on the newest and the oldest Airflow: python3 tools/test.py
	python3 tools/test.py
