# The built-in profiles are part of the binary (.incbin in profile_builtin.c): a changed one rebuilds that object.
$(B)/fake-devices/profile_builtin.o: $(wildcard fake-devices/profiles/*.yaml)
