# Sources of selftests/unit/ (see the top Makefile for what the variables mean).
