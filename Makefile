# Two commands are all a newcomer needs: `make demo` and `make test`. Both set up what they use.
.DEFAULT_GOAL := help
.PHONY: help setup demo test lint types format lock clean
VENV := .venv
RUN := $(VENV)/bin

help: ## what there is to make
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/:/' | sort

setup: ## the virtual environment, from requirements.lock
	@sh scripts/setup.sh

demo: setup ## the lab's last task on a real HAProxy (ARGS="--once", ARGS="--backend serf")
	@sh scripts/packages.sh haproxy
	@$(RUN)/lbdisc demo $(ARGS)
