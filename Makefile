# Every target sets up .venv first, from Python 3.11+ with pip and venv. uv installs packages several times faster:
# if it is missing, it is fetched into .venv. With pip alone: make chat UV=
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV = $(shell command -v uv || command -v $(BIN)/uv)
PIP = $(BIN)/python -m pip
QUIET := --quiet --disable-pip-version-check
RUN_READY := $(VENV)/.ready-run
DEV_READY := $(VENV)/.ready-dev
SUITE := $(BIN)/python -m pytest -n 3 --dist loadfile
RUNS ?= 5
LOOPS ?= 6
LAB := .venv-lab
LAB_READY := $(LAB)/.ready
# Listens on loopback only; Jupyter needs --allow-root in a container.
LAB_OPTIONS = --ServerApp.ip=127.0.0.1 $(if $(filter 0,$(shell id -u)),--allow-root)
export LANGSMITH_TRACING := false
export LANGGRAPH_NO_VERSION_CHECK := true
export LANGGRAPH_CLI_NO_ANALYTICS := 1
# As the command `goat` sets it: on small matrices, threads cost more than they save.
export OPENBLAS_NUM_THREADS ?= 1
# With it, every process would compile 1,600 modules, which takes longer than most of them run.
unexport PYTHONDONTWRITEBYTECODE

# Optional features; `make NAME` installs one.
EXTRAS := pictures documents browser telemetry postgres

.DELETE_ON_ERROR:
.PHONY: chat telegram $(EXTRAS) telegram-demo test test-hostile test-planted test-processes test-letta test-browser test-clients test-emulator lint type bench bench-owners bench-scale bench-recall notebooks notebooks-update lab calibrate studio soak lock readme recording clean

# `make` runs this folder's code, so its goat.toml and .env are trusted too.
chat telegram studio: export GOAT_TRUST := $(CURDIR)

chat: $(RUN_READY)
	@$(BIN)/goat chat

telegram: $(RUN_READY) pictures documents
	@$(BIN)/goat telegram

$(EXTRAS): %: $(VENV)/.ready-%

telegram-demo: $(DEV_READY)
	@$(BIN)/python -m tests.demo

test: $(DEV_READY)
	$(SUITE)
	@echo "Long tests of whole processes, kills and servers: make test-processes"

# Runs the suite five times beside six busy loops; for more: make test-hostile RUNS=10 LOOPS=8
test-hostile: $(DEV_READY)
	@$(BIN)/python -m tests.hostile --runs $(RUNS) --loops $(LOOPS) $(SUITE)

# Plants each bug of tests/planted in a copy of the tree; its tests have to catch it.
test-planted: $(DEV_READY)
	@$(BIN)/python -m tests.planted $(ARGS)

test-processes: $(DEV_READY)
	$(BIN)/python -m pytest -m process -n 2

# Installs and starts a real Letta server (1.1 GB in .letta, some minutes the first time).
test-letta: $(DEV_READY)
	$(BIN)/python -m tests.letta

# Uses the machine's Chromium, else Debian's, else Playwright's own.
define chromium
@command -v chromium chromium-headless-shell google-chrome >/dev/null || \
	{ command -v apt-get >/dev/null && apt-get install -y --no-install-recommends chromium-headless-shell fonts-dejavu-core; } || \
	$(BIN)/playwright install --with-deps chromium
endef

test-browser: $(DEV_READY)
	$(chromium)
	$(BIN)/python -m pytest -m browser tests/browser

# Installs LangChain's clients from npm (400 MB in .clients, two minutes the first time); needs Node.js 20 and npm.
test-clients: $(DEV_READY)
	$(chromium)
	$(BIN)/python -m pytest -m clients tests/clients

# Talks to the bot over npm's telegram-test-api; needs Node.js.
test-emulator: $(DEV_READY)
	npm install --silent --no-save --prefix .emulator telegram-test-api@4.2.1
	$(BIN)/python -m pytest -m emulator tests/emulator

soak: $(DEV_READY)
	$(BIN)/python -m pytest -m soak tests/soak tests/graph/test_isolation.py

