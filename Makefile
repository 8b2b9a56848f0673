# make help lists the targets.
.DEFAULT_GOAL := help
.PHONY: help run test lint bench chaos mini-program openapi

help: ## lists the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## builds and starts everything with the sandbox; Ctrl-C stops it
	@scripts/run.sh

test: ## runs every test on private PostgreSQL, Redis and Chromium
	@scripts/test.sh

lint: ## formatting, lints with warnings denied, scripts
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	@for script in scripts/*.sh .ci/run; do bash -n "$$script" || exit 1; done

bench: ## the ratio table, measured here and now
	@scripts/bench.sh

chaos: ## the long runs: random postings, altered history, 100,000 orders, SIGKILL at every write
	@scripts/chaos.sh

mini-program: ## builds the client for WeChat, Alipay and H5, checks what came out, taps it through
	@scripts/mini-program.sh h5 weapp alipay
	@cd mini-program && npm run --silent check:dist && npm run --silent test:mini-programs

openapi: ## prints the OpenAPI document
	@cargo build --workspace --bins --locked --quiet
	@$${CARGO_TARGET_DIR:-target}/debug/onecard openapi
