# Sources of builder/ (see the top Makefile for what the variables mean).
include builder/capture/sources.mk
include builder/sets/sources.mk
