# make demo    tune three sub-tasks on the built-in model and show the report
# make test    run all tests, two at a time (WORKERS=1 one by one)
# make check   lint, types, layers, docs
# make bench   measure side by side with others (hours; BENCH="--quick" for a glance)
# Each makes its own .venv the first time and is quick afterwards.

PYTHON ?= python3
WORKERS ?= 2
VENV   := .venv
BIN    := $(VENV)/bin
RUN    := $(VENV)/.installed
DEV    := $(VENV)/.installed-dev
PEERS  := $(VENV)/.installed-bench
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

SAY_HOW = echo; echo "To type only 'anytasktune …', activate the environment, once per terminal:  . $(BIN)/activate"

.PHONY: demo test check bench clean

demo: $(RUN)
	$(BIN)/anytasktune demo demo-project
	@$(SAY_HOW)

test: $(DEV)
	@echo "All tests: about ten minutes on two idle cores, longer on a busy machine; the first time the embedded model (90 MB) is fetched"
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal
	@$(SAY_HOW)

check: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m pytest tests/contracts

bench: $(PEERS)
	$(BIN)/python -m benchmarks $(BENCH)

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(RUN): pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing into $(VENV) (a few minutes the first time)"
	$(PIP) -e .
	@touch $@

$(DEV): $(RUN)
	$(PIP) -e '.[dev]'
	@touch $@

$(PEERS): $(RUN)
	$(PIP) -e '.[bench]'
	@touch $@

clean:
	rm -rf $(VENV) demo-project
