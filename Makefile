# Two commands matter: `make book` and `make test`.  `make help` lists the rest.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Real data: a folder that holds the registry's files.  Set HYPECHECK_DATA yourself, or keep the
# folder beside the project; with neither, the files are downloaded or declared stand-ins serve.
ifeq ($(origin HYPECHECK_DATA), undefined)
  ifneq ($(wildcard ../shared/data/provenance.json),)
    export HYPECHECK_DATA := $(abspath ../shared/data)
  endif
endif

# Linux without a GPU: name PyTorch's index of CPU builds here to save gigabytes.
TORCH_INDEX ?=

# One thread a process: chapters and tests run side by side.
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
export MKL_NUM_THREADS := 1
export NUMEXPR_NUM_THREADS := 1

.DEFAULT_GOAL := help
.PHONY: book test bench serve clean help

book: $(VENV)/book.ok  ## build the book; prints the path of its first page
	@$(BIN)/python -m bookkeeping build $(if $(STRICT),--strict)

test: $(VENV)/test.ok  ## build the book strictly, then run every test against it
	@$(BIN)/python tests/gate.py

bench: $(VENV)/test.ok  ## measure the package against its peers, and the chapters against their budgets
	@$(BIN)/python -m bookkeeping build && $(BIN)/python -m bookkeeping budgets
	@$(BIN)/python -m benchmarks

serve: book  ## build the book and serve it on http://127.0.0.1:8000
	@$(BIN)/python -m http.server 8000 --bind 127.0.0.1 --directory _build/html

clean:  ## remove everything that was generated, and keep the environment
	rm -rf _build

help:  ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10
	@echo "Settings: HYPECHECK_DATA=folder of real data, TORCH_INDEX=index of CPU builds, STRICT=1"

$(VENV)/base.ok: pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed, and $(PYTHON) is $$($(PYTHON) --version 2>&1 || echo missing)."; \
	  echo "Install one, or name one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@free=$$(df -Pk . | awk 'NR==2 {print int($$4 / 1048576)}'); [ "$$free" -ge 4 ] || { \
	  echo "Only $$free GB are free here and the environment needs about 4: make room and try again."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "environment: installing PyTorch"
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c requirements.lock \
	  $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) "$$(grep '^torch==' requirements.lock)"
	@touch $@

$(VENV)/book.ok: $(VENV)/base.ok
	@echo "environment: installing what a reader needs"
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c requirements.lock -e '.[book]'
	@touch $@

$(VENV)/test.ok: $(VENV)/book.ok
	@echo "environment: installing what the tests need"
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c requirements.lock -e '.[book,test]'
	@touch $@
