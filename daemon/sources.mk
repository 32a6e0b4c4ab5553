# Sources of daemon/ (see the top Makefile for what the variables mean).
