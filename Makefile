# Two commands are all a newcomer needs: `make demo` and `make test`. Both set up what they use,
# say what they install, and do nothing twice.
.DEFAULT_GOAL := help
.PHONY: help setup servers demo images lab test lint types check seldom containers contract bench measure fuzz hostile neighbour compare-test page format lock newer versions shapes sbom base-digest clean
RUN := .venv/bin
# Each test of a whole program starts it many times: bytecode halves what that costs.
unexport PYTHONDONTWRITEBYTECODE
ARGS ?=
# What `make bench` compares with its last run.
WAYS ?= file,etcd,zookeeper,serf,doozer
# The tests in which a HAProxy runs.
OF_HAPROXY := $(wildcard tests/system/test_haproxy_*.py tests/system/test_run_*.py tests/system/test_attached_*.py) \
    tests/system/test_restarts.py tests/system/test_default_check.py tests/system/test_drain.py

help: ## what there is to make
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /	/' | sort

setup: ## the virtual environment, exactly as requirements.lock says
	@sh scripts/setup.sh

servers: ## the servers that the tests run against, and what reads their units or sets their clocks, from the distribution
	@sh scripts/packages.sh --idle haproxy serf etcd-server etcd-client zookeeper \
	    libnetty-java libslf4j-java nginx-light prometheus systemd iproute2 iptables libfaketime

demo: setup ## the lab's last task on a real HAProxy (ARGS="--once --backend etcd")
	@sh scripts/packages.sh $$(sh scripts/backend-packages.sh $(ARGS))
	@$(RUN)/lbdisc demo $(ARGS)

images: setup ## the containers' images, from this tree (ARGS="ha webapp" for some, BASE=… for another base)
	@sh scripts/docker.sh
	@docker compose version >/dev/null 2>&1 || command -v docker-compose >/dev/null || \
	    sh scripts/packages.sh docker-compose
	@sh scripts/base-image.sh $(BASE)
	@sh scripts/images.sh $(ARGS)

lab: setup ## the lab on containers, with a report in build/lab (BACKEND=serf|etcd|zookeeper)
	@$(RUN)/python -m lbdisc_lab.containers $(or $(BACKEND),file)
	@$(MAKE) --no-print-directory images ARGS=
	@sh scripts/packages.sh chromium pngquant
	@$(RUN)/python -m lbdisc_lab.tasks --backend $(or $(BACKEND),file) $(ARGS)

test: setup servers lint types check ## lint, types and all tests

lint: setup ## ruff
	@$(RUN)/ruff format --check --quiet . || { echo "run: make format" >&2; exit 1; }
	@$(RUN)/ruff check --quiet .

types: setup ## mypy, strict
	@$(RUN)/mypy core plugins tests benchmarks

# A test that fails is run again, twice at most, and the summary shows it. What is known to need that, and why:
# - pytest's unclosed sockets after another test's failure count for the test that collects garbage.
# Four at a time on two cores, as most of them wait most of the time; a class stays together.
check: setup servers ## pytest (ARGS="tests/core -k guard")
	@$(RUN)/pytest -q -n 4 --dist loadscope --reruns 2 -rR -m "not seldom" $(ARGS)

seldom: setup servers ## the slow tests that `make test` leaves out
	@$(RUN)/pytest -q -n 3 --dist loadscope --reruns 1 -rR -m seldom $(ARGS)

containers: setup ## what containers go through, on a Docker engine (ARGS="-k serf")
	@$(MAKE) --no-print-directory images ARGS=
	@$(RUN)/pytest -q -n 3 --dist loadfile --reruns 1 -rR tests/containers $(ARGS)

# 2.8 and 3.2 are left to `make versions`: what they know differently, 2.6, 3.0 and 3.4 show as well.
# What has no HAProxy of its own choice, or takes the distribution's, ran in `make test`.
newer: setup servers ## HAProxy's tests on 3.0 and 3.4, the contract on the images' newer etcd and ZooKeeper
	@$(MAKE) --no-print-directory images ARGS="ha etcd zookeeper"
	@sh scripts/newer.sh
	@sh scripts/haproxies.sh
	@PATH="$(CURDIR)/build/newer:$$PATH" ZOOKEEPER_JARS="$(CURDIR)/build/newer/java" \
	    HAPROXIES="$(CURDIR)/build/haproxies" $(RUN)/pytest -q -n 4 --dist loadscope --reruns 2 -rR \
	    -k "(3.0 and not shapes) or 3.4 or contract" \
	    $(wildcard tests/system/test_haproxy_*.py) \
	    tests/plugins/test_etcd_contract.py tests/plugins/test_zookeeper_contract.py

