# Sources of libdyldshim/ (see the top Makefile for what the variables mean).
