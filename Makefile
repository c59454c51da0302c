# What people do with this project. `make` alone lists it.
PYTHON ?= python3
BIN := .venv/bin
# How many processes share the tests; each has a ZooKeeper of its own, and waits half of the time.
WORKERS ?= $(shell expr 2 \* $$(nproc))

.DEFAULT_GOAL := help
.PHONY: help demo unit test explore test-deb test-dist test-faults test-kernel test-oldest lint bench completions docs log man site picture screenshot deb dist clean

help: ## List what there is to make
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

.venv/ready: setup.cfg pyproject.toml .ci/setup
	@PYTHON=$(PYTHON) .ci/setup environment

demo: .venv/ready ## Set everything up, start a sandbox, and show what pvc does
	@.ci/setup server
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh docs/tour.sh

unit: .venv/ready ## Run the tests that need no ZooKeeper server: a few seconds
	$(BIN)/python -m pytest -m "not server and not interleaving"

test: lint ## Set everything up, then run all checks and tests
	@.ci/setup server shells tools units
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal --cov=pvc_cli --cov-report=term --cov-fail-under=95

explore: .venv/ready ## Look for failures with examples that nobody tried yet, a hundred times as many (10 minutes)
	@.ci/setup server
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m hypothesis --hypothesis-profile=explore

test-faults: .venv/ready ## Kill servers and clients in the middle of everything, and print what came of it (15 minutes)
	@.ci/setup server
	$(BIN)/python -m pytest -s tests/faults

test-kernel: .venv/ready ## Run the SR-IOV agent on the real kernels of Debian 12 and 13, in QEMU (as root; 1.5 GB into PVC_KERNEL_CACHE)
	@.ci/setup server guest
	$(BIN)/python -m tests.kernel.check

test-oldest: ## Run the tests on exactly the oldest dependencies that are allowed
	@.ci/setup server shells tools units
	$(PYTHON) .ci/oldest -n $(WORKERS) --dist worksteal

test-dist: dist ## Build twice, compare, install what was built into an empty environment, and use it
	@.ci/setup server
	$(BIN)/python -m pytest -s tests/packages/test_packages.py

test-deb: .venv/ready deb ## Install the Debian package in an empty Debian 12, and use it there (as root)
	@.ci/setup bootstrap
	$(BIN)/python -m pytest -s tests/packages/test_debian.py

lint: .venv/ready ## Check style and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python .ci/prose

bench: .venv/ready ## Measure, side by side on one sandbox, and write docs/benchmarks.md
	@.ci/setup server
	$(BIN)/python -m benchmarks.bench

completions: .venv/ready ## Write the shells' completion scripts anew
	@for shell in bash zsh fish; do $(BIN)/pvc completion $$shell > completions/pvc.$$shell; done

docs: .venv/ready ## Write the page on the schema anew
	$(BIN)/python docs/schema_page.py

log: .venv/ready ## Run an upgrade with the model of PVC's daemons, and put its log into docs/operations.md
	@.ci/setup server
	$(BIN)/python -m docs.upgrade_log

man: .venv/ready ## Write a manual page for every command into man/
	$(BIN)/python docs/man_pages.py

dist: .venv/ready ## Build the sdist and the wheel into dist/, the same bytes from the same commit
	$(BIN)/python .ci/dist

deb: ## Build the Debian package into dist/, with Debian's own tools
	@.ci/setup debian
	.ci/deb

site: .venv/ready ## Build the documentation site into build/site; a broken link fails
	$(BIN)/python docs/site.py

picture: .venv/ready ## Draw the README's pictures from the real program
	@.ci/setup server
	$(BIN)/python docs/picture.py

screenshot: .venv/ready ## Take the README's picture of a report, with a real Chromium
	@.ci/setup server tools
	$(BIN)/python -m docs.report_picture

clean: ## Delete what was made here, the environment included
	rm -rf .venv build dist man *.egg-info .coverage* .mypy_cache .pytest_cache .ruff_cache .hypothesis
