#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Builds the fuzz targets under OSS-Fuzz's contract: the environment brings
# CC CXX CFLAGS CXXFLAGS LIB_FUZZING_ENGINE OUT SRC WORK, and $OUT receives
# fuzz_<target>, fuzz_<target>_seed_corpus.zip and fuzz_<target>.dict.

set -eu

: "${CC:?}" "${CXX:?}" "${LIB_FUZZING_ENGINE:?}" "${OUT:?}" "${WORK:?}"

source=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../..")
build=$WORK/vlab-build

# CFLAGS and CXXFLAGS say everything about optimisation and sanitizers.
rm -rf "$build"
meson setup "$build" "$source" \
	--buildtype=plain \
	-Db_lundef=false \
	-Dtests=disabled \
	-Dfuzzing_engine=oss-fuzz \
	-Dfuzzing_engine_lib="$LIB_FUZZING_ENGINE"
ninja -C "$build"

for program in "$source"/fuzz/fuzz_*.c; do
	fuzzer=$(basename "$program" .c)
	target=${fuzzer#fuzz_}
	install -m 755 "$build/fuzz/$fuzzer" "$OUT/"

	seeds=$WORK/seeds/$target
	rm -rf "$seeds" "$OUT/${fuzzer}_seed_corpus.zip"
	mkdir -p "$seeds"
	"$build/repro/vlabasm" seeds "$source/corpus/$target" "$seeds"
	(cd "$seeds" && zip -q -r "$OUT/${fuzzer}_seed_corpus.zip" .)

	for dictionary in "$target" vlab; do
		if [ -f "$source/fuzz/$dictionary.dict" ]; then
			install -m 644 "$source/fuzz/$dictionary.dict" "$OUT/$fuzzer.dict"
			break
		fi
	done
done
