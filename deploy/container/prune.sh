#!/bin/sh
# Delete from the site-packages folder $1 what no function loads: headers, tests, sources of compiled modules, and
# Arrow's RPC library.
set -eu
cd "$1"
rm -rf pyarrow/include pyarrow/tests pyarrow/src pyarrow/includes
rm -f pyarrow/libarrow_flight.so.* pyarrow/libarrow_python_flight.so* pyarrow/_flight.*
find . -type f \( -name '*.pyx' -o -name '*.pxd' -o -name '*.pxi' -o -name '*.c' -o -name '*.cpp' -o -name '*.h' \
  -o -name '*.a' \) -delete
