# Sources of daemon/ (see the top Makefile for what the variables mean).
PROGRAMS += dyldctl

DAEMON_SOURCES := daemon/files/child.cc daemon/files/directory.cc daemon/files/mapped_file.cc \
	daemon/files/other_root.cc daemon/files/package.cc daemon/files/region_device.cc \
	daemon/system/interpreter.cc daemon/system/service_manager.cc daemon/system/team.cc daemon/system/units.cc \
	daemon/user/user_directory.cc daemon/user/user_mark.cc daemon/user/background_job.cc daemon/user/user_set_writer.cc \
	daemon/state/active_region.cc daemon/state/loader_record.cc daemon/state/state.cc \
	daemon/activation/activation.cc daemon/activation/new_activation.cc daemon/activation/state_region.cc \
	daemon/activation/generation.cc \
	daemon/activation/large_pages.cc daemon/activation/place.cc \
	daemon/activation/region_area.cc daemon/activation/region_writer.cc \
	daemon/activation/kernel_region.cc daemon/activation/this_machine.cc daemon/activation/writable_pieces.cc

# CLI11 and nlohmann/json throw.
DYLDCTL_COMMANDS := $(addprefix daemon/dyldctl/,main.cc activate.cc bench.cc build.cc build_set.cc clean.cc enable.cc \
	interpreter.cc kernel_status.cc list.cc output.cc \
	report.cc run.cc shim.cc show.cc status.cc why.cc)
THROWING_SOURCES += $(DYLDCTL_COMMANDS)

# (Not :=, since BENCH_SOURCES comes later.)
dyldctl_SOURCES = $(DYLDCTL_COMMANDS) $(DAEMON_SOURCES) daemon/dyldctl/freshness.cc \
	daemon/dyldctl/generations.cc daemon/dyldctl/shim_file.cc daemon/dyldctl/launch.cc daemon/dyldctl/program_state.cc \
	daemon/dyldctl/programs.cc daemon/dyldctl/user_set_builder.cc $(BENCH_SOURCES)
dyldctl_LIBS := -lcrypto
