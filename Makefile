# Two commands are all a newcomer needs: `make demo` and `make test`. Both set up what they use,
# say what they install, and do nothing twice.
.DEFAULT_GOAL := help
.PHONY: help setup servers demo test lint types check format lock clean
RUN := .venv/bin
ARGS ?=

help: ## what there is to make
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /	/' | sort

setup: ## the virtual environment, exactly as requirements.lock says
	@sh scripts/setup.sh

servers: ## the servers that the tests run against, from the distribution
	@sh scripts/packages.sh haproxy serf etcd-server etcd-client zookeeper libnetty-java libslf4j-java openssl

demo: setup ## the lab's last task on a real HAProxy (ARGS="--once --backend etcd")
	@sh scripts/packages.sh $$(sh scripts/backend-packages.sh $(ARGS))
	@$(RUN)/lbdisc demo $(ARGS)

test: setup servers lint types check ## lint, types and all tests

lint: setup ## ruff
	@$(RUN)/ruff format --check --quiet . || { echo "run: make format" >&2; exit 1; }
	@$(RUN)/ruff check --quiet .

types: setup ## mypy, strict
	@$(RUN)/mypy core plugins tests

check: setup servers ## pytest (ARGS="tests/core -k guard")
	@$(RUN)/pytest -q -n 2 --dist loadfile $(ARGS)

format: setup ## put the code into shape
	@$(RUN)/ruff check --fix --quiet . ; $(RUN)/ruff format --quiet .

lock: ## renew requirements.lock (needs uv)
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-annotate --no-header --no-emit-package lbdisc \
	    --group dev pyproject.toml plugins/*/pyproject.toml --output-file requirements.lock

clean: ## forget what was set up
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
