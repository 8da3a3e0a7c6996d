# The tables of the kinds: kinds/data/**/*.kind → kind_tables.c, by a small program built first.
KINDGEN      := $(B)/kindgen
KIND_DATA    := $(sort $(wildcard apiserver-lite/kinds/data/*.kind apiserver-lite/kinds/data/*/*.kind))
KINDGEN_SRCS := $(wildcard apiserver-lite/kinds/gen/*.c) base/mem.c
GEN_OBJS_apiserver-lite := $(B)/gen/kind_tables.o

$(KINDGEN): $(KINDGEN_SRCS) apiserver-lite/kinds/gen/kindgen.h apiserver-lite/kinds/kind_type.h apiserver-lite/kinds/kind.h $(STAMP)
	$(Q)mkdir -p $(@D)
	$(call say,LD,$@) $(CC) -std=gnu11 -D_GNU_SOURCE -O1 $(WARN) -Ibase -Iapi -Iapiserver-lite/kinds -o $@ $(KINDGEN_SRCS)
$(B)/gen/kind_tables.c: $(KINDGEN) $(KIND_DATA)
	$(Q)mkdir -p $(@D)
	$(call say,GEN,$@) $(KINDGEN) $@ $(KIND_DATA)
$(B)/gen/kind_tables.o: $(B)/gen/kind_tables.c $(STAMP)
	$(call say,CC,$<) $(CC) $(CFLAGS) -Ibase -Iapi -Iapiserver-lite/kinds -c -o $@ $<
# The bootstrap policy is part of the binary (.incbin in rbac_policy.c): a changed file rebuilds that object.
$(B)/apiserver-lite/auth/rbac_policy.o: $(wildcard apiserver-lite/auth/policy/*.rbac)
# So are the words that explain kinds.
$(B)/apiserver-lite/kinds/kind_words.o: $(wildcard apiserver-lite/kinds/words/*.words)
