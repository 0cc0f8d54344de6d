# Everything a newcomer needs: `make run` and `make test`. Both set up .venv on first use.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test chaos venv check lock

run: venv
	$(BIN)/meta-harness run --iterations 6
	$(BIN)/meta-harness test

test: venv
	$(BIN)/python -m pytest

# 200 SIGKILLs and other disturbances over small searches, each compared with an undisturbed one:
# ten minutes. More or fewer: make chaos KILLS=60 SEED=7.
KILLS ?= 200
SEED ?= 0
chaos: venv
	PYTHONPATH=tests $(BIN)/python -m chaos.driver --kills $(KILLS) --seed $(SEED)

venv: $(VENV)/ready

$(VENV)/ready: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable . --config-settings editable_mode=compat
	touch $@

# Lint and types, as CI runs them.
check: venv
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# Resolve again after a change of the dependencies (needs uv).
lock:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-emit-find-links --custom-compile-command 'make lock' --extra dev pyproject.toml -o requirements.lock
