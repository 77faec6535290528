# linnet: `make` lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
export PYTHONPATH := tests
CHART_FILES := deploy/helm/linnet/files
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo demo-gitops test lint types layers test-unit test-integration test-e2e bench bench-decisions crds argocd venv cluster clean

help: ## List the targets
	@grep -hE '^[a-z0-9 -]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  \033[1m%-17s\033[0m %s\n", $$1, $$2}'

demo: venv ## Watch a good and a bad release on a real local cluster (KEEP=1 leaves it up)
	@$(PY) -m demo $(ARGS)

demo-gitops: venv ## Watch a team release by commits, with Argo CD, on a real local cluster
	@$(PY) -m demo_gitops $(ARGS)

test: venv ## Run everything: lint, types, layers, unit, integration, e2e
	@$(PY) tests/run.py $(if $(ARGS),-- $(ARGS))

lint types layers: venv ## Run one of the static checks
	@$(PY) tests/run.py $@

test-unit: venv ## Run the unit tests (ARGS='-k words' picks some)
	@$(PY) tests/run.py unit $(if $(ARGS),-- $(ARGS))

test-integration: venv ## Run the tests on a real API server and a real Prometheus
	@$(PY) tests/run.py integration $(if $(ARGS),-- $(ARGS))

test-e2e: venv ## Run the tests on the whole cluster (BACKEND=kind|kubeconfig for another one)
	@$(PY) tests/run.py e2e $(if $(ARGS),-- $(ARGS))

bench: venv ## Measure speed, cost and damage; writes docs/benchmarks.md
	@$(PY) -m bench $(ARGS)

bench-decisions: venv ## Simulate how often, how soon linnet decides right; writes docs/decisions.md
	@$(PY) -m decisions $(ARGS)

crds: venv ## Write crds/ from the models, and copy into the chart what it shares with kustomize
	@$(PY) -m linnet.api.crd crds
	@cp crds/*.yaml $(CHART_FILES)/crds/
	@cp deploy/kustomize/permissions/cluster/role.yaml $(CHART_FILES)/
	@cp deploy/kustomize/components/admission-policies/replicas.yaml \
	  deploy/kustomize/components/admission-policies/weights.yaml $(CHART_FILES)/admission-policies/

argocd: venv ## Write what Argo CD's settings need for linnet's kinds, from deploy/argocd/resource_customizations
	@$(PY) deploy/argocd/generate.py

cluster: venv ## Build the local cluster's programs (kept in the cache folder)
	@$(PY) -m cluster build

venv: $(VENV)/.ready ## Make the Python environment in .venv

$(VENV)/.ready: pyproject.toml
	@echo "==> Python environment in $(VENV)"
	@$(PYTHON) -m venv --upgrade-deps $(VENV) >/dev/null
	@$(BIN)/pip install --quiet --editable . --group dev
	@touch $@

clean: ## Remove the Python environment and the caches of this tree
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
