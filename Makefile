# Vigie: `make demo` shows a whole virtual mast, `make test` checks everything. `make help` lists the rest.
#
# Needs python3 (3.11 or newer), make and git, and no root. The virtual environment is .venv; it is made anew when
# pyproject.toml changes. PYTHON=python3.12 picks another Python.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# How long the demo runs, in seconds; 0 is until Ctrl-C.
SECONDS ?= 0
# What pytest is given besides, such as PYTEST="-k masking".
PYTEST ?=
# Tests start hundreds of processes: each would compile the sources anew.
unexport PYTHONDONTWRITEBYTECODE
# What plays in real time with a picture's moment in its verdict, or with a browser: one test at a time, on a machine
# that does nothing else. All others run two files at a time: a file makes its costly fixtures once.
ALONE := $(addprefix tests/,$(addprefix e2e/test_,aim.py metadata.py turning.py turning_long.py) \
	$(addprefix live/test_,far.py hands.py joystick.py page.py reload.py webrtc.py) \
	ptz/test_head.py ptz/test_listening.py virtual/test_demo.py)
# 5: nothing was selected, as by PYTEST="-k masking" in one of the two.
together = $(BIN)/pytest -n 2 --dist loadfile $(1) $(PYTEST) $(addprefix --ignore=,$(ALONE)) || [ $$? -eq 5 ]
alone = $(BIN)/pytest $(1) $(PYTEST) $(ALONE) || [ $$? -eq 5 ]

.PHONY: help demo test test-all test-arm64 bench contact-sheet format style clean environment-demo environment-test

help:
	@echo "make demo [SECONDS=20]   a whole virtual mast on this machine; its state goes to demo-state/"
	@echo "make test                style, types, architecture and tests"
	@echo "make test-all            the same with the long tests, and the arm64 image"
	@echo "make test-arm64          Dockerfile.arm64 carried out and tried in a Debian arm64 folder (root)"
	@echo "make bench               the figures of docs/performance.md, measured here"
	@echo "make contact-sheet       what is recorded at rest, in sweeps and blind, as build/contact-sheet.png"
	@echo "make format              style mended where a tool can"
	@echo "make clean               takes away .venv, build/ and caches; demo-state/ stays"

demo: environment-demo
	@$(PYTHON) tools/foreground.py $(BIN)/vigie demo --seconds $(SECONDS) --state demo-state

test: environment-test style
	@echo "== tests"
	@$(call together,-m "not slow")
	@$(call alone,-m "not slow")

test-all: environment-test style
	@echo "== tests, the long ones too"
	@$(call together)
	@$(call alone)
	@$(MAKE) --no-print-directory test-arm64

test-arm64: environment-test
	@echo "== the arm64 image"
	@tools/test-arm64

bench: environment-test
	@echo "== measurements"
	@$(BIN)/python tests/bench/run.py

contact-sheet: environment-test
	@$(BIN)/python -m tests.e2e.contact_sheet build/contact-sheet.png

style: environment-test
	@echo "== style"
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@echo "== types"
	@$(BIN)/mypy

format: environment-test
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

environment-demo:
	@tools/environment $(PYTHON) $(VENV) demo

environment-test:
	@tools/environment $(PYTHON) $(VENV) demo,test
	@tools/install-test-packages tests

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
