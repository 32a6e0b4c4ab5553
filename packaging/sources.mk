# Sources of packaging/ (see the top Makefile for what the variables mean).
