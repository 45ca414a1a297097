# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A thin face over Meson: everything it does can be done by hand with
# `meson setup build && meson compile -C build && meson test -C build`.

BUILD ?= build
# Debian's own: a Python from elsewhere may come first in PATH and lack its modules.
PYTHON ?= /usr/bin/python3
MESON ?= meson

.PHONY: all run check bench bench-report fuzz install clean help

all:
	@scripts/packages build
	@$(MAKE) --no-print-directory $(BUILD)/build.ninja
	@$(MESON) compile -C $(BUILD)

$(BUILD)/build.ninja:
	@$(MESON) setup $(BUILD)

run:
	@scripts/packages build run
	@$(MAKE) --no-print-directory $(BUILD)/build.ninja
	@$(MESON) compile -C $(BUILD) >$(BUILD)/compile.log 2>&1 || { cat $(BUILD)/compile.log; exit 1; }
	@$(PYTHON) scripts/run --build $(BUILD) $(if $(MONITOR),--monitor '$(MONITOR)')

check:
	@scripts/packages build run check
	@$(MAKE) --no-print-directory $(BUILD)/build.ninja
	@$(MESON) compile -C $(BUILD)
	@$(MESON) test -C $(BUILD) --no-rebuild --print-errorlogs

bench:
	@scripts/packages build run bench
	@$(MAKE) --no-print-directory $(BUILD)/build.ninja
	@$(MESON) compile -C $(BUILD)
	@$(PYTHON) bench/run.py --build $(BUILD) $(if $(SCENARIO),--scenario '$(SCENARIO)') \
		$(if $(FULL),--full) $(if $(PLAN),--plan)

bench-report:
	@$(PYTHON) bench/report.py $(BUILD)/bench.json docs

# SECONDS: how long all targets run together; or SECONDS_EACH: how long each does.
SECONDS_EACH ?= 60
fuzz:
	@scripts/packages build check
	@test -f $(BUILD)-fuzz/build.ninja || CC=clang $(MESON) setup $(BUILD)-fuzz -Dfuzz=true \
		-Db_sanitize=address,undefined -Db_lundef=false
	@$(MESON) compile -C $(BUILD)-fuzz
	@scripts/fuzz $(BUILD)-fuzz $(if $(SECONDS),$(SECONDS) all,$(SECONDS_EACH) each)

install: all
	@$(MESON) install -C $(BUILD) --no-rebuild

clean:
	rm -rf $(BUILD) $(BUILD)-*

help:
	@echo "make run      boot a real QEMU and print its events (MONITOR=PATH: one that runs)"
	@echo "make check    run every test"
	@echo "make bench    measure (SCENARIO=NAME: one of them; FULL=1: all; PLAN=1: say what)"
	@echo "make bench-report  write docs/performance.md from what was measured"
	@echo "make fuzz     fuzz every parser (SECONDS=N: for so long; SECONDS_EACH=N: each of them)"
	@echo "make install  install (by meson; prefix: meson configure build -Dprefix=DIR)"
	@echo "make          build"
