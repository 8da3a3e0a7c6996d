# Benchmarks: programs, not tests; they print and never fail on a figure.
BENCH_CFLAGS = $(call includes,scheduler)
$(B)/tests/bench/alloc_bench: tests/bench/alloc_bench.c $(foreach d,scheduler $(DEPS_scheduler),$(call lib,$(d))) $(STAMP)
	$(Q)mkdir -p $(@D)
	$(call say,LD,$@) $(CC) $(CFLAGS) $(BENCH_CFLAGS) $(LDFLAGS) -o $@ $< -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LDLIBS) $(CXXLIBS)
# Selectors beside cel-go.
$(B)/tests/bench/cel_bench: tests/bench/cel_bench.c $(call lib,cel) $(call lib,base) $(STAMP)
	$(Q)mkdir -p $(@D)
	$(call say,LD,$@) $(CC) $(filter-out -MMD -MP,$(CFLAGS)) $(call includes,cel) $(LDFLAGS) -o $@ $(filter %.c %.a,$^) $(LDLIBS) $(CXXLIBS)
# Upstream's allocator and selectors, from Go modules, in the same run; without Go or its modules, the recorded times.
UPSTREAM_ENGINES := tests/bench/upstream-engines
BENCH_VECTORS = $(or $(DRALAB_SHARED),../shared)/vectors
$(B)/tests/bench/upstream-engines: $(wildcard $(UPSTREAM_ENGINES)/*.go) $(UPSTREAM_ENGINES)/go.sum
	$(Q)mkdir -p $(@D)
	$(call say,GO,$@) cd $(UPSTREAM_ENGINES) && go build -o $(abspath $@) .
# ARGUMENTS: what upstream-engines is to time; into the program's name with .tsv.
upstream_times = $(MAKE) -s $(B)/tests/bench/upstream-engines && $(B)/tests/bench/upstream-engines $(1) >$<.tsv || \
  { echo "\# SKIP upstream's engines: recorded times instead"; >$<.tsv; }
bench-alloc: $(B)/tests/bench/alloc_bench
	@$(call upstream_times,time $(BENCH_VECTORS)/allocator/bench/*)
	@$< -u $<.tsv
bench-cel: $(B)/tests/bench/cel_bench
	@$(call upstream_times,selectors $(BENCH_VECTORS)/cel/bench.jsonl)
	@$< -u $<.tsv
.PHONY: bench-alloc bench-cel
# One load generator for ours and for upstream's servers; tests/bench/run drives both and prints ratios.
$(B)/tests/bench/load: tests/bench/load.c tests/bench/bench_http.c tests/bench/bench_http.h $(call lib,base) $(STAMP)
	$(Q)mkdir -p $(@D)
	$(call say,LD,$@) $(CC) $(filter-out -MMD -MP,$(CFLAGS)) -Ibase -Itests/bench $(LDFLAGS) -o $@ $(filter %.c %.a,$^) $(LDLIBS)
bench: build/dralab $(B)/tests/bench/load
	@DRALAB_BENCH_LOAD=$(B)/tests/bench/load tests/bench/run
	@echo; $(MAKE) -s bench-cel
	@echo; $(MAKE) -s bench-alloc
.PHONY: bench
