# The two commands that matter: `make demo` and `make test`. Both set up everything they need.

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: demo test test-slicer benchmark lung-weights clean

demo: $(VENV)/.installed
	$(BIN)/lungpnet demo --out demo-output --overwrite

test: $(VENV)/.installed-test
	Testing/system-packages.sh
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest

# The Slicer modules on the test host; not part of `make test` yet.
test-slicer: $(VENV)/.installed-test
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[host]'
	QT_QPA_PLATFORM=offscreen $(BIN)/python -m pytest Testing/slicer

benchmark: $(VENV)/.installed-test
	$(BIN)/python Testing/benchmarks/lung_accuracy.py
	$(BIN)/python Testing/benchmarks/resources.py
	$(BIN)/python Testing/benchmarks/phantom.py

# The lung weights that ship. LIDC is a folder with the DICOM files of the patients LIDC-IDRI-0028,
# -0293 and -0306 in folders of these names; an hour on 2 cores. Give it again to go on.
LIDC ?= lidc-idri
WORK ?= lung-weights
WEIGHTS ?= LungPNet/LungPNetLib/weights
PHANTOM = $(BIN)/lungpnet phantom --cohort
lung-weights: $(VENV)/.installed-test
	test -d $(WORK)/training || $(PHANTOM) 96 --seed 1 --out $(WORK)/training
	test -d $(WORK)/validation || $(PHANTOM) 16 --seed 1000 --out $(WORK)/validation
	$(BIN)/lungpnet lidc --dicom $(LIDC) --out $(WORK)/lidc \
	  --patient LIDC-IDRI-0028 --patient LIDC-IDRI-0293 --patient LIDC-IDRI-0306
	$(BIN)/lungpnet manifest --out $(WORK)/manifest.csv --validation $(WORK)/validation/manifest.csv \
	  --training $(WORK)/training/manifest.csv $(WORK)/lidc/manifest.csv
	$(BIN)/lungpnet train lungs --resume --manifest $(WORK)/manifest.csv --out $(WORK)/run \
	  --weights-out $(WEIGHTS)

$(VENV)/bin/python:
	$(PYTHON) -c "import sys; assert sys.version_info >= (3, 11), 'Python 3.11 or 3.12 is needed'"
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet -c constraints.txt torch
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[report]'
	touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[test]'
	touch $@

clean:
	rm -rf $(VENV) demo-output
