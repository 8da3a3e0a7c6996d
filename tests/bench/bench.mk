# Benchmarks: programs, not tests; they print and never fail on a figure.
BENCH_CFLAGS = $(call includes,scheduler)
$(B)/tests/bench/alloc_bench: tests/bench/alloc_bench.c $(foreach d,scheduler $(DEPS_scheduler),$(call lib,$(d))) $(STAMP)
	$(Q)mkdir -p $(@D)
	$(call say,LD,$@) $(CC) $(CFLAGS) $(BENCH_CFLAGS) $(LDFLAGS) -o $@ $< -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LDLIBS) $(CXXLIBS)
bench-alloc: $(B)/tests/bench/alloc_bench
	@$<
.PHONY: bench-alloc
