# `make` alone lists what there is. Every target sets up what it needs by itself.

# Taken as they are, whatever characters a file name has, and handed to the scripts through the environment.
override SOURCE := $(value SOURCE)
override OUT := $(value OUT)
override PRESET := $(value PRESET)
override ARGS := $(value ARGS)
export SOURCE OUT PRESET ARGS

BIN := .venv/bin
UV_COMPILE = build/uv/bin/uv pip compile --quiet --no-config --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --custom-compile-command "make lock" $(ARGS)
BUILD_REQUIRES = $(BIN)/python -c "import tomllib; \
	print(*tomllib.load(open('pyproject.toml', 'rb'))['build-system']['requires'], sep='\n')"

.DEFAULT_GOAL := help
.PHONY: help run watch screenshots dashboards test test-slow operate chaos fuzz lint types imports check \
	bench lock clean venv venv-dev browser prometheus

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  make run SOURCE=video.mp4 [OUT=out/video] [PRESET=veryfast] [ARGS='--workers 4']"

run: venv ## transcode SOURCE (or a clip made on the spot) into out/
	@scripts/run-transcode

watch: venv ## play a finished stream in the browser: OUT=out/demo
	@$(BIN)/gopfarm play "$${OUT:-out/demo}"

screenshots: venv-dev browser ## make the dashboard's pictures in docs/images anew
	@$(BIN)/python -m tests.browser.screenshots

test: venv-dev browser prometheus ## run the tests, except the slow ones
	@$(BIN)/pytest -m "not slow" $(ARGS)

test-slow: venv-dev browser prometheus ## run the tests that take minutes
	@$(BIN)/pytest -m slow $(ARGS)

operate: venv-dev browser prometheus ## run a whole farm with API and Prometheus, break it, and look at what operators see
	@GOPFARM_REQUIRE_BROWSER=1 GOPFARM_REQUIRE_PROMETHEUS=1 $(BIN)/pytest -m slow tests/operate $(ARGS)

chaos: venv-dev ## break the farm 50 times and print what became of it (ARGS='--runs 5 --lease 4')
	@$(BIN)/python -m tests.chaos --runs 50 --seed 7 --keep-going $(ARGS)

fuzz: venv-dev ## send 10,000 mutated files through probe, plan and encode (ARGS='--count N --seed N')
	@$(BIN)/python -m tests.fuzz $(ARGS)

bench: venv-dev ## measure everything and write docs/benchmarks.md (SOURCE=clip.mp4 ARGS='--quick --only NAME')
	@$(BIN)/python -m bench $${SOURCE:+--source "$$SOURCE"} $(ARGS)

dashboards: venv-dev ## write Grafana's dashboards into the chart, from docker/grafana/dashboards
	@PYTHONPATH=docker/grafana $(BIN)/python -m dashboards helm/gopfarm/dashboards

lint: venv-dev ## check style and formatting
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/hadolint docker/Dockerfile

types: venv-dev ## check types
	@$(BIN)/mypy
	@$(BIN)/mypy docker/healthcheck.py

imports: venv-dev ## check that imports go down the layers only
	@$(BIN)/lint-imports

check: lint types imports test ## all of the checks and tests above, slow tests excepted

lock: build/uv/bin/uv ## remake the lock files from pyproject.toml (ARGS=--upgrade for newer releases)
	@$(BUILD_REQUIRES) | $(UV_COMPILE) -o requirements.lock pyproject.toml -
	@$(BUILD_REQUIRES) | $(UV_COMPILE) --extra dev -c requirements.lock -o requirements-dev.lock pyproject.toml -
	@$(BUILD_REQUIRES) | $(UV_COMPILE) --extra tracing -c requirements-dev.lock -o docker/requirements.lock \
		pyproject.toml -

clean: ## remove the environment, caches and build leftovers (out/ stays)
	@rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis \
		.import_linter_cache tests/browser/node_modules
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

build/uv/bin/uv:
	@scripts/setup-venv bare
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --target build/uv uv

venv:
	@scripts/setup-venv runtime

venv-dev:
	@scripts/setup-venv dev

browser:
	@scripts/setup-browser

prometheus:
	@scripts/setup-prometheus
