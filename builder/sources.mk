# Sources of builder/ (see the top Makefile for what the variables mean).
