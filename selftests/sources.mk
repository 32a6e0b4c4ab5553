# Sources of selftests/ (see the top Makefile for what the variables mean).
