# make lab     opens the course            make test    proves everything     make check   the quick part of it
# make course  runs all, writes book/      make bench   measures all         make lock    remakes requirements.lock
PYTHON := .venv/bin/python
READY := .venv/sslwb-ready
# Runs the set-up, which looks for the right one: whatever Python there is, else the one that uv brings.
ANY_PYTHON := $(shell command -v python3 || command -v python || echo uv run --no-project python)
LESSONS ?=
NOTEBOOKS := $(if $(LESSONS),$(foreach n,$(LESSONS),$(wildcard notebooks/$(n)_*.ipynb)),$(wildcard notebooks/*.ipynb))
NBVAL := --nbval-lax --nbval-current-env --nbval-cell-timeout=600 --nbval-sanitize-with=tests/nbval_sanitize.cfg
# Two workers; which tests stay together, and which come first, says tests/conftest.py.
PYTEST := $(PYTHON) -m pytest -n 2 --no-loadscope-reorder

.PHONY: lab test check course book bench lock browser

lab: $(READY)
	@$(PYTHON) -m sslwb lab $(LAB_ARGS)

test: $(READY) browser
	$(foreach n,$(LESSONS),$(if $(wildcard notebooks/$(n)_*.ipynb),,$(error no lesson $(n): there are $(notdir $(wildcard notebooks/*.ipynb)))))
	$(PYTEST) $(NBVAL) $(NOTEBOOKS) tests

check: $(READY)
	$(PYTEST) -m "not long" --ignore=tests/browser tests

course: $(READY)
	$(PYTHON) -m sslwb.cli.book --run

book: $(READY)
	$(PYTHON) -m sslwb.cli.book

bench: $(READY)
	$(PYTHON) -m sslwb bench all

lock:
	scripts/lock.sh

browser:
	@scripts/chromium.sh

$(READY): requirements.lock
	@$(ANY_PYTHON) scripts/setup.py
