# make run     the whole spa on this machine        make test    every test
# make check   format, lint, types, contracts       make help    this list

VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
# The environment is made anew only where a requirement has changed.
READY := $(VENV)/.ready-$(shell cat requirements.txt requirements-dev.txt | cksum | tr -d ' ')
TESTS ?= tests

# Where the environment forbids to keep compiled files, each of the many processes that the tests
# start would compile the project anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: run test check types manners format bench chromium help
.DEFAULT_GOAL := help

help:
	@sed -n '1,2s/^# //p' Makefile

run: $(READY)
	@exec $(BIN)/python -m spa.run

# Three processes even on two cores: one of them often waits, for a browser, a server or a fault.
test: $(READY) chromium
	$(BIN)/python -m pytest -n 3 --dist loadgroup $(TESTS)

# Types take as long as all the rest: each has a core of its own.
check: $(READY)
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target types manners

types: $(READY)
	$(BIN)/mypy .

manners: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python -m tests.lint_migrations
	$(BIN)/djlint --lint --quiet templates
	$(BIN)/bandit --quiet --recursive --severity-level medium --configfile pyproject.toml spa services bookings
	$(BIN)/python -m tests.audit

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# All measurements, or one: make bench BENCH=reports; BENCH_SIZES=S,M leaves the largest out.
bench: $(READY)
	$(BIN)/python -m bench $(BENCH)

# Python compiles what it imports: a third of what pip would compile, in a third of its time.
$(READY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed: install it, or name it with PYTHON=python3.12 make …"; \
	  exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV) || { \
	  echo "No virtual environment could be made: on Debian and Ubuntu install python3-venv."; \
	  exit 1; }
	@echo "Installing the packages …"
	@$(BIN)/pip install --quiet --no-compile --disable-pip-version-check -r requirements-dev.txt || { \
	  echo "The packages could not be installed: check the network (or pip's index), then run make again."; \
	  exit 1; }
	@rm -f $(VENV)/.ready-*
	@touch $@

# The browser of the tests: the system's Chromium, else Playwright's own.
chromium: $(READY)
	@PYTHON=$(BIN)/python .ci/chromium
