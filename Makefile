# Two commands matter at first: `make demo` shows everything, `make test` proves it. `make` alone lists the others.
#
#   make demo ARGS="--reset --port 9000"     or shorter: make demo RESET=1 PORT=9000
#   make test ARGS="-k newborn -x"
#   PYTHON=/path/to/python3 make setup       when the right Python is not found by itself

SHELL := /bin/sh
.DEFAULT_GOAL := help

VENV  := .venv
BIN   := $(VENV)/bin
# Made last: it stands only when everything before it went well, and falls when what it stands on changes.
READY := $(VENV)/.ready
ARGS  ?=
RESET ?=
PORT  ?=

DEMO_ARGS := $(if $(filter-out 0 no false,$(RESET)),--reset) $(if $(PORT),--port $(PORT)) $(ARGS)

# A checker that asks the network whether there is a newer checker has no place in a check.
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help setup demo test check lock bench soak clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

setup: $(READY) ## make .venv with everything for development, exactly as locked
	@:

demo: $(READY) ## the whole house on this machine, with its own PostgreSQL and Temporal
	@exec $(BIN)/onething demo $(DEMO_ARGS)

test: $(READY) ## all tests but the long ones
	$(BIN)/python -m pytest -n 3 --dist loadfile $(ARGS)

check: $(READY) ## style, types, and who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/lint-imports

bench: $(READY) ## benchmarks that print figures
	$(BIN)/python -m bench $(ARGS)

soak: $(READY) ## the long tests: processes killed at any instant, for minutes
	$(BIN)/python -m pytest -m soak $(ARGS)

clean: ## remove .venv and caches; demonstration data stays
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml requirements/production.txt requirements/demo.txt requirements/dev.txt
	@$(find_python); \
	if ! $(BIN)/python -c '' 2>/dev/null; then \
	    echo "Making $(VENV) with $$($$python --version)"; \
	    $$python -m venv --clear $(VENV); \
	fi
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --no-build-isolation --no-deps --editable .
	@touch $@

# The first Python that is new enough. A name may exist and still not run (a version manager's placeholder), so each
# is asked. Debian and Ubuntu keep `venv` in a package of its own, and say so only in the middle of a trace.
define find_python
set -eu; \
python=; candidates="$${PYTHON:-python3.13 python3.12 python3.11 python3}"; \
for candidate in $$candidates; do \
    if $$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
        python=$$candidate; break; \
    fi; \
done; \
if [ -z "$$python" ]; then \
    echo "onething needs Python 3.11 or newer; none of these is: $$candidates" >&2; \
    echo "Debian 12 or newer, Ubuntu 24.04 or newer: apt install python3 python3-venv. Or name one: PYTHON=/path/to/python3 make setup" >&2; \
    exit 1; \
fi; \
if ! $$python -c 'import venv, ensurepip' 2>/dev/null; then \
    package=$$($$python -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])'); \
    echo "$$($$python --version) cannot make virtual environments: its venv module is missing." >&2; \
    echo "Debian and Ubuntu: apt install $$package" >&2; \
    exit 1; \
fi
endef

# One resolution for all: demo keeps production's versions, dev keeps demo's. Only names, versions and hashes are
# written, no download addresses: every machine uses the package index it is set up for.
UV_COMPILE = $(BIN)/uv pip compile -q --universal --generate-hashes --python-version 3.11 \
    --custom-compile-command 'make lock' pyproject.toml

lock: $(BIN)/uv ## resolve all dependencies again and write requirements/*.txt
	$(UV_COMPILE) -o requirements/production.txt
	$(UV_COMPILE) --extra demo -c requirements/production.txt -o requirements/demo.txt
	$(UV_COMPILE) --extra demo --group dev -c requirements/demo.txt -o requirements/dev.txt

$(BIN)/uv:
	$(MAKE) setup
