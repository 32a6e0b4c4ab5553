# Sources of bench/ (see the top Makefile for what the variables mean).
