# Sources of builder/sets/ (see the top Makefile for what the variables mean).
