# Sources of bench/ (see the top Makefile for what the variables mean).

PROGRAMS += start-ratio
start-ratio_SOURCES := bench/start_ratio.cc
