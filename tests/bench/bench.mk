# Benchmarks: programs, not tests; they print and never fail on a figure.
BENCH_CFLAGS = $(call includes,scheduler)
$(B)/tests/bench/alloc_bench: tests/bench/alloc_bench.c $(foreach d,scheduler $(DEPS_scheduler),$(call lib,$(d))) $(STAMP)
	$(Q)mkdir -p $(@D)
	$(call say,LD,$@) $(CC) $(CFLAGS) $(BENCH_CFLAGS) $(LDFLAGS) -o $@ $< -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LDLIBS) $(CXXLIBS)
# Upstream's allocator, from Go modules, in the same run; without Go or its modules, the recorded times.
UPSTREAM_ALLOCATOR := tests/bench/upstream-allocator
ALLOC_VECTORS = $(or $(DRALAB_SHARED),../shared)/vectors/allocator
$(B)/tests/bench/upstream-allocator: $(UPSTREAM_ALLOCATOR)/main.go $(UPSTREAM_ALLOCATOR)/go.sum
	$(Q)mkdir -p $(@D)
	$(call say,GO,$@) cd $(UPSTREAM_ALLOCATOR) && go build -o $(abspath $@) .
bench-alloc: $(B)/tests/bench/alloc_bench
	@$(MAKE) -s $(B)/tests/bench/upstream-allocator && $(B)/tests/bench/upstream-allocator time $(ALLOC_VECTORS)/bench/* \
	  >$(B)/tests/bench/upstream-allocator.tsv || { echo "# SKIP upstream's allocator: recorded times instead"; >$(B)/tests/bench/upstream-allocator.tsv; }
	@$< -u $(B)/tests/bench/upstream-allocator.tsv
.PHONY: bench-alloc
# Selectors beside cel-go.
$(B)/tests/bench/cel_bench: tests/bench/cel_bench.c $(call lib,cel) $(call lib,base) $(STAMP)
	$(Q)mkdir -p $(@D)
	$(call say,LD,$@) $(CC) $(filter-out -MMD -MP,$(CFLAGS)) $(call includes,cel) $(LDFLAGS) -o $@ $(filter %.c %.a,$^) $(LDLIBS) $(CXXLIBS)
bench-cel: $(B)/tests/bench/cel_bench
	@$<
.PHONY: bench-cel
# One load generator for ours and for upstream's servers; tests/bench/run drives both and prints ratios.
$(B)/tests/bench/load: tests/bench/load.c tests/bench/bench_http.c tests/bench/bench_http.h $(call lib,base) $(STAMP)
	$(Q)mkdir -p $(@D)
	$(call say,LD,$@) $(CC) $(filter-out -MMD -MP,$(CFLAGS)) -Ibase -Itests/bench $(LDFLAGS) -o $@ $(filter %.c %.a,$^) $(LDLIBS)
bench: build/dralab $(B)/tests/bench/load
	@DRALAB_BENCH_LOAD=$(B)/tests/bench/load tests/bench/run
.PHONY: bench
