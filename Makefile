# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
# make help lists what there is.
#
# ARGS="..."        for run: the program's arguments; for test: pytest's; for bench: what to measure;
#                   for soak: --seed NUMBER repeats an order of events
# MINUTES=...       for soak: how long (60); for bench ARGS=streams: how long each is read (0.5);
#                   for bench ARGS=robot: how long each run is measured (0.33)
# TRACE=...         for bench ARGS=links: recorded links to play, parted by colons (docs/performance.md)
# SECONDS=...       for fuzz: how long each parser is fuzzed (60)
# PYTHON=...        a Python 3.10 to 3.14 of your choice
# ROS_WHEELS=...    jazzy (the default) or kilted, where no ROS installation is sourced

VENV ?= .venv
export VENV
MINUTES ?= 60
export TRACE

.DEFAULT_GOAL := help
.PHONY: help run install-service update bench faults fuzz soak test test-picamera test-all-pythons check format lock clean

help: ## Show this list
	@echo 'Usage: make TARGET [ARGS="..."] [PYTHON=...] [ROS_WHEELS=jazzy|kilted]'
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/    \1\t\2/p' Makefile | expand -t 24

run: ## Stream this machine's camera, or a test picture (ARGS="--source clip.mp4 --port 8090")
	@tools/run $(ARGS)

install-service: ## Have systemd run it (ARGS="--host 0.0.0.0 --config FILE", --print, --uninstall)
	@tools/install-service $(ARGS)

update: ## Bring a new version in, and go back if it does not come up (ARGS=v1.2.0: that one; ARGS=--back)
	@tools/update $(ARGS)

bench: ## Measure latency, CPU and memory, beside rivals (ARGS="glass fanout": only these parts; ARGS=robot: on the robot)
	@tools/bench $(ARGS)

faults: ## Do on purpose what goes wrong while somebody drives, 50 times (ARGS="--runs 5 camera": those alone)
	@tools/faults $(ARGS)

fuzz: ## Fuzz what reads bytes from outside (ARGS="offer jpeg": only these; SECONDS=600: each so long)
	@SECONDS_EACH="$(SECONDS)" tools/fuzz $(ARGS)

soak: ## Let viewers come and go for an hour, and see what stays (MINUTES=10: for so long)
	@tools/soak --minutes "$(MINUTES)" $(ARGS)

test: check ## Check the code and run all tests (ARGS="-k name": only those)
	@tools/test $(ARGS)
	$(if $(ARGS),,@$(MAKE) --no-print-directory test-picamera)

test-picamera: ## Test the real picamera2 on virtual cameras, where that can run
	@bash test/picamera/run.sh

test-all-pythons: ## Run the tests with every supported Python here, with Jazzy and with Kilted
	@tools/test-all-pythons $(ARGS)

check: ## Lint, formatting, types, and who imports whom
	@tools/setup test
	"$(VENV)/bin/ruff" check .
	"$(VENV)/bin/ruff" format --check .
	"$(VENV)/bin/mypy"
	"$(VENV)/bin/lint-imports" --no-logo

format: ## Format the code, and mend what lint can mend
	@tools/setup test
	"$(VENV)/bin/ruff" check --fix-only .
	"$(VENV)/bin/ruff" format .

lock: ## Make requirements/*.txt anew (ARGS=--upgrade: with the newest versions)
	@tools/setup run
	tools/lock $(ARGS)

clean: ## Remove what make and the builds made
	rm -rf .venv .venvs .venv*.lock build dist *.egg-info
	rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
