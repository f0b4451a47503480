# make demo, make test: the rest is made on the way.

PYTHON ?= python3.11
VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready
METHOD ?=
BLENDER ?= blender
BLENDERS ?=
TARGET ?= linux-x64-py311-cpu
TARGETS ?=
INDEX ?=
UV := build/tools/bin/uv
export BLENDER BLENDERS TARGETS

.DEFAULT_GOAL := help
.PHONY: help env demo test test-gui test-matrix soak lint build bundle release locks bench clean

help:
	@echo "make demo     synthesize held-out views of the examples in Blender, and a person's Gaussians: out/demo/"
	@echo "make test     run every test"
	@echo "make test-gui run the extension in a real window: BLENDER=/path/to/blender, pictures in out/gui/"
	@echo "make test-matrix  install, use and remove the zips in every Blender: BLENDERS=\"/path/to/blender;/path/to/another\""
	@echo "make soak     make 1,000 frames while everything fails: some minutes, Linux; SOAK_FRAMES=..."
	@echo "make lint     ruff and mypy"
	@echo "make build    build the extension with Blender's own builder: dist/"
	@echo "make bundle   build a zip with the backend in it: TARGET=linux-x64-py311-cpu"
	@echo "make release  build the zips, their checksums and an extension repository: dist/"
	@echo "make locks    choose the backend's wheels anew: wheels/locks/; TARGETS=..., INDEX=... for other builds of torch"
	@echo "make bench    measure: speed as ratios, memory"
	@echo "make env      the Python environment alone: .venv"
	@echo "make clean    remove what was made, the environment included"

env: $(READY)
	@$(PY) .ci/system_libraries.py

$(READY): requirements-dev.txt wheels/requirements.txt
	@command -v $(PYTHON) > /dev/null || { echo "$(PYTHON) is not on this machine: install Python 3.11, or name yours: make PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(PY) || $(PYTHON) -m venv $(VENV) || { echo "On Debian or Ubuntu: sudo apt-get install python3.11-venv"; exit 1; }
	$(PY) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

demo: env
	@$(PY) -m examples.demo $(if $(METHOD),--method $(METHOD))

# The pictures in the documentation, from the last demo.
docs/images/comparison.jpg: out/demo/still_life.json
docs/images/person.jpg: out/demo/person.json
docs/images/comparison.jpg docs/images/person.jpg:
	$(PY) -m examples.comparison_sheet $< --small $@

# Blender's module and torch are better apart, and the installed extension wants a clean start: three processes.
test: env
	@status=0; \
	for suite in unit blender installed; do \
	    echo "tests/$$suite"; \
	    $(PY) -m pytest tests/$$suite || status=1; \
	done; \
	exit $$status

# A window on a virtual screen (needs Xvfb). BLENDER is the command that starts Blender, "blender" unless told.
test-gui: env
	$(PY) -m pytest tests/gui

# Blenders of their own in build/, fetched once (4 GB); those that BLENDERS names are run as they are. TARGETS names bundles.
test-matrix: env
	$(PY) -m pytest tests/matrix

# In a namespace of its own, where a small disk can be mounted that fills up.
soak: env
	unshare --mount $(if $(filter 0,$(shell id -u)),,--user --map-root-user) $(PY) -m pytest tests/soak -s --basetemp=build/soak

# Relative imports of the extension reach its root, which is a package only under its own name: hence the link.
lint: env
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy inference training benchmarks examples wheels
	@mkdir -p build/lint && ln -sfn ../.. build/lint/sightline
	cd build/lint && ../../$(PY) -m mypy --config-file ../../pyproject.toml -p sightline.scene -p sightline.operators \
	    -p sightline.panels -p sightline.engine -p sightline.farm -m sightline.preferences -m sightline.registration

build: env
	$(PY) -m wheels.release --thin

bundle: env
	$(PY) -m wheels.bundle $(TARGET)

release: env
	$(PY) -m wheels.release $(or $(TARGETS),$(TARGET))

$(UV):
	$(PYTHON) -m venv build/tools
	build/tools/bin/python -m pip install --quiet --disable-pip-version-check uv==0.13.9

locks: env $(UV)
	$(PY) -m wheels.lock --uv $(UV) $(if $(INDEX),--index $(INDEX)) $(TARGETS)

bench: env
	@$(PY) -m benchmarks

clean:
	rm -rf $(VENV) build dist out
