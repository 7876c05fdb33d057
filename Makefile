# Everything a person types: `make run` and `make test` need nothing but Python 3.11 and, for Chromium and npm, Debian.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BENCH ?= tests/benchmarks
EXAMPLES ?= 200
MINUTES ?= 5
# Tests wait for servers, disks and clocks of their own as often as they compute.
AT_ONCE ?= $(shell echo $$(( $$(nproc) + 2 )))
# Tests are hundreds of processes, each of which would compile the whole tree for itself.
unexport PYTHONDONTWRITEBYTECODE
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

JUST_BUILT := build jindu/build *.egg-info jindu/*.egg-info

.PHONY: help install install-test wheels npm run test test-unit test-server test-postgresql test-cluster test-cluster-beside test-browser check fuzz fuzz-imports bench shots gallery messages lock clean programs chromium clients editor proxies compiled

help: ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 16

install: $(VENV)/installed ## create .venv with what the server needs, from requirements.lock
install-test: $(VENV)/installed-test

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Jindu needs Python 3.11 or newer; set PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "Python cannot create virtual environments; on Debian: apt-get install python3-venv"; exit 1; }

# The lock constrains what setup.cfg asks for: the same versions everywhere, and test packages only where tests run.
$(VENV)/installed: requirements.lock setup.cfg jindu/pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable ./jindu --editable .
	@touch $@

$(VENV)/installed-test: requirements.lock setup.cfg jindu/pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable ./jindu --editable '.[test]'
	@touch $@ $(VENV)/installed

run: install ## start on http://localhost:8000 (PORT=… or JINDU_PORT=… to change), printing a set-up link the first time
	$(BIN)/python run.py serve $(if $(PORT),--port $(PORT))

check: install-test ## lint and types, and that the packages that are installed fit together
	$(BIN)/pip check --quiet --disable-pip-version-check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(UNHURRIED) $(BIN)/mypy

test: install-test ## lint, types, unit, contract, functional (on both databases) and browser tests
	$(MAKE) --jobs 4 --output-sync=target UNHURRIED="nice -n 10" check test-unit test-cluster-beside
	$(MAKE) test-server
	$(MAKE) test-postgresql
	$(MAKE) test-browser

# All but a few need no program beside Python: they run while those are fetched and installed.
WITH_PROGRAMS := $(addprefix tests/unit/,http/test_static_bundles.py test_deploy.py test_deploy_cluster.py test_template_patching.py)

# Processes that begin at once would each compile the whole tree there, and prepare the same tests.
IN_A_FRESH_CLONE := $(if $(wildcard tests/__pycache__),,compiled)
compiled: install-test
	@$(BIN)/pytest --quiet --collect-only tests >/dev/null

test-unit: install-test $(IN_A_FRESH_CLONE) ## the tests of single parts
	$(UNHURRIED) $(BIN)/pytest -n $(AT_ONCE) --dist worksteal tests/unit $(WITH_PROGRAMS:%=--ignore=%)

# What runs otherwise is not even collected: each process would do that for itself, and leave it out then.
OF_SERVER := -m "not benchmark and not browser" $(addprefix --ignore=tests/,benchmarks browser cluster)

# Whatever has to do with rows. The rest is about sockets, bytes, clients and what files hold. Tests of single parts that
# ask for no database, files or broker tell nothing new there: tests/conftest.py leaves them out.
WITHOUT_ROWS := accounts_pages announcements audit_doors base_path batches_crash bodies bounded_answers cli cli_import cli_jobs cli_serve cross_site database_killed dataset_diff docs_examples drain every_transport example_client extras fair_turns fetches file_modes foreign_clients full_disk head headers home http import_checks import_dry_run import_warnings importing imports_pages large_numbers \
  batch_combining gallery grpc made_up_engines live_fan_out live_faults live_frames live_limits live_settings log_lines made_up_job_kind made_up_transport moving no_internal_errors nobody_elses nothing_cut_silently nothing_evaluated presence proxies proxy_check python_client queries_api query_values raw_http read_only_tokens reference reject_correction report_images reports request_turns scripts scripts_ends scripts_tqdm service \
  requests_read_strictly shared_workers sign_in_siege slow_clients sse static_files strict_bodies template_starts templates tls true_jobs typescript_client upload_forms uploads_crash uploads_in_parts uploads_full_disk websocket_test_page wheels work_without_end workers_at_work
PROCESSES := shared_workers turns watch worker_process workers
OF_FILES := account_fields batch_combining batch_comparison brands connections data_reading dataset_differences dataset_exports dataset_profiles dataset_rows events external_jobs fetches first_pages gallery made_files offered queries rejects \
  room_watch samples template_starts template_versions templates upload_parts uploaded_files
WITH_ROWS := $(addprefix tests/unit/,alerts auth delivery jobs live monitoring operations realtime storage uploads datasets/test_catalog.py) tests/functional

test-server: install-test ## the tests of the whole server, on SQLite, and of the house itself
	$(BIN)/pytest -n $(AT_ONCE) --dist worksteal $(OF_SERVER) tests/contract tests/functional tests/test_*.py $(WITH_PROGRAMS)

test-postgresql: install-test ## the tests that have to do with rows, on a PostgreSQL, a Valkey and an S3 store of their own
	$(BIN)/pytest -n $(AT_ONCE) --dist worksteal --database postgresql --files s3 --broker valkey $(OF_SERVER) \
	  $(wildcard $(WITH_ROWS)) $(WITHOUT_ROWS:%=--ignore=tests/functional/test_%.py) \
	  $(PROCESSES:%=--ignore=tests/unit/jobs/test_%.py) $(OF_FILES:%=--ignore=tests/unit/operations/test_%.py)

# They wait for one another more than they compute: `make test` runs them beside what computes, which stands back for them.
test-cluster-beside: programs $(IN_A_FRESH_CLONE)
	$(MAKE) test-cluster

# Each process that runs these starts servers of its own, which are many already.
test-cluster: install-test ## the tests of several nodes and workers, on PostgreSQL, Valkey and an S3 store of their own
	$(BIN)/pytest -n 2 --dist loadfile tests/cluster

# Each process that drives Chromium has one of its own, and whoever has nothing left takes tests from the others.
test-browser: install-test chromium ## the tests of pages in a real browser
	$(BIN)/pytest -n $(AT_ONCE) --dist worksteal -m browser tests/browser

fuzz: install-test ## let schemathesis loose on the API for a long time (EXAMPLES=200 requests an operation)
	FUZZ_EXAMPLES=$(EXAMPLES) $(BIN)/pytest -s tests/contract/test_openapi.py

fuzz-imports: install-test ## draw files, the worse the better, and import them for MINUTES=5, others each time
	@until=$$(( $$(date +%s) + $(MINUTES) * 60 )); while [ $$(date +%s) -lt $$until ]; do \
	  FUZZ_EXAMPLES=500 $(BIN)/pytest -q -x --timeout 0 --hypothesis-seed=$$RANDOM tests/unit/datasets/test_nothing_is_lost.py; done

bench: install-test ## measure; prints figures (BENCH=tests/benchmarks/live/test_fan_out.py for some of them)
	$(BIN)/pytest -m benchmark -s $(BENCH)

messages: install-test ## collect all texts into locales/, and list those without a translation
	$(BIN)/python locales/update.py

shots: install-test chromium ## screenshots of every page into screenshots/, and the pictures of the guide in docs/images
	$(BIN)/python -m tests.pictures docs/images
	$(BIN)/python -m tests.shots screenshots

gallery: install-test ## draw the pictures of the gallery of templates anew
	$(BIN)/python examples/gallery/make_data.py
	$(BIN)/python -m tests.gallery static/img/gallery

# One after the other: each may have to install something, which Debian does for one at a time.
programs:
	$(MAKE) chromium
	$(MAKE) clients
	$(MAKE) proxies

chromium:
	@command -v chromium-headless-shell >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium-headless-shell fonts-noto-cjk >/dev/null; fi; } || true
	@command -v chromium-headless-shell >/dev/null || command -v chromium >/dev/null || { \
	  echo "The browser tests need Chromium; on Debian: sudo apt-get install chromium-headless-shell fonts-noto-cjk"; exit 1; }

# What stands in deploy/ is tried with the programs themselves, which tests start. Nothing starts as a service: where no
# policy says so yet, one does while they are installed. They need no configuration of their own.
proxies:
	@PATH="$$PATH:/usr/sbin"; missing=""; for each in nginx haproxy apache2 caddy turnserver; do command -v $$each >/dev/null || missing="$$missing $$each"; done; \
	if [ -n "$$missing" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  policy=/usr/sbin/policy-rc.d; if [ ! -e $$policy ]; then printf '#!/bin/sh\nexit 101\n' >$$policy; chmod 0755 $$policy; trap "rm -f $$policy" EXIT; fi; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nginx haproxy apache2-bin caddy coturn iproute2 >/dev/null; \
	elif [ -n "$$missing" ]; then echo "Tests of proxies are left out, those of a relay fail; on Debian: sudo apt-get install --no-install-recommends nginx haproxy apache2-bin caddy coturn iproute2"; fi

# `build` holds what was built before, also what has been removed from the tree since: a wheel must not take it from there.
wheels: install-test ## build the wheels of the client (jindu) and of the server (jindu-server) into dist/
	@rm -rf $(JUST_BUILT)
	@find server locales examples -name __pycache__ -prune -exec rm -rf {} +
	$(BIN)/pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir dist ./jindu .
	@rm -rf $(JUST_BUILT)

npm: ## pack the client for TypeScript and Node (jindu-client) into dist/
	@mkdir -p dist
	@npm pack --silent --pack-destination dist ./static/js

# Its result is in the tree, so that neither the server nor its tests need npm for it.
editor: ## bundle what the template editor takes from others (editor/) into static/vendor
	@npm ci --prefix editor --silent
	@node editor/build.mjs

clients: tests/clients/node_modules/installed tests/clients/python/installed

# What scripts use besides the client; beside the server's environment, which nobody has with it.
tests/clients/python/installed: tests/clients/requirements.txt | $(VENV)/installed-test
	@rm -rf tests/clients/python
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --target tests/clients/python --requirement $<
	@touch $@

# Uploading programs that others wrote, at the versions of their lock: the tests let them loose on the server.
tests/clients/node_modules/installed: tests/clients/package.json tests/clients/package-lock.json
	@command -v npm >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq nodejs npm >/dev/null; \
	  else echo "The tests of foreign clients need npm; on Debian: sudo apt-get install nodejs npm"; exit 1; fi; }
	@npm ci --prefix tests/clients --silent
	@touch $@

lock: wheels ## write requirements.lock anew from setup.cfg
	$(BIN)/pip-compile --quiet --upgrade --extra test --strip-extras --no-header --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --find-links dist --unsafe-package jindu --unsafe-package pip --unsafe-package setuptools --output-file requirements.lock setup.cfg
	$(BIN)/pip-compile --quiet --upgrade --strip-extras --no-header --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --output-file tests/clients/requirements.txt tests/clients/requirements.in

clean: ## remove what can be made again (never data/)
	rm -rf $(VENV) tests/clients/node_modules tests/clients/python .bench build dist screenshots .mypy_cache .ruff_cache .pytest_cache *.egg-info jindu/*.egg-info
