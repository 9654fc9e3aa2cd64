# Everything starts with the system's Python; it makes .venv and installs what is missing, then runs the command in it.
PYTHON ?= python3
RUN = @$(PYTHON) vsaas/onebox/bootstrap.py
export PORT TLS PUBLIC_URL CAMERA CAMERAS FORCE TESTS BENCH TO FROM WITH_FOOTAGE PASSPHRASE_FILE

.PHONY: help up down clean backup restore packages test lint format messages bench lock deb single ci

help: ## list what make can do here
	@sed -n 's/^\([a-z]*\):.*## /\1	/p' $(MAKEFILE_LIST) | expand -t 10

up: ## start everything on this machine: make up [PORT=8400] [CAMERA=rtsp://user:password@host/path | CAMERAS=4] [TLS=1 PUBLIC_URL=https://name:8400]
	$(RUN) app vsaas.onebox up

down: ## stop everything make up started in this checkout
	$(RUN) app vsaas.onebox down

clean: ## ask, then delete all data of this checkout (FORCE=1 does not ask)
	$(RUN) app vsaas.onebox clean

backup: ## databases, keys and secrets in one encrypted file: make backup [TO=FILE] [WITH_FOOTAGE=1] [PASSPHRASE_FILE=FILE]
	$(RUN) app vsaas.onebox backup

restore: ## put a backup in place, after asking: make restore FROM=FILE [PASSPHRASE_FILE=FILE]
	$(RUN) app vsaas.onebox restore

packages: ## install the Debian packages the tests need (make test does it too)
	$(RUN) dev vsaas.onebox.checks packages

test: ## run every test (installs what is missing): make test [TESTS="tests/sealing -k chunk"]
	$(RUN) dev vsaas.onebox.checks test

lint: ## style, types, layers, migrations
	$(RUN) dev vsaas.onebox.checks lint

format: ## let ruff format the Python code
	$(RUN) dev ruff format .

messages: ## bring translations to what the code says, and say what is untranslated (docs/translation.md)
	$(RUN) dev vsaas.onebox.checks messages

bench: ## measure, print a table, write var/bench.json: make bench [BENCH=agent]
	$(RUN) dev vsaas.onebox.checks bench

lock: ## edge_agent/requirements.lock anew, after a change of its requirements.txt
	$(RUN) dev installer lock

deb: ## the agent's Debian packages for amd64 and arm64, into dist/
	$(RUN) dev installer deb

single: ## the agent as one file per architecture, into dist/
	$(RUN) dev installer single

ci: ## what CI runs, on a new machine
	@.ci/run
