# Sources of builder/capture/ (see the top Makefile for what the variables mean).
CAPTURE_SOURCES := \
	builder/capture/areas.cc \
	builder/capture/capture.cc \
	builder/capture/classify.cc \
	builder/capture/debug_hook.cc \
	builder/capture/debug_slot.cc \
	builder/capture/difference.cc \
	builder/capture/dont_care.cc \
	builder/capture/elf_facts.cc \
	builder/capture/environment.cc \
	builder/capture/filter.cc \
	builder/capture/input_file.cc \
	builder/capture/lazy.cc \
	builder/capture/loader_image.cc \
	builder/capture/model.cc \
	builder/capture/move_loader.cc \
	builder/capture/page_buffer.cc \
	builder/capture/process_facts.cc \
	builder/capture/program_file.cc \
	builder/capture/run.cc \
	builder/capture/snapshot.cc \
	builder/capture/spawn.cc \
	builder/capture/steer.cc \
	builder/capture/stop.cc \
	builder/capture/system_call_name.cc \
	builder/capture/tidy_path.cc \
	builder/capture/tracer.cc \
	builder/capture/variation.cc
