# Sources of builder/capture/ (see the top Makefile for what the variables mean).
