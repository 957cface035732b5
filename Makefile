# hasp: build, try, check, measure, install.

PREFIX ?= /usr/local
DESTDIR ?=
CARGO ?= cargo
TOOLS := hasp-vault hasp-bind hasp-target hasp-consumer hasp-grant hasp-exec hasp-audit hasp-redact
BINDIR := $(DESTDIR)$(PREFIX)/bin
MANDIR := $(DESTDIR)$(PREFIX)/share/man
BASHDIR := $(DESTDIR)$(PREFIX)/share/bash-completion/completions
ZSHDIR := $(DESTDIR)$(PREFIX)/share/zsh/site-functions
FISHDIR := $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
RELEASE := $(if $(CARGO_TARGET_DIR),$(CARGO_TARGET_DIR),target)/release

.PHONY: all demo check check-long check-portable fmt lint doc test bench install uninstall clean

all:
	$(CARGO) build --release --workspace --bins

# The main job in a throw-away home, each command printed as it can be typed.
demo: all
	@PATH="$(abspath $(RELEASE)):$$PATH" sh examples/demo/run

check: fmt lint doc test

# The tests that take minutes each: hundreds of rounds on a machine under load. `check` runs a short version of each of them.
check-long:
	$(CARGO) build --workspace --bins
	$(CARGO) test --workspace --lib --bins --tests -- --ignored

# The end-to-end tests on a system that has POSIX alone, as macOS nearly has: without memory files, no_new_privs and PR_SET_PDEATHSIG.
check-portable: export RUSTFLAGS = --cfg hasp_portable
check-portable:
	$(CARGO) build --target-dir target/portable --workspace --bins
	$(CARGO) test --target-dir target/portable --package hasp-tests

fmt:
	$(CARGO) fmt --all --check

lint:
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	sh build/lint

doc:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --quiet

test:
	$(CARGO) build --workspace --bins
	$(CARGO) test --workspace

bench: all
	$(CARGO) bench --workspace

install: all
	install -d "$(BINDIR)" "$(MANDIR)/man1" "$(MANDIR)/man5" "$(MANDIR)/man7" "$(BASHDIR)" "$(ZSHDIR)" "$(FISHDIR)"
	for tool in $(TOOLS); do install -m 755 "$(RELEASE)/$$tool" "$(BINDIR)/$$tool" || exit 1; done
	for tool in $(TOOLS); do install -m 644 "man/$$tool.1" "$(MANDIR)/man1" || exit 1; done
	install -m 644 man/*.5 "$(MANDIR)/man5"
	install -m 644 man/*.7 "$(MANDIR)/man7"
	for tool in $(TOOLS); do \
		sh build/completions "$(RELEASE)" "$$tool" bash >"$(BASHDIR)/$$tool" && \
		sh build/completions "$(RELEASE)" "$$tool" zsh >"$(ZSHDIR)/_$$tool" && \
		sh build/completions "$(RELEASE)" "$$tool" fish >"$(FISHDIR)/$$tool.fish" || exit 1; \
	done

uninstall:
	for tool in $(TOOLS); do \
		rm -f "$(BINDIR)/$$tool" "$(MANDIR)/man1/$$tool.1" "$(BASHDIR)/$$tool" "$(ZSHDIR)/_$$tool" "$(FISHDIR)/$$tool.fish"; \
	done
	rm -f "$(MANDIR)/man5/hasp.toml.5" "$(MANDIR)/man5/hasp-policy.toml.5" "$(MANDIR)/man7/hasp.7"
	@echo "What stays: the home with the vault (HASP_HOME, else ~/.local/share/hasp), and /dev/shm/hasp-UID until the next boot."
	@echo "Hooks that were installed stop every commit from now on. Take them away, in each repository:"
	@echo "  rm .git/hooks/pre-commit .git/hooks/commit-msg .git/hooks/pre-push"
	@echo "What was there before is beside them as NAME.before-hasp."

clean:
	$(CARGO) clean
