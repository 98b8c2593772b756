#!/bin/sh
# own-libraries.sh TREE PROGRAM SCRIPT: writes SCRIPT, which runs TREE/PROGRAM with the libraries of TREE,
# another distribution's. HAProxy starts itself anew at a reload, by the name it was called with: that
# has to be the script again.
set -eu
tree=$1
libraries=$(dirname "$(find "$tree/usr/lib" -name libc.so.6 | head -n 1)")
loader=$(find "$libraries" -name 'ld-linux*.so*' | head -n 1)
cat >"$3" <<END_OF_SCRIPT
#!/bin/sh
exec "$loader" --argv0 "\$0" --library-path "$libraries" "$tree/$2" "\$@"
END_OF_SCRIPT
chmod +x "$3"
