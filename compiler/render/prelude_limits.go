package render

// limitsPrelude follows the prelude where a plan has limits.
const limitsPrelude = `boxfile_enforce=strict boxfile_id=box-$$
boxfile_made='' boxfile_opened='' boxfile_v2=''
boxfile_fds=${boxfile_doors-} # in the box side: the ways into the cgroups

# The box's cgroups are removed when it has ended and nothing runs in them.
boxfile_leave() {
	boxfile_status=$?
	if [ "$boxfile_side" = host ]; then
		for boxfile_cg in $boxfile_made; do
			boxfile_n=0
			until rmdir -- "$boxfile_cg" 2>/dev/null || [ "$boxfile_n" = 50 ]; do
				boxfile_n=$((boxfile_n + 1))
				sleep 0.1
			done
			case $boxfile_cg in
			*/boxfile/*) rmdir -- "${boxfile_cg%/*}" 2>/dev/null ;; # where it was the last one
			esac
		done
	fi
	(exit "$boxfile_status")
	boxfile_end
}
trap boxfile_leave EXIT

# boxfile_unmet WORDS: what cannot be enforced stops the run, or is told and left out.
boxfile_unmet() {
	[ "$boxfile_enforce" = best-effort ] || boxfile_die "cannot enforce: $1"
	printf 'boxfile: not enforced: %s\n' "$1" >&2
}

# boxfile_own CONTROLLER: the caller's own cgroup of v1 that has it, '': that of v2.
boxfile_own() {
	awk -v want="$1" '
		FNR == NR {
			list = path = $0
			sub(/^[0-9]*:/, "", list)
			sub(/:.*/, "", list)
			sub(/^[0-9]*:[^:]*:/, "", path)
			if (want == "" ? list == "" : index("," list ",", "," want ",")) own = path
			next
		}
		{
			for (i = 7; i < NF && $i != "-"; i++) ;
			if (want == "" ? $(i + 1) == "cgroup2" : $(i + 1) == "cgroup" && index("," $(i + 3) ",", "," want ",")) { root = $4; top = $5 }
		}
		END {
			if (root == "/") root = ""
			if (own == "/") own = ""
			if (top == "" || own != root && index(own, root "/") != 1 || (top own) ~ /[ *?\\[]/) exit
			print top substr(own, length(root) + 1)
		}' /proc/self/cgroup /proc/self/mountinfo
}
boxfile_own_v1() { # CONTROLLER: by its name of v2
	case $1 in
	cgroup) ;; # files that only v2 has
	io) boxfile_own blkio ;;
	*) boxfile_own "$1" ;;
	esac
}

# boxfile_cgroup CONTROLLER: sets boxfile_cg to the box's cgroup that has it and
# boxfile_v to its version, making it the first time.
boxfile_cgroup() {
	boxfile_top=$(boxfile_own_v1 "$1")
	if [ -z "$boxfile_top" ]; then
		boxfile_v=2
		[ -n "$boxfile_v2" ] || boxfile_make_v2 all || { [ "$boxfile_enforce" = best-effort ] && boxfile_make_v2 some; } || return 1
		boxfile_cg=$boxfile_v2
		[ "$1" = cgroup ] || grep -qw -- "$1" "$boxfile_cg/cgroup.controllers"
		return
	fi
	boxfile_v=1 boxfile_cg=$boxfile_top/boxfile/$boxfile_id
	case " $boxfile_made " in
	*" $boxfile_cg "*) return 0 ;;
	esac
	rmdir -- "$boxfile_cg" 2>/dev/null # of a script that was killed
	for boxfile_x in 1 2 3; do # another box that ends may remove the one between
		mkdir -p -- "$boxfile_top/boxfile" 2>/dev/null
		mkdir -- "$boxfile_cg" 2>/dev/null && break
	done
	[ -d "$boxfile_cg" ] || return 1
	boxfile_made="$boxfile_made $boxfile_cg"
	[ -e "$boxfile_cg/cpuset.mems" ] || return 0
	for boxfile_x in "$boxfile_top/boxfile" "$boxfile_cg"; do # they begin empty, and nothing can run in that
		for boxfile_file in cpuset.cpus cpuset.mems; do
			[ -n "$(cat "$boxfile_x/$boxfile_file")" ] || cat "${boxfile_x%/*}/$boxfile_file" > "$boxfile_x/$boxfile_file" || return 1
		done
	done
}

# boxfile_make_v2 all|some: in the nearest cgroup that may be written to and can give
# the controllers to those below. The caller's own cannot: processes are in it.
boxfile_make_v2() {
	boxfile_top=$(boxfile_own '')
	while [ -e "$boxfile_top/cgroup.procs" ]; do
		boxfile_lacks=''
		for boxfile_x in $boxfile_needs; do
			[ -z "$(boxfile_own_v1 "$boxfile_x")" ] || continue
			grep -qw -- "$boxfile_x" "$boxfile_top/cgroup.subtree_control" ||
				printf '+%s' "$boxfile_x" 2>/dev/null > "$boxfile_top/cgroup.subtree_control" || boxfile_lacks=$boxfile_x
		done
		if [ -z "$boxfile_lacks" ] || [ "$1" = some ]; then
			boxfile_v2=$boxfile_top/boxfile-$boxfile_id
			rmdir -- "$boxfile_v2" 2>/dev/null
			mkdir -- "$boxfile_v2" 2>/dev/null && boxfile_made="$boxfile_made $boxfile_v2" && return
		fi
		boxfile_top=${boxfile_top%/*}
	done
	boxfile_v2=''
	return 1
}

# boxfile_limit WORDS CONTROLLER FILE VALUE FILE VALUE: writes to the file of v1 or of v2; - is none.
boxfile_limit() {
	boxfile_words=$1
	if ! boxfile_cgroup "$2"; then
		boxfile_unmet "$1"
		return
	fi
	[ "$boxfile_v" = 1 ] || shift 2
	{ [ -e "$boxfile_cg/$3" ] && printf '%s\n' "$4" 2>/dev/null > "$boxfile_cg/$3"; } || boxfile_unmet "$boxfile_words"
}

boxfile_swaps() { # whether the host has swap, or a file to limit it
	[ "$(wc -l < /proc/swaps)" -gt 1 ] || { boxfile_cgroup memory && { [ -e "$boxfile_cg/memory.swap.max" ] || [ -e "$boxfile_cg/memory.memsw.limit_in_bytes" ]; }; }
}

# boxfile_disk PATH: sets boxfile_disk to MAJOR:MINOR of the disk at or below it.
boxfile_disk() {
	[ -e "$1" ] || return 1
	if [ -b "$1" ]; then
		boxfile_disk=$((0x$(stat -L -c %t -- "$1"))):$((0x$(stat -L -c %T -- "$1")))
	else
		boxfile_x=$(stat -L -c %d -- "$1")
		boxfile_disk=$((boxfile_x >> 8 & 0xfff)):$((boxfile_x & 0xff | boxfile_x >> 12 & 0xfff00))
	fi
	boxfile_x=/sys/dev/block/$boxfile_disk
	if [ -e "$boxfile_x/partition" ]; then boxfile_disk=$(cat "$boxfile_x/../dev"); fi
	[ -e "$boxfile_x" ]
}

# boxfile_open FD: opens the way into each cgroup. The box goes in last of all, so that
# what builds it is not counted.
boxfile_open() {
	boxfile_n=$1
	for boxfile_cg in $boxfile_made; do
		[ "$boxfile_n" -le 9 ] || boxfile_die "a script has too few descriptors for this plan's cgroups and locks"
		eval "exec $boxfile_n> \"\$boxfile_cg/cgroup.procs\""
		boxfile_opened="$boxfile_opened $boxfile_n"
		boxfile_n=$((boxfile_n + 1))
	done
}
boxfile_go_in() {
	for boxfile_x in $boxfile_fds; do
		eval "printf 0 >&$boxfile_x" || boxfile_die "cannot go into the box's cgroup"
		eval "exec $boxfile_x>&-"
	done
}
`
