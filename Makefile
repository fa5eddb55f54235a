# Thin: each target makes the environment ready and calls one command.
PYTHON ?= python3
WAYBILL := .venv/bin/python -m deploy.local
ORDERS ?= 50
SERVICE ?= orders
VERB ?= --help
SELLER ?= *
MARKET ?= *
SCOPES ?=
HOURS ?= 12
TYPE ?= order.placed
TYPES ?=
TO ?=
# Three at a time on two cores, for much of it waits. What starts the real processes: the browser's files fill what is left.
SLOW := tests/end_to_end tests/chaos tests/hosts tests/upgrade tests/unit/local tests/benchmarks tests/browser
FOLDER ?= backups
BACKUP ?= $(lastword $(sort $(wildcard $(FOLDER)/$(SERVICE)-*)))
REPLACE ?=
GATEWAY ?= http://localhost:8100

.DEFAULT_GOAL := help
.PHONY: help up demo test coverage lint format fuzz audit outdated bench chaos hosts migrate operate doctor backup restore token listen trigger lock clean runtime dev job secrets pin pictures

help: ## list what can be made
	@sed -nE 's/^([a-z]+):[^#]*## (.*)/\1	\2/p' Makefile | expand -t 10

up: runtime ## start everything, run the main job on the first start, stay up until Ctrl-C
	@$(WAYBILL) up --orders $(ORDERS)

demo: runtime ## start everything, run the main job on ORDERS=50 orders, stop; fails unless every check held
	@$(WAYBILL) demo --orders $(ORDERS)

secrets: runtime ## write the secrets that docker-compose.yml needs into .env, for development
	@$(WAYBILL) secrets

pin: runtime ## pull the images of docker-compose.yml, and name them by digest in .env from now on
	@$(WAYBILL) pin

job: runtime ## run the main job on ORDERS=50 orders of the system behind GATEWAY=http://localhost:8100
	@$(WAYBILL) job --gateway '$(GATEWAY)' --orders $(ORDERS)

test: dev lint ## run all tests on own servers and free ports
	@.venv/bin/python -m pytest -m "not slow" --numprocesses 3 --dist loadfile
	@.venv/bin/python -m pytest -m slow $(SLOW) --numprocesses 3 --dist loadscope --no-loadscope-reorder \
		-W default::pytest.PytestUnraisableExceptionWarning

coverage: dev ## run the fast tests and list the lines and branches that they do not reach; takes a third longer than they do
	@.venv/bin/python -m pytest -m "not slow" --numprocesses 3 --dist loadfile --cov --cov-report=term-missing:skip-covered

lint: dev ## check style, types, imports and dependencies
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check
	@.venv/bin/mypy
	@.venv/bin/lint-imports
	@.venv/bin/deptry .

format: dev ## put the code into its one form
	@.venv/bin/ruff check --fix
	@.venv/bin/ruff format

fuzz: dev ## try many more requests than `make test` does, for some ten minutes, against all four APIs
	@.venv/bin/python -m pytest tests/security/test_any_request.py --numprocesses 2 --dist load --hypothesis-profile fuzz

audit: dev ## ask the public advisories (OSV, over the network) whether a locked package has a known hole
	@.venv/bin/pip-audit --vulnerability-service osv --no-deps --disable-pip --require-hashes \
		--requirement requirements/runtime.txt --requirement requirements/dev.txt

outdated: dev ## ask the index that pip uses which locked versions were yanked or have a newer patch; reports, stops nothing
	@.venv/bin/python -m deploy.locks

bench: dev ## measure, and write docs/benchmarks.md
	@.venv/bin/python -m tests.benchmarks

pictures: dev ## take the pictures of the console in docs/images/console anew
	@.venv/bin/python -m tests.browser.pictures

chaos: dev ## break a running system for 10 minutes and prove that nothing is lost
	@.venv/bin/python -m tests.chaos

hosts: dev ## run the system on two hosts of one Linux machine (root); cut one off, roll both, kill one: nothing is lost
	@.venv/bin/python -m tests.hosts

migrate: runtime ## bring the databases to their newest shape
	@$(WAYBILL) migrate

operate: runtime ## run an operator's VERB="dead-letters list" of SERVICE=orders; VERB=--help lists them
	@$(WAYBILL) operate --service '$(SERVICE)' --verb '$(VERB)'

doctor: runtime ## say what is wrong with the running system, why it matters and what to do
	@$(WAYBILL) doctor

backup: runtime ## save every service, rows and files, in FOLDER=backups
	@$(WAYBILL) backup --folder '$(FOLDER)'

restore: runtime ## bring SERVICE=orders of a stopped system back to its newest BACKUP; REPLACE=yes: over what is there
	@$(WAYBILL) restore --service '$(SERVICE)' --from '$(BACKUP)' $(if $(REPLACE),--replace)

token: runtime ## print a bearer token for SELLER=* MARKET=* SCOPES="orders:read …" HOURS=12 (SCOPES: all)
	@$(WAYBILL) token --seller '$(SELLER)' --market '$(MARKET)' --scopes '$(SCOPES)' --hours $(HOURS)

listen: runtime ## print events as they come, of SELLER=* MARKET=* TYPES="order.placed,…"; TO=http://… gets each, signed
	@$(WAYBILL) listen --seller '$(SELLER)' --market '$(MARKET)' --types '$(TYPES)' --to '$(TO)'

trigger: runtime ## post the sample of an event of TYPE=order.placed, marked as a test, to TO=http://…
	@$(WAYBILL) trigger --type '$(TYPE)' --to '$(TO)'

lock: dev ## lock the packages that pyproject.toml names, by hash
	@.venv/bin/python -m uv pip compile $(COMPILE) pyproject.toml --output-file requirements/runtime.txt
	@.venv/bin/python -m uv pip compile $(COMPILE) pyproject.toml --group dev --constraints requirements/runtime.txt --output-file requirements/dev.txt

clean: runtime ## delete everything the system keeps (.data)
	@$(WAYBILL) clean

runtime dev:
	@$(PYTHON) -m deploy.local.setup $@

COMPILE := --quiet --no-cache --universal --generate-hashes --python-version 3.11 \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"
