# dralab - one Makefile, no recursion except for variants.
#
#   make              build/dralab
#   make quickstart   build it, make a cluster, run the examples on it
#   make test         every test
#   make examples     every manifest below examples/, each on a cluster of its release
#   make check-asan | check-tsan | check-clang | fuzz-replay | headers
#   make check-COMPONENT              unit tests of one folder
#   make fuzz-NAME SECONDS=600        random inputs for one fuzzer
#   make bench | install | format | clean
#
# V=release|asan|tsan picks a variant; DEVELOPER=1 turns warnings into errors.
SHELL := /bin/bash
V     ?= release
CC    ?= gcc
ifeq ($(origin CC),default)
CC    := gcc
endif
CXX   ?= g++
VARIANT := $(V)$(if $(findstring clang,$(CC)),-clang)
B     := build/$(VARIANT)
PREFIX ?= /usr/local

# -- layers: DEPS_x lists what x may include, and nothing else is on its include path --
COMPONENTS := base api kclient cel apiserver-lite scheduler controllers fake-devices node-agent cmd
DEPS_base           :=
DEPS_api            := base
DEPS_cel            := base
DEPS_kclient        := base api
DEPS_apiserver-lite := base api cel
DEPS_scheduler      := base api cel kclient
DEPS_controllers    := base api kclient
DEPS_fake-devices   := base api kclient
DEPS_node-agent     := base api kclient
DEPS_cmd            := base api cel kclient apiserver-lite scheduler controllers fake-devices node-agent

# -- libraries: checked once, with a message that says what to install --
PKGS := libmicrohttpd gnutls libnghttp2 sqlite3 yaml-0.1 libseccomp
PKG_PACKAGES := gcc g++ make pkg-config libmicrohttpd-dev libgnutls28-dev libnghttp2-dev libsqlite3-dev libyaml-dev libseccomp-dev \
                libre2-dev zlib1g-dev bash-static busybox-static
ifeq (,$(filter clean format quickstart deps,$(MAKECMDGOALS)))
pkg-need = $(if $(shell pkg-config --exists $(1) && echo y),,$(error $(1) not found; install: apt-get install $(PKG_PACKAGES)))
$(foreach p,$(PKGS),$(call pkg-need,$(p)))
endif

WARN := -Wall -Wextra -Wshadow -Wvla -Wundef -Wstrict-prototypes -Wold-style-definition -Wmissing-prototypes \
        -Wpointer-arith -Wwrite-strings -Wcast-qual -Wformat=2 -Wswitch-enum -Wimplicit-fallthrough -Wredundant-decls
ifeq (,$(findstring clang,$(CC)))
WARN += -Wjump-misses-init -Wlogical-op -Wduplicated-cond -Wuse-after-free=3 -Wno-format-truncation
endif
WARN += $(if $(DEVELOPER),-Werror)
HARDEN := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
FLAGS_release := -O2 -g $(HARDEN)
FLAGS_asan    := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
FLAGS_tsan    := -O1 -g -fsanitize=thread
# Packed: the constant tables have 27,000 pointers, which a start would read 24 bytes for each.
LINK_release  := -pie -Wl,-z,relro,-z,now -Wl,-z,pack-relative-relocs -Wl,--gc-sections
CFLAGS := -std=gnu11 -D_GNU_SOURCE -fno-common -fvisibility=hidden -ffunction-sections -fdata-sections -pthread -MMD -MP \
          $(WARN) $(FLAGS_$(V)) $(EXTRA_CFLAGS)
CXXFLAGS := -std=c++17 -fno-exceptions -fno-rtti -fvisibility=hidden -ffunction-sections -fdata-sections -pthread -MMD -MP \
          -Wall -Wextra $(FLAGS_$(V))
LDFLAGS := $(FLAGS_$(V)) $(LINK_$(V)) -pthread
LDLIBS := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lz -lm -ldl

# A changed compiler or flag set makes a new stamp, and so rebuilds everything.
STAMP := $(B)/.flags-$(shell echo '$(CC) $(CFLAGS) $(CXXFLAGS)' | sha1sum | cut -c1-12)

