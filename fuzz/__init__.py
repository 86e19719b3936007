"""Fuzzing of what reads bytes from outside: make fuzz."""
