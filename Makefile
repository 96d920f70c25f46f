# Every target sets up .venv by itself, from Python 3.11+ with pip and venv; faster where uv is installed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)
RUN_READY := $(VENV)/.ready-run
DEV_READY := $(VENV)/.ready-dev
SUITE := $(BIN)/python -m pytest -n 4 --dist worksteal
RUNS ?= 5
LOOPS ?= 6
LAB := .venv-lab
LAB_READY := $(LAB)/.ready
# Reached from this machine alone; in a container one is root.
LAB_OPTIONS = --ServerApp.ip=127.0.0.1 $(if $(filter 0,$(shell id -u)),--allow-root)
export LANGSMITH_TRACING := false
export LANGGRAPH_NO_VERSION_CHECK := true
export LANGGRAPH_CLI_NO_ANALYTICS := 1
# Where it is set, every process compiles 1,600 modules anew, which takes longer than most of them run.
unexport PYTHONDONTWRITEBYTECODE

PINS := --quiet --universal --python-version 3.11 --no-annotate --no-emit-index-url --no-emit-find-links

.DELETE_ON_ERROR:
.PHONY: chat telegram telegram-demo test test-hostile test-planted test-processes test-letta test-browser lint type bench bench-recall notebooks lab calibrate studio soak lock readme clean

chat: $(RUN_READY)
	@$(BIN)/goat chat

telegram: $(RUN_READY)
	@$(BIN)/goat telegram

telegram-demo: $(DEV_READY)
	@$(BIN)/python -m tests.demo

test: $(DEV_READY)
	$(SUITE)
	@echo "Long tests of whole processes, kills and servers: make test-processes"

# The suite five times beside six busy loops, which end with it; for more: make test-hostile RUNS=10 LOOPS=8
test-hostile: $(DEV_READY)
	@$(BIN)/python -m tests.hostile --runs $(RUNS) --loops $(LOOPS) $(SUITE)

# Plants each bug of tests/planted in a copy of the tree; the tests named with it have to catch it.
test-planted: $(DEV_READY)
	@$(BIN)/python -m tests.planted $(ARGS)

test-processes: $(DEV_READY)
	$(BIN)/python -m pytest -m process -n 2

# Installs and starts a real Letta server (1.1 GB in .letta, some minutes the first time).
test-letta: $(DEV_READY)
	$(BIN)/python -m tests.letta

# Uses the machine's Chromium, else Debian's, else Playwright's own.
test-browser: $(DEV_READY)
	@command -v chromium chromium-headless-shell google-chrome >/dev/null || \
		{ command -v apt-get >/dev/null && apt-get install -y --no-install-recommends chromium-headless-shell fonts-dejavu-core; } || \
		$(BIN)/playwright install --with-deps chromium
	$(BIN)/python -m pytest -m browser tests/browser

soak: $(DEV_READY)
	$(BIN)/python -m pytest -m soak tests/soak

lint: $(DEV_READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

type: $(DEV_READY)
	$(BIN)/mypy

bench: $(DEV_READY)
	$(BIN)/python -m tests.bench.turn_overhead

bench-recall: $(DEV_READY)
	$(BIN)/python -m tests.bench.recall

# Executes all of them, in a folder and a data folder of their own.
notebooks: $(DEV_READY)
	$(BIN)/python -m pytest -m notebooks tests/notebooks

# Opens them in JupyterLab, which has an environment of its own: its packages make every start of the agent slower.
# The kernel is told its Python by path, or Jupyter would run notebooks with the Python of JupyterLab.
# Without a browser: make lab ARGS=--no-browser
lab: $(DEV_READY) $(LAB_READY)
	@$(BIN)/python -m ipykernel install --sys-prefix --name python3 --display-name "Python 3" >/dev/null
	@JUPYTER_PATH="$(CURDIR)/$(VENV)/share/jupyter" $(LAB)/bin/jupyter lab notebooks $(LAB_OPTIONS) $(ARGS)

# Fits the probabilities of relevance anew; needs GOAT_BENCH_DATA.
calibrate: $(DEV_READY)
	$(BIN)/python -m tests.bench.recall.calibrate --folder .bench

studio: $(DEV_READY)
	$(BIN)/langgraph dev --no-browser

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "GOAT needs Python 3.11 or newer; $(PYTHON) is `$(PYTHON) --version`. Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "Setting up $(VENV) (once; a few minutes the first time)"
	@$(if $(UV),$(UV) venv --quiet --python $(PYTHON) $(VENV),$(PYTHON) -m venv $(VENV)) || { rm -rf $(VENV); exit 1; }

$(RUN_READY): $(BIN)/python requirements/run.txt pyproject.toml
	@$(call install,requirements/run.txt)
	@touch $@

$(DEV_READY): $(BIN)/python requirements/dev.txt pyproject.toml
	@$(call install,requirements/dev.txt)
	@touch $@ $(RUN_READY)

$(LAB_READY): requirements/lab.txt requirements/lab.settings.json | $(BIN)/python
	@echo "Setting up $(LAB) for JupyterLab (once; 240 MB)"
	@rm -rf $(LAB)
	@$(if $(UV),$(UV) venv --quiet --python,) $(BIN)/python $(if $(UV),,-m venv) $(LAB)
	@$(if $(UV),$(UV) pip install --quiet --python $(LAB)/bin/python,$(LAB)/bin/python -m pip install --quiet --disable-pip-version-check) -r requirements/lab.txt
	@mkdir -p $(LAB)/share/jupyter/lab/settings
	@cp requirements/lab.settings.json $(LAB)/share/jupyter/lab/settings/overrides.json
	@touch $@

ifdef UV
install = $(UV) pip install --quiet --python $(BIN)/python -r $(1) && \
	$(UV) pip install --quiet --python $(BIN)/python --no-deps -e .
else
install = $(BIN)/python -m pip install --quiet --disable-pip-version-check -r $(1) && \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
endif

# Writes the parts of the README that are made from the code.
readme: $(DEV_READY)
	$(BIN)/python -m tests.readme

# Needs uv: pins every package for all platforms and Pythons from pyproject.toml.
lock:
	uv pip compile $(PINS) --extra dev pyproject.toml -o requirements/dev.txt
	uv pip compile $(PINS) -c requirements/dev.txt pyproject.toml -o requirements/run.txt
	uv pip compile $(PINS) requirements/lab.in -o requirements/lab.txt

clean:
	rm -rf $(VENV) $(LAB) .mypy_cache .ruff_cache .pytest_cache .hypothesis .langgraph_api
