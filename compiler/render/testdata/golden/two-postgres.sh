#!/bin/sh
# The box postgres of two-postgres.yaml,
# plan sha256:0087be16942d108ed520c64c91d3614aa5131f4be7eb28e759417bf6f914aa3e, with util-linux.
#
# Usage: sh THIS_FILE [BOXFILE_DIR]     relative paths begin at BOXFILE_DIR (.)
#
# Needs util-linux, iproute2, hostname, coreutils, sed, awk and ldd. What boxfile does and
# a script cannot:
#   - hold on to what it looked at: a tree that changes meanwhile can mislead it
#     (boxfile resolves each path once, in the kernel, and keeps it open);
#   - give the box a terminal of its own: on one, it has this one, without job control;
#   - signals are not forwarded to the command, and process 1 is a shell;
#   - after kill -9 an empty directory stays in TMPDIR, and the command may go on;
#   - descriptors above 9 can be closed only where bash is installed;
#   - timeout(1) is a process of the box as well;
#   - the tools that drop privileges stay visible in /dev/.boxfile, read-only;
#   - system calls are not filtered (seccomp), which BOXFILE_WITHOUT=seccomp has to agree to;
#   - 126 and 127 are also the exit codes of prlimit and setpriv when they fail.
#
# shellcheck disable=SC2016 # what stands in single quotes is for the box
printf 'boxfile: %s\n' 'a script cannot publish ports: run boxfile up' >&2
exit 125
