//! Whole-system tests: real binaries, real databases, real crashes.
