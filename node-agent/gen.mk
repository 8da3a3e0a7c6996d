# Texts of the built-in images are part of the binary (.incbin in image_builtin.c): a changed one rebuilds that object.
$(B)/node-agent/image_builtin.o: $(wildcard images/*)
$(B)/node-agent/seccomp_profile.o: node-agent/seccomp-default.json
