# Sources of bench/ (see the top Makefile for what the variables mean).
BENCH_SOURCES := bench/chart.cc bench/compare.cc bench/spawn_server.cc bench/statistics.cc \
	bench/syscall_counter.cc

PROGRAMS += start-ratio
start-ratio_SOURCES := bench/start_ratio.cc

# What `dyldctl bench` starts by default. Always a plain build, whatever SANITIZE says.
EXTRA_ALL += $(O)/lib/empty
$(O)/lib/empty: bench/empty.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(WARNINGS) -O2 -o $@ $<
