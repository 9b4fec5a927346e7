# Every target does its own set-up: `make demo` and `make test` work on a fresh clone.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed

.DEFAULT_GOAL := help
.PHONY: help install check format test unit simulation e2e real packets faults soak fuzz demo bench golden docs release image kustomize lock clean

help: ## Say what can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:[^#]*##/\t/' | expand -t 14

install: $(INSTALLED) ## Make .venv with everything pinned in requirements.lock

$(INSTALLED): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("vereflow needs Python 3.11 or newer") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

check: $(INSTALLED) ## Lint, types, import contracts, unit tests with few examples: seconds
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q --hypothesis-profile=light tests/unit tests/house

format: $(INSTALLED) ## Let ruff put the code in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: $(INSTALLED) ## Every test, real processes and sockets included
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

unit: $(INSTALLED) ## The tests without sockets
	$(BIN)/pytest -q tests/unit

simulation: $(INSTALLED) ## Thousands of seeded worlds with crashes, zombies and reordering
	$(BIN)/pytest -q tests/simulation

e2e: $(INSTALLED) ## The whole local world, end to end
	$(BIN)/pytest tests/e2e

real: $(INSTALLED) ## The tests on real parts alone: Java, Maven, Go, root with nftables
	$(BIN)/pytest -m real

packets: $(INSTALLED) ## Hundreds of worlds of policies and rules, asked of the kernel: half an hour
	VEREFLOW_PACKETS=all $(BIN)/pytest tests/integration/packets tests/e2e/test_packets.py

faults: $(INSTALLED) ## Every fault that is tried, at length, with a table of what came of it
	FAULTS=all KILLS=60 CHANGES=15 $(BIN)/pytest -m fault

image: $(INSTALLED) ## Build the image and have its worker play the story: root, buildah, runc, mmdebstrap
	FAULTS=all $(BIN)/pytest tests/integration/chart/test_image.py

soak: $(INSTALLED) ## Many faults for MINUTES=30, by a SEED=0: as long as you like
	FAULTS=all MINUTES=$${MINUTES:-30} $(BIN)/pytest -s tests/faults/test_soak.py

fuzz: $(INSTALLED) ## Fuzz every decoder for MINUTES=30 each, two at a time; exit 1 on a finding
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tests/fuzz/requirements.lock
	$(BIN)/python -m tests.fuzz $${MINUTES:-30}

demo: $(INSTALLED) ## Play the story on real processes, checked at every step
	$(BIN)/vereflow demo

bench: $(INSTALLED) ## Print our figures beside their limits
	$(BIN)/python -m tests.benchmarks

golden: $(INSTALLED) ## Write the golden manifests anew; read the diff before you commit
	$(BIN)/pytest -q tests/unit/policy/test_golden.py --update-golden

docs: $(INSTALLED) ## Write the reference anew from the code, and build the site of all pages in build/site
	$(BIN)/pytest -q tests/house/test_pages.py tests/house/test_chart.py tests/house/test_image.py --update-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

release: $(INSTALLED) ## Keep what this version has, as what the next must be able to follow
	$(BIN)/python -m tests.released

kustomize: $(INSTALLED) ## Render the base for kustomize anew from the chart
	$(BIN)/pytest -q tests/integration/chart/test_kustomize.py --update-kustomize

PIN := $(BIN)/pip-compile --quiet --upgrade --allow-unsafe --generate-hashes --strip-extras --no-header \
  --no-annotate --no-emit-index-url --no-emit-trusted-host --no-emit-find-links

lock: $(INSTALLED) ## Pin the newest versions that pyproject.toml allows
	$(PIN) --extra local --extra dev --extra docs -o requirements.lock pyproject.toml
	$(PIN) -o tests/fuzz/requirements.lock tests/fuzz/requirements.in

clean: ## Remove what was made
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
