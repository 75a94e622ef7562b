# The two commands that matter: `make demo` and `make test`. Both set up everything they need.

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: demo test test-python312 benchmark lung-weights screenshots clean

demo: $(VENV)/.installed
	$(BIN)/lungpnet demo --out demo-output --overwrite

# Unit tests and the Slicer modules on their test host, in two processes of one core each. A file's
# tests stay together, and files start in the order of their names: the longest are not the last.
PYTEST_OPTIONS = --numprocesses 2 --dist loadfile --no-loadscope-reorder
test: $(VENV)/.installed-test
	Testing/system-packages.sh
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(PYTEST_OPTIONS)

# The unit tests on Slicer's Python, but for those that need torch or MONAI (without_torch.args).
PYTHON312 ?= python3.12
BIN312 = $(VENV)-3.12/bin
test-python312:
	$(PYTHON312) -c "import sys; assert sys.version_info[:2] == (3, 12), sys.version"
	test -d $(VENV)-3.12 || $(PYTHON312) -m venv $(VENV)-3.12
	grep -v monai LungPNet/Resources/LungPNet-requirements.txt > $(VENV)-3.12/requirements.txt
	$(BIN312)/python -m pip install --quiet -c constraints.txt -r $(VENV)-3.12/requirements.txt \
	  numpy scipy SimpleITK pydicom highdicom pillow \
	  hypothesis jsonschema pypdf pytest pytest-xdist python-gdcm
	PYTHONPATH=LungPNet OMP_NUM_THREADS=1 $(BIN312)/python -m pytest $(PYTEST_OPTIONS) \
	  @Testing/without_torch.args

benchmark: $(VENV)/.installed-test
	$(BIN)/python Testing/benchmarks/lung_accuracy.py
	$(BIN)/python Testing/benchmarks/resources.py
	$(BIN)/python Testing/benchmarks/phantom.py
	$(BIN)/python Testing/benchmarks/panel_times.py

# The pictures of docs/, of a made-up patient; a few minutes.
screenshots: $(VENV)/.installed-test
	Testing/system-packages.sh
	$(BIN)/python Testing/screenshots.py

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
	rm -rf $(VENV) $(VENV)-3.12 demo-output