# One after the other, each as the machine's own: whole programs take the HAProxy that is in PATH.
versions: setup servers ## all of HAProxy's tests on every version that can be had (VERSIONS="3.2 3.4" for some)
	@sh scripts/haproxies.sh
	@failed=; for version in $(or $(VERSIONS),2.6 2.8 3.0 3.2 3.4); do \
	    [ -e build/haproxies/$$version/haproxy ] || continue; \
	    PATH="$(CURDIR)/build/haproxies/$$version:$$PATH" $(RUN)/pytest -q -n 3 --dist loadscope \
	        --reruns 2 -rR $(OF_HAPROXY) $(ARGS) || failed="$$failed $$version"; \
	done; [ -z "$$failed" ] || { echo "versions: failed on$$failed" >&2; exit 1; }

shapes: setup servers ## files as people have them on every version, into docs/shapes.md
	@sh scripts/haproxies.sh
	@HAPROXIES="$(CURDIR)/build/haproxies" $(RUN)/pytest -q -n 3 --reruns 1 -rR --shapes docs/shapes.md \
	    tests/system/test_haproxy_shapes.py $(ARGS)

contract: setup servers ## which backend keeps which promise, into build/contract.md
	@mkdir -p build
	@$(RUN)/pytest -q -n 2 --dist loadfile --lbdisc-report build/contract.md \
	    $(wildcard tests/plugins/test_*_contract.py)
	@cat build/contract.md

bench: setup servers ## the short comparison against the stored last one: what got slower (KEEP=1 stores this one)
	@rm -rf build/bench
	@$(RUN)/lbdisc compare --quick --ways "$(WAYS)" --out build/bench \
	    $(if $(KEEP),,--against benchmarks/last.ndjson) $(ARGS)
	@$(if $(KEEP),cp build/bench/samples.ndjson benchmarks/last.ndjson,:)

measure: setup servers ## all of our own measurements (ARGS=--quick), into benchmarks/RESULTS.md
	@sh scripts/packages.sh wrk chromium
	@$(RUN)/python -m benchmarks $(ARGS)

# A plan is also tried on a real HAProxy: led by it, a process ends where a fresh start on the file would.
fuzz: setup servers ## look for what breaks readers, plans, settings, … (ARGS="--minutes 30")
	@$(RUN)/pytest -q -n 2 tests/fuzz $(or $(ARGS),--minutes 5)
	@LBDISC_PLAN_EXAMPLES=60 $(RUN)/pytest -q -n 2 tests/system/test_haproxy_plan.py -k "2.6 and fresh_start"

hostile: setup servers ## a million hostile records through every reader, as a table (ARGS="--records 10000 --aimed 1000")
	@PYTHONPATH=tests $(RUN)/python -m fuzz.million $(ARGS)

compare-test: setup servers ## the ways that are compared, with programs that `make servers` leaves out
	@$(RUN)/python -m lbdisc_compare.installing
	@sh scripts/packages.sh chromium
	@$(RUN)/pytest -q -n 2 --dist loadscope --reruns 1 -rR tests/compare $(ARGS)

page: setup servers ## the agent's page, the console of Prometheus and the comparison's report in a real Chromium
	@sh scripts/packages.sh chromium
	@$(RUN)/pytest -q -n 2 --dist loadscope --reruns 1 -rR tests/page tests/compare/test_compare_page.py $(ARGS)

neighbour: setup servers ## who is served beside a hostile neighbour, on each registry (ARGS="--quick --only etcd")
	@$(RUN)/python -m benchmarks.neighbour $(ARGS)

format: setup ## put the code into shape
	@$(RUN)/ruff check --fix --quiet . ; $(RUN)/ruff format --quiet .

lock: ## renew requirements.lock (needs uv)
	@uv pip compile --quiet --all-extras --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-annotate --no-header --no-emit-package lbdisc \
	    --no-emit-package lbdisc-compare --no-emit-package lbdisc-doozer \
	    --no-emit-package lbdisc-etcd --no-emit-package lbdisc-history \
	    --no-emit-package lbdisc-lab --no-emit-package lbdisc-metrics \
	    --no-emit-package lbdisc-serf --no-emit-package lbdisc-web \
	    --no-emit-package lbdisc-zookeeper \
	    --group dev pyproject.toml plugins/*/pyproject.toml --output-file requirements.lock

sbom: setup ## what lbdisc is made of: CycloneDX files in build/sbom, licences in docs/licences.md
	@$(RUN)/python scripts/sbom.py lock build/sbom/lock.cdx.json
	@$(RUN)/python scripts/sbom.py licences docs/licences.md
	@for image in base ha webapp etcd zookeeper; do \
	    docker image inspect lbdisc/$$image >/dev/null 2>&1 || { echo "sbom: no image lbdisc/$$image; make images makes it"; continue; }; \
	    $(RUN)/python scripts/sbom.py image lbdisc/$$image build/sbom/$$image.cdx.json || exit 1; \
	done

base-digest: ## pull the base image as it is today and note its digest in images/base.digest
	@sh scripts/base-image.sh --renew

clean: ## forget what was set up
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
