# The two commands that matter: `make demo` and `make test`. Both set up everything they need.

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: demo test test-python312 benchmark nodule-benchmark lung-weights nodule-weights \
  nodule-comparators screenshots clean

demo: $(VENV)/.installed
	$(BIN)/lungpnet demo --out demo-output --overwrite

# First the Slicer modules on their test host and what starts worker processes, then the unit tests,
# each in two processes of one core: such a process, having trained networks, ended without a word
# when it came to start workers (why is not known). A file's tests stay together, and files start in
# the order of their names: the longest are not the last.
PYTEST_OPTIONS = --numprocesses 2 --dist loadfile --no-loadscope-reorder
STARTERS = Testing/unit/test_process_runner.py Testing/unit/test_worker.py
PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(PYTEST_OPTIONS)
test: $(VENV)/.installed-test
	Testing/system-packages.sh
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(PYTEST) Testing/slicer $(STARTERS)
	$(PYTEST) Testing/unit LungPNet/LungPNetLib $(addprefix --ignore=,$(STARTERS))

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

# The nodule stage on both generators' test patients and on real CT: hours the first time, for the
# patients and what was found in them are kept in the cache; then the outlines, beside readers'.
nodule-benchmark: $(VENV)/.installed-test
	$(BIN)/python Testing/benchmarks/nodule_accuracy.py
	$(BIN)/python Testing/benchmarks/nodule_outlines.py --readers 40 \
	  --segmenter $(WEIGHTS)/nodule-segmenter-*.safetensors

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

# The nodule weights that ship: the network that outlines, the detector, and its operating points on
# validation patients. PATCHES is the folder with labels.csv and patches.npz; LIDC as above. About two
# hours on 2 cores; give it again to go on.
PATCHES ?= lidc-nodule-patches
NODULES ?= nodule-weights
INSERT = $(BIN)/lungpnet nodule-inserts
TRAIN = $(BIN)/lungpnet train --resume --weights-out
nodule-weights: $(VENV)/.installed-test
	test -d $(NODULES)/patches || \
	  $(BIN)/lungpnet nodule-patches --patches $(PATCHES) --out $(NODULES)/patches
	test -d $(NODULES)/crops || $(BIN)/lungpnet nodule-crops 1600 --seed 3 --out $(NODULES)/crops
	test -d $(NODULES)/crops-validation || \
	  $(BIN)/lungpnet nodule-crops 120 --seed 1003 --out $(NODULES)/crops-validation
	test -d $(NODULES)/training || $(PHANTOM) 96 --seed 1 --out $(NODULES)/training
	test -d $(NODULES)/validation || $(PHANTOM) 16 --seed 1000 --out $(NODULES)/validation
	test -d $(NODULES)/lidc || $(BIN)/lungpnet lidc --dicom $(LIDC) --out $(NODULES)/lidc \
	  --patient LIDC-IDRI-0028 --patient LIDC-IDRI-0293 --patient LIDC-IDRI-0306
	test -d $(NODULES)/lidc-inserts || $(INSERT) --manifest $(NODULES)/lidc/manifest.csv \
	  --patches $(NODULES)/patches --per-study 12 --copies 5 --out $(NODULES)/lidc-inserts
	test -d $(NODULES)/training-inserts || $(INSERT) --manifest $(NODULES)/training/manifest.csv \
	  --patches $(NODULES)/patches --out $(NODULES)/training-inserts
	test -d $(NODULES)/validation-inserts || $(INSERT) --per-study 5 --seed 1001 \
	  --manifest $(NODULES)/validation/manifest.csv --out $(NODULES)/validation-inserts
	$(BIN)/lungpnet manifest --out $(NODULES)/outlines.csv --split $(NODULES)/patches/manifest.csv \
	  --training $(addprefix $(NODULES)/,$(addsuffix /manifest.csv, \
	    training training-inserts crops lidc-inserts)) \
	  --validation $(addprefix $(NODULES)/,$(addsuffix /manifest.csv,validation crops-validation))
	$(BIN)/lungpnet manifest --out $(NODULES)/scans.csv --training \
	  $(addprefix $(NODULES)/,$(addsuffix /manifest.csv,training training-inserts lidc-inserts)) \
	  --validation $(addprefix $(NODULES)/,$(addsuffix /manifest.csv,validation validation-inserts))
	$(TRAIN) $(NODULES)/first nodule-segmenter --manifest $(NODULES)/outlines.csv \
	  --out $(NODULES)/run-segmenter
	$(TRAIN) $(WEIGHTS) nodule-segmenter --config nodule-segmenter-wide \
	  --set trainer.start_from="$$(ls -t $(NODULES)/first/nodule-segmenter-*.safetensors | head -1)" \
	  --manifest $(NODULES)/outlines.csv --out $(NODULES)/run-wide
	$(TRAIN) $(WEIGHTS) nodule-detector --manifest $(NODULES)/scans.csv --out $(NODULES)/run-detector
	$(BIN)/lungpnet evaluate nodules --write-operating-points --split validation \
	  --segmenter "$$(ls -t $(WEIGHTS)/nodule-segmenter-*.safetensors | head -1)" \
	  --detector "$$(ls -t $(WEIGHTS)/nodule-detector-*.safetensors | head -1)" \
	  --manifest $(NODULES)/scans.csv --out $(NODULES)/operating-points

# What ships is compared with, after nodule-weights: other networks that outline, with as much time for
# each, and a detector that sees adjacent slices beside a 3-D one of the same short training. None of
# it ships. About four hours on 2 cores.
COMPARED = $(NODULES)/compared
nodule-comparators: $(VENV)/.installed-test
	$(TRAIN) $(NODULES)/first nodule-gan --manifest $(NODULES)/outlines.csv --out $(NODULES)/run-gan
	$(TRAIN) $(COMPARED) nodule-gan --config nodule-gan-even \
	  --set trainer.start_from="$$(ls -t $(NODULES)/first/nodule-gan-*.safetensors | head -1)" \
	  --manifest $(NODULES)/outlines.csv --out $(NODULES)/run-gan-even
	$(TRAIN) $(COMPARED) nodule-segmenter --manifest $(NODULES)/outlines.csv \
	  --out $(NODULES)/run-resnet18 --set variant=resnet18-compact --set trainer.epochs=8
	for variant in compact compact-slices; do $(TRAIN) $(NODULES)/detectors nodule-detector \
	  --manifest $(NODULES)/scans.csv --out $(NODULES)/run-detector-$$variant \
	  --set variant=$$variant --set trainer.epochs=5 || exit 1; done
	for weights in $(COMPARED)/*.safetensors; do $(BIN)/lungpnet evaluate nodules \
	  --split validation --segmenter $$weights --manifest $(NODULES)/scans.csv \
	  --out $(NODULES)/found-$$(basename $$weights .safetensors) || exit 1; done
	for part in validation test; do $(BIN)/python Testing/benchmarks/nodule_outlines.py \
	  --part $$part --segmenter $(WEIGHTS)/nodule-segmenter-*.safetensors \
	  $(COMPARED)/*.safetensors || exit 1; done

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
