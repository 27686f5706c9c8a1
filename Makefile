# Two commands on a fresh machine with Python 3.11 and make: `make demo` paints a picture, `make test` passes the tests.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip install --quiet -c constraints.txt

.PHONY: demo test check format lint types wheel docs controls bench examples train clean

demo: .venv/ready ## paint a picture with what ships in the repository
	$(BIN)/impasto examples/content/harbor.jpg examples/style/swirls.jpg -o out/demo.png --force

test: .venv/ready ## run the tests
	OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n 2 --dist worksteal  # its many processes compile once

check: .venv/ready lint types wheel docs controls test ## everything that must hold before a change is handed in

lint: .venv/ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: .venv/ready
	$(BIN)/mypy

wheel: .venv/ready ## build the wheel, install it in a clean environment, paint with it
	$(BIN)/python tools/try_wheel.py

docs: .venv/ready ## the documentation as a site; a warning is an error
	$(BIN)/mkdocs build --strict

controls: .venv/ready ## one picture per control, small; the page docs/control.md shows them large
	$(BIN)/python docs/make_control.py --size 96 --steps 5 --output out/control

format: .venv/ready
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .venv/ready ## measure speed against the textbook loop
	$(BIN)/python -m benchmarks.speed

examples: .venv/ready ## draw the example pictures again
	$(BIN)/python -m examples.draw

train: .venv/ready ## train the small network again; needs pictures, see training/README.md
	$(BIN)/python -m training

.venv/ready: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) -e '.[dev]'
	touch $@

clean:
	rm -rf .venv out build dist site
