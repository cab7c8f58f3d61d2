# One word a task. The first `make run` sets everything up; later ones start at once, without a network.

VENV := .venv/bin

.PHONY: run test faults check format bench shots lock clean

run:  ## start chatapp; options for it go into ARGS="--persona Coder"
	@sh scripts/setup.sh
	@$(VENV)/chatapp $(ARGS)

test: dev  ## all tests; ARGS="tests/store -k search" picks some
	@$(VENV)/python -m pytest $(ARGS)

faults: dev  ## kills, hangs, hostile files, as many as it takes to believe it; some minutes
	@CHATAPP_FAULTS=full $(VENV)/python -m pytest tests/faults $(ARGS)

check: dev  ## format, lint, types, and who may import whom
	$(VENV)/ruff format --check .
	$(VENV)/ruff check .
	$(VENV)/mypy
	$(VENV)/lint-imports

format: dev  ## put the source into the house format
	$(VENV)/ruff format .
	$(VENV)/ruff check --fix .

bench: dev  ## speed against llama.cpp itself
	@$(VENV)/python -m benchmarks $(ARGS)

shots: dev  ## pictures of every screen into docs/shots
	@$(VENV)/python -m scripts.shots $(ARGS)

.PHONY: dev
dev:
	@sh scripts/setup.sh --dev

# Hashes of every file of a version, for Python 3.11 and newer on every system; no index addresses.
LOCK = $(VENV)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --strip-extras \
	--no-emit-index-url --no-annotate --custom-compile-command "make lock"

lock: dev  ## write requirements/*.txt anew; UPGRADE=--upgrade takes newer versions
	$(VENV)/python -m pip install --quiet uv
	$(LOCK) $(UPGRADE) requirements/build.in --output-file requirements/build.txt
	$(LOCK) $(UPGRADE) pyproject.toml --extra dev --extra hub --constraint requirements/build.txt --output-file requirements/dev.txt
	$(LOCK) pyproject.toml --constraint requirements/dev.txt --output-file requirements/run.txt

clean:  ## remove everything that can be made again
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