# A component is its folder and one level of folders below it.
dirs     = $(patsubst %/,%,$(1)/ $(sort $(dir $(wildcard $(1)/*/*.h) $(wildcard $(1)/*/*.c))))
sources  = $(wildcard $(1)/*.c $(1)/*/*.c)
cxx      = $(wildcard $(1)/*.cc $(1)/*/*.cc)
objs     = $(patsubst %.c,$(B)/%.o,$(call sources,$(1))) $(patsubst %.cc,$(B)/%.o,$(call cxx,$(1))) $(GEN_OBJS_$(1))
includes = $(foreach d,$(1) $(DEPS_$(1)),$(addprefix -I,$(call dirs,$(d)))) $(addprefix -I,$(GEN_DIRS_$(1)) $(foreach d,$(DEPS_$(1)),$(GEN_DIRS_$(d))))
lib      = $(B)/lib$(1).a

all: build/dralab
.DEFAULT_GOAL := all

# Selectors are run on every device of a cluster; 5 % of their time are worth some more KiB.
build/release/cel/%.o: CFLAGS += -O3

# -- generated tables: included by the components that own them --
-include $(wildcard $(addsuffix /gen.mk,$(COMPONENTS)))

$(STAMP): ; @mkdir -p $(@D) && rm -f $(B)/.flags-* && touch $@

# Quiet rules; V is taken, so SHOW=1 prints whole commands.
Q := $(if $(SHOW),,@)
say = $(if $(SHOW),,@printf '  %-4s %s\n' $(1) $(2);)

define component_rules
$(B)/$(1)/%.o: $(1)/%.c $(STAMP) | $(GEN_HDRS_$(1)) $(foreach d,$(DEPS_$(1)),$(GEN_HDRS_$(d)))
	$(Q)mkdir -p $$(@D)
	$$(call say,CC,$$<) $$(CC) $$(CFLAGS) $$(call includes,$(1)) -c -o $$@ $$<
$(B)/$(1)/%.o: $(1)/%.cc $(STAMP)
	$(Q)mkdir -p $$(@D)
	$$(call say,CXX,$$<) $$(CXX) $$(CXXFLAGS) $$(call includes,$(1)) -c -o $$@ $$<
$(call lib,$(1)): $$(call objs,$(1))
	$(Q)rm -f $$@
	$$(call say,AR,$$@) ar rcs $$@ $$^
# Tests and fuzzers of a component see what the component sees, and link what it may use.
$(B)/tests/unit/$(1)/%.o: tests/unit/$(1)/%.c $(STAMP) | $(GEN_HDRS_$(1))
	$(Q)mkdir -p $$(@D)
	$$(call say,CC,$$<) $$(CC) $$(CFLAGS) $$(call includes,$(1)) -Itests/unit -Itests/unit/$(1) -c -o $$@ $$<
$(B)/tests/fuzz/$(1)/%.o: tests/fuzz/$(1)/%.c $(STAMP) | $(GEN_HDRS_$(1))
	$(Q)mkdir -p $$(@D)
	$$(call say,CC,$$<) $$(CC) $$(CFLAGS) $$(call includes,$(1)) -c -o $$@ $$<
