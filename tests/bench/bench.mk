# Benchmarks: programs, not tests; they print and never fail on a figure.
BENCH_CFLAGS = $(call includes,scheduler)
$(B)/tests/bench/alloc_bench: tests/bench/alloc_bench.c $(foreach d,scheduler $(DEPS_scheduler),$(call lib,$(d))) $(STAMP)
	$(Q)mkdir -p $(@D)
	$(call say,LD,$@) $(CC) $(CFLAGS) $(BENCH_CFLAGS) $(LDFLAGS) -o $@ $< -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LDLIBS) $(CXXLIBS)
bench-alloc: $(B)/tests/bench/alloc_bench
	@$<
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
