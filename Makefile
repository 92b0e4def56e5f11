# `make run` starts the dashboard, `make test` runs every check. Both make what they need first.
.POSIX:
.PHONY: help run test coverage bench prepared soak audit lock clean

help:
	@echo "make run     start the dashboard on http://localhost:8501"
	@echo "make test    all checks: style, types, every test (what CI runs)"
	@echo "make coverage measure which branches of the engine its tests take"
	@echo "make bench   measure beside the lesson's own code, and write the README's table"
	@echo "make prepared train the runs that come with the project"
	@echo "make soak    kill workers and servers, press Train by the hundred, send hostile addresses: for hours"
	@echo "make audit   look for known vulnerabilities in requirements.txt"
	@echo "make lock    compile requirements.in and requirements-dev.in (UPGRADE=--upgrade for newer releases)"
	@echo "make clean   remove what tests and tools leave behind (.venv and runs/ stay)"
	@echo
	@echo "PYTHON=/path/to/python3.11 chooses the Python that .venv is made with."

# exec: the server itself gets Ctrl-C and SIGTERM, no shell stands between
run:
	@PYTHON="$(PYTHON)" tools/environment.sh run
	@exec .venv/bin/python -m streamlit run dashboard.py $(STREAMLIT_FLAGS)

# One shuffle for everybody, so that a failure can be seen again; PYTEST_FLAGS=--randomly-seed=1 is another.
test:
	@PYTHON="$(PYTHON)" tools/environment.sh dev
	@.venv/bin/python tests/browser/chromium.py
	.venv/bin/python -m ruff check .
	.venv/bin/python -m ruff format --check .
	.venv/bin/python -m mypy
	.venv/bin/python -m pytest -n 2 --dist loadgroup --randomly-seed=1688255743 $(PYTEST_FLAGS)

coverage:
	@PYTHON="$(PYTHON)" tools/environment.sh dev
	.venv/bin/python -m pytest tests/core -n 2 --dist loadgroup --randomly-seed=1688255743 \
		--cov --cov-report=term-missing:skip-covered $(PYTEST_FLAGS)

bench:
	@PYTHON="$(PYTHON)" tools/environment.sh dev
	@.venv/bin/python tests/browser/chromium.py
	.venv/bin/python -m benchmarks

prepared:
	@PYTHON="$(PYTHON)" tools/environment.sh run
	.venv/bin/python -m fmnist_core.prepared.make_runs

# the long forms of tests whose short forms are part of `make test`
soak:
	@PYTHON="$(PYTHON)" tools/environment.sh dev
	@.venv/bin/python tests/browser/chromium.py
	FMNIST_KILLS=1000 FMNIST_TRAININGS=20 FMNIST_SERVER_KILLS=100 .venv/bin/python -m pytest -p no:randomly \
		-o faulthandler_timeout=0 tests/core/test_shelves.py tests/core/test_cluster.py \
		tests/browser/test_hosting.py -k "killed or tls"
	.venv/bin/python -m benchmarks.killed_workers 50
	.venv/bin/python -m benchmarks.load 30 20
	.venv/bin/python -m benchmarks.soak 2000
	.venv/bin/python -m benchmarks.hostile 10000
	.venv/bin/python -m benchmarks.naughty

# --strict: a dependency that could not be looked up fails the audit, instead of passing for sound
audit:
	@PYTHON="$(PYTHON)" tools/environment.sh dev
	.venv/bin/python -m pip_audit --strict --disable-pip --require-hashes -r requirements.txt

# uv, because pip cannot lock for all systems at once; in an environment of its own, as nothing else needs it
# --no-strip-extras: older pips ask for the extra of a package by itself, and take its newest release if the lock names none
COMPILE = .venv/lock/bin/uv pip compile -q --no-header --no-strip-extras --universal --python-version 3.11 --generate-hashes $(UPGRADE)
lock:
	@PYTHON="$(PYTHON)" tools/environment.sh run
	@test -x .venv/lock/bin/uv || { .venv/bin/python -m venv .venv/lock && \
		.venv/lock/bin/python -m pip install -qq --disable-pip-version-check uv; }
	$(COMPILE) requirements.in -o requirements.txt
	$(COMPILE) requirements-dev.in -c requirements.txt -o requirements-dev.txt

clean:
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage htmlcov test-results dask-scratch-space
	find . -name .venv -prune -o -name __pycache__ -type d -exec rm -rf {} +