$(B)/tests/unit/$(1)/test_%: $(B)/tests/unit/$(1)/test_%.o $$(patsubst %.c,$(B)/%.o,$$(filter-out tests/unit/$(1)/test_%,$$(wildcard tests/unit/$(1)/*.c))) $(call lib,$(1)) $(foreach d,$(DEPS_$(1)),$(call lib,$(d)))
	$$(call say,LD,$$@) $$(CC) $$(LDFLAGS) -o $$@ $$(filter %.o,$$^) -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group $$(LDLIBS) $$(CXXLIBS) -lcmocka
$(B)/tests/fuzz/$(1)/fuzz_%: $(B)/tests/fuzz/$(1)/fuzz_%.o $(B)/tests/fuzz/standalone.o $(call lib,$(1)) $(foreach d,$(DEPS_$(1)),$(call lib,$(d)))
	$$(call say,LD,$$@) $$(CC) $$(LDFLAGS) -o $$@ $$(filter %.o,$$^) -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group $$(LDLIBS) $$(CXXLIBS)
$(B)/tests/tools/$(1)/%: tests/tools/$(1)/%.c $(call lib,$(1)) $(foreach d,$(DEPS_$(1)),$(call lib,$(d)))
	$(Q)mkdir -p $$(@D)
	$$(call say,LD,$$@) $$(CC) $$(CFLAGS) $$(call includes,$(1)) $$(LDFLAGS) -o $$@ $$< -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group $$(LDLIBS) $$(CXXLIBS)
TOOLS   += $$(patsubst %.c,$(B)/%,$$(wildcard tests/tools/$(1)/*.c))
TESTS   += $$(patsubst %.c,$(B)/%,$$(wildcard tests/unit/$(1)/test_*.c))
FUZZERS += $$(patsubst %.c,$(B)/%,$$(wildcard tests/fuzz/$(1)/fuzz_*.c))
check-$(1): $$(patsubst %.c,$(B)/%,$$(wildcard tests/unit/$(1)/test_*.c))
	@tests/run-unit $$^
.PHONY: check-$(1)
endef
$(foreach d,$(COMPONENTS),$(eval $(call component_rules,$(d))))
$(B)/tests/fuzz/standalone.o: tests/fuzz/standalone.c $(STAMP)
	$(Q)mkdir -p $(@D)
	$(call say,CC,$<) $(CC) $(CFLAGS) -c -o $@ $<

# RE2 is C++: one shim file, linked statically so that nothing has to be found at run time.
CXXLIBS := -Wl,-Bstatic -lre2 -lstdc++ -Wl,-Bdynamic -lm
ifneq (,$(findstring san,$(V)))
CXXLIBS := -lre2 -lstdc++ -lm
endif

LIBS := $(foreach d,$(filter-out cmd,$(COMPONENTS)),$(call lib,$(d)))
$(B)/dralab: $(call objs,cmd) $(LIBS)
	$(call say,LD,$@) $(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(LIBS) -Wl,--end-group $(LDLIBS) $(CXXLIBS)
build/dralab: $(B)/dralab
	$(Q)mkdir -p $(@D) && ln -sf $(VARIANT)/dralab $@

# `make test` is everything that can be run here; its last line is the sum.
test: $(TESTS) $(FUZZERS) build/dralab
	@tests/run-all "$(TESTS)" "$(FUZZERS)"
quickstart: ; @tests/quickstart
examples: build/dralab
	@tests/e2e/run tests/e2e/pods.test tests/e2e/classic.test tests/e2e/classic_faults.test

e2e: build/dralab
	@tests/e2e/run
interop: build/dralab
	@TEST_TIMEOUT=1500 tests/e2e/run tests/interop/*.test
install: build/dralab
	install -d $(DESTDIR)$(PREFIX)/bin
	install -s -m 755 $(B)/dralab $(DESTDIR)$(PREFIX)/bin/dralab

check: unit fuzz-replay
unit: $(TESTS)
	@tests/run-unit $(TESTS)
fuzz-replay: $(FUZZERS)
	@tests/run-fuzz $(FUZZERS)
# Random inputs for one fuzzer: make fuzz-alloc SECONDS=3600
fuzz-%: ; @f="$(filter %/fuzz_$*,$(FUZZERS))"; [ -n "$$f" ] || { echo "no fuzzer fuzz_$*" >&2; exit 1; }; $(MAKE) -s $$f && $$f -t $(or $(SECONDS),60)
check-asan check-tsan: check-%: ; $(MAKE) V=$* check
check-clang: ; $(MAKE) CC=clang check
# Each header compiles alone.
headers:
	@$(foreach d,$(COMPONENTS),for h in $$(find $(d) -maxdepth 2 -name "*.h"); do \
	  $(CC) -std=gnu11 -D_GNU_SOURCE $(WARN) -Wno-unused-function -fsyntax-only $(call includes,$(d)) -x c - <<<"#include \"$${h##*/}\"" || exit 1; done;)
format: ; clang-format -i $$(git ls-files '*.c' '*.h')
clean: ; rm -rf build
-include $(shell find $(B) -name '*.d' 2>/dev/null)
.PHONY: all examples test quickstart e2e interop install check unit fuzz-replay check-asan check-tsan check-clang headers format clean
.SECONDARY:
.DELETE_ON_ERROR:
-include tests/bench/bench.mk
# Everything compiles: libraries, tests, fuzzers and the program.
land-check: $(LIBS) $(TESTS) $(FUZZERS) $(TOOLS) $(if $(wildcard cmd/main.c),build/dralab)
.PHONY: land-check