lint: $(DEV_READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

type: $(DEV_READY)
	$(BIN)/mypy

bench: $(DEV_READY)
	$(BIN)/python -m tests.bench.turn_overhead

# Some minutes; ten thousand owners take an hour and 12 GB of disk: make bench-owners ARGS="--owners 10000"
bench-owners: $(DEV_READY)
	$(BIN)/python -m tests.bench.owners $(ARGS)

# An hour or two, and 10 GB of disk; up to 100,000 turns: make bench-scale ARGS="--turns 100000"
bench-scale: $(DEV_READY)
	$(BIN)/python -m tests.bench.scale $(ARGS)

bench-recall: $(DEV_READY)
	$(BIN)/python -m tests.bench.recall

# Executes all notebooks, in a temporary folder with a temporary data folder, and compares their figures.
notebooks: $(DEV_READY)
	$(BIN)/python -m pytest -m notebooks tests/notebooks

# Writes them with their outputs and pictures; only some: make notebooks-update ARGS="03 05"
notebooks-update: $(DEV_READY)
	$(BIN)/python -m tests.notebooks $(ARGS)

# Opens them in JupyterLab, in a separate environment, since its packages slow down every start of the agent.
# The kernel names its Python by path; otherwise Jupyter would run notebooks with JupyterLab's Python.
# Without a browser: make lab ARGS=--no-browser
lab: $(DEV_READY) $(LAB_READY)
	@$(BIN)/python -m ipykernel install --sys-prefix --name python3 --display-name "Python 3" >/dev/null
	@JUPYTER_PATH="$(CURDIR)/$(VENV)/share/jupyter" $(LAB)/bin/jupyter lab notebooks $(LAB_OPTIONS) $(ARGS)

# Fits the probabilities of relevance and the two decisions; needs GOAT_BENCH_DATA.
calibrate: $(DEV_READY)
	$(BIN)/python -m tests.bench.recall.calibrate --folder .bench
	$(BIN)/python -m tests.bench.recall.stage --folder .bench

# LangGraph's default is one run at a time, however long it takes. For Safari: make studio ARGS=--tunnel
studio: $(DEV_READY)
	$(BIN)/langgraph dev --no-browser --n-jobs-per-worker 10 $(ARGS)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "GOAT needs Python 3.11 or newer; $(PYTHON) is `$(PYTHON) --version`. Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "Setting up $(VENV) (once)"
	@rm -rf $(VENV)
	@$(if $(UV),$(UV) venv --quiet --python $(PYTHON),$(PYTHON) -m venv --without-pip) $(VENV) || { rm -rf $(VENV); exit 1; }
	@$(if $(UV)$(filter command,$(origin UV)),,$(fetch_uv))

define fetch_uv
echo "  fetching uv, which installs packages quickly"; \
$(PYTHON) -m pip --python $(BIN)/python install $(QUIET) --retries 1 --require-hashes -r requirements/uv.txt 2>/dev/null || \
	echo "  uv is not available here: pip installs alone, which takes longer"
endef

$(RUN_READY): $(BIN)/python requirements/run.txt pyproject.toml
	@$(call install,run)
	@$(install_goat)
	@touch $@

$(DEV_READY): $(BIN)/python requirements/dev.txt pyproject.toml
	@$(call install,dev)
	@$(install_goat)
	@touch $@ $(RUN_READY)

$(VENV)/.ready-%: requirements/%.txt $(RUN_READY)
	@$(call install,$*)
	@touch $@

$(LAB_READY): requirements/lab.txt requirements/lab.settings.json | $(BIN)/python
	@echo "Setting up $(LAB) for JupyterLab (once; 240 MB)"
	@rm -rf $(LAB)
	@$(if $(UV),$(UV) venv --quiet --python,) $(BIN)/python $(if $(UV),,-m venv) $(LAB)
	@$(if $(UV),$(UV) pip install --quiet --python $(LAB)/bin/python,$(LAB)/bin/python -m pip install $(QUIET)) \
		--no-deps --require-hashes -r requirements/lab.txt
	@mkdir -p $(LAB)/share/jupyter/lab/settings
	@cp requirements/lab.settings.json $(LAB)/share/jupyter/lab/settings/overrides.json
	@touch $@

# The file lists every package with its hash; modules are compiled when they are first used.
install_packages = $(if $(UV),$(UV) pip install --quiet --python $(BIN)/python --no-deps $(1) || \
	{ echo "  uv cannot install here: pip takes over" && $(with_pip); },$(with_pip))
with_pip = { $(PIP) --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip --default-pip >/dev/null; } && \
	$(PIP) install $(QUIET) --no-compile --no-deps $(1)
install = echo "  installing what requirements/$(1).txt lists" && \
	$(call install_packages,--require-hashes -r requirements/$(1).txt)
install_goat = echo "  installing GOAT itself" && $(call install_packages,--no-build-isolation -e .)

# Writes the generated parts of README.md and docs/, and records the README's conversation again.
readme: $(DEV_READY)
	$(BIN)/python -m tests.readme

# Records a turn in LangChain's chat for docs/studio.md; see test-clients for what it needs.
recording: $(DEV_READY)
	$(chromium)
	$(BIN)/python -m tests.pictures.recording

# Needs uv: pins every package in pyproject.toml for all platforms and Pythons, except those that nothing imports.
lock:
	$(PIN) requirements/uv.in -o requirements/uv.txt
	$(PIN) requirements/lab.in -o requirements/lab.txt
	$(PIN) $(UNUSED) --extra dev pyproject.toml requirements/build.in -o requirements/dev.txt
	$(PIN) $(UNUSED_RUN) pyproject.toml requirements/build.in -o requirements/run.txt
	for extra in $(EXTRAS); do \
		$(PIN) $(UNUSED_RUN) --extra $$extra pyproject.toml -o requirements/$$extra.txt \
			`sed -n 's/^\([a-z0-9-]*\)==.*/--no-emit-package \1/p' requirements/run.txt` || exit 1; \
	done

PIN := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-emit-index-url \
	--no-emit-find-links --custom-compile-command 'make lock'
UNUSED := --excludes requirements/unused.txt
UNUSED_RUN := $(UNUSED) --excludes requirements/unused-run.txt -c requirements/dev.txt

clean:
	rm -rf $(VENV) $(LAB) .mypy_cache .ruff_cache .pytest_cache .hypothesis .langgraph_api
