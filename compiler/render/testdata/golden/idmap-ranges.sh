#!/bin/sh
# The box ranges of idmap-ranges.yaml,
# plan sha256:6833470378bbe135985d601c5ee51cd20c437d030b9bd65e58f8dfac24da62b4, with util-linux.
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

BOXFILE_DIR=${1:-.}
set -u
umask 022
unset CDPATH IFS
boxfile_side=host
boxfile_stage=
boxfile_started=
boxfile_n=0

boxfile_die() {
	printf 'boxfile: %s\n' "$1" >&2
	exit 125
}

# The tree is built below boxfile_stage; a mount point on the host that is
# removed when the box ends, unless this script is killed by SIGKILL.
boxfile_end() {
	boxfile_status=$?
	if [ -n "$boxfile_stage" ] && [ "$boxfile_side" = host ]; then rmdir -- "$boxfile_stage"; fi
	[ -n "$boxfile_started" ] || boxfile_status=125
	exit "$boxfile_status"
}
trap boxfile_end EXIT

boxfile_do() { # COMMAND...: nothing runs after a failure
	"$@" || boxfile_die "cannot do: $*"
}

# boxfile_at TARGET: sets boxfile_to to where TARGET is in the tree. A link of
# the tree must not lead out of it. Between this look and the mount the tree
# could change: boxfile itself asks the kernel instead (openat2).
boxfile_at() {
	boxfile_to=$(realpath -m -- "$boxfile_root/$1") || boxfile_die "cannot find $1"
	case $boxfile_to in
	"$boxfile_root" | "$boxfile_root"/*) ;;
	*) boxfile_die "a link in the rootfs leads out of it: $1" ;;
	esac
}

# boxfile_dir, boxfile_empty TARGET TREE: a missing mount point is made in a TREE
# of our own; the host's is never written to.
boxfile_dir() {
	boxfile_at "$1"
	[ "$2" = own ] || [ -d "$boxfile_to" ] || boxfile_die "$1 is not a directory in the rootfs"
	[ -d "$boxfile_to" ] || boxfile_do mkdir -p -- "$boxfile_to"
}
boxfile_empty() {
	boxfile_at "$1"
	[ "$2" = own ] || [ -e "$boxfile_to" ] || boxfile_die "$1 does not exist in the rootfs"
	[ -e "$boxfile_to" ] || { boxfile_do mkdir -p -- "${boxfile_to%/*}" && : > "$boxfile_to"; } || boxfile_die "cannot make $1"
}

# boxfile_restrict PATH OPTIONS: adds options to the mount at PATH and to all
# below it, keeping those it has: in a user namespace they cannot be taken away.
boxfile_restrict() {
	[ -n "$2" ] || return 0
	boxfile_mounts=$(cat /proc/self/mountinfo) || boxfile_die "cannot read the mounts"
	while read -r boxfile_x boxfile_x boxfile_x boxfile_x boxfile_point boxfile_flags boxfile_x; do
		case $boxfile_point in
		*\\*) boxfile_point=$(printf '%b' "$(printf '%s' "$boxfile_point" | sed 's/\\/\\0/g')") ;;
		esac
		case $boxfile_point in
		"$1" | "$1"/*) boxfile_do mount -i -o "remount,bind,$boxfile_flags,$2" -- "$boxfile_point" ;;
		esac
	done <<-EOF
	$boxfile_mounts
	EOF
}

# boxfile_bind SOURCE TARGET TREE OPTIONS
boxfile_bind() {
	if [ -d "$1" ]; then
		boxfile_dir "$2" "$3"
	elif [ -e "$1" ]; then
		boxfile_empty "$2" "$3"
	else
		boxfile_die "$1 does not exist"
	fi
	boxfile_do mount -i --rbind -- "$1" "$boxfile_to"
	boxfile_restrict "$boxfile_to" "$4"
}

# boxfile_overlay TARGET TREE OPTIONS UPPER LOWER...: UPPER is none, discard or
# a directory. Layers are bound to numbers, so that no path needs quoting.
boxfile_overlay() {
	boxfile_dir "$1" "$2"
	boxfile_name=$1 boxfile_options=$3 boxfile_upper=$4 boxfile_lower=
	shift 4
	for boxfile_layer; do
		boxfile_number
		boxfile_do mount -i --bind -- "$boxfile_layer" "$boxfile_scratch/$boxfile_n"
		boxfile_lower=$boxfile_lower:$boxfile_n
	done
	boxfile_lower=${boxfile_lower#:}
	case $boxfile_upper in
	none)
		boxfile_number
		boxfile_layers=lowerdir=$boxfile_lower:$boxfile_n
		;;
	discard)
		boxfile_number
		boxfile_do mkdir -- "$boxfile_scratch/$boxfile_n/upper" "$boxfile_scratch/$boxfile_n/work"
		boxfile_layers=lowerdir=$boxfile_lower,upperdir=$boxfile_n/upper,workdir=$boxfile_n/work
		;;
	*)
		boxfile_number
		boxfile_do mkdir -p -m 700 -- "$boxfile_upper/upper" "$boxfile_upper/work"
		boxfile_do mount -i --bind -- "$boxfile_upper" "$boxfile_scratch/$boxfile_n"
		boxfile_layers=lowerdir=$boxfile_lower,upperdir=$boxfile_n/upper,workdir=$boxfile_n/work
		;;
	esac
	(cd -- "$boxfile_scratch" && mount -i -t overlay -o "$boxfile_options,$boxfile_layers$boxfile_xattr" overlay "$boxfile_to") ||
		boxfile_die "cannot mount an overlay at $boxfile_name"
}
boxfile_number() { # an empty directory of its own
	boxfile_n=$((boxfile_n + 1))
	boxfile_do mkdir -- "$boxfile_scratch/$boxfile_n"
}

boxfile_link() { # TEXT NAME: in boxfile_to, where a kept tree may have it already
	[ -L "$boxfile_to/$2" ] || boxfile_do ln -s -- "$1" "$boxfile_to/$2"
}

# boxfile_system PATH TREE UPPER: as it is on the host.
boxfile_system() {
	if [ -L "$1" ]; then
		boxfile_at "${1%/*}"
		boxfile_do mkdir -p -- "$boxfile_to"
		boxfile_link "$(readlink -- "$1")" "${1##*/}"
	elif [ -d "$1" ] && [ "$3" != none ]; then
		boxfile_overlay "$1" "$2" nosuid,nodev "$3" "$1"
	elif [ -e "$1" ]; then
		boxfile_bind "$1" "$1" "$2" ro,nosuid,nodev
	fi
}

# boxfile_file TARGET TREE PERMS OPTIONS CONTENT: in place if OPTIONS is empty.
boxfile_file() {
	if [ -z "$4" ]; then
		boxfile_empty "$1" "$2"
		boxfile_out=$boxfile_to
	else
		boxfile_number
		boxfile_out=$boxfile_scratch/$boxfile_n/file
	fi
	printf '%s' "$5" > "$boxfile_out" || boxfile_die "cannot write $1"
	boxfile_do chmod "$3" "$boxfile_out"
	[ -z "$4" ] || boxfile_bind "$boxfile_out" "$1" "$2" "$4"
}

# boxfile_mask PATH IF_MISSING and boxfile_readonly PATH IF_MISSING
boxfile_mask() {
	boxfile_at "$1"
	if [ -d "$boxfile_to" ]; then
		boxfile_do mount -i -t tmpfs -o ro,nosuid,nodev,noexec,mode=0755 tmpfs "$boxfile_to"
	elif [ -e "$boxfile_to" ]; then
		boxfile_do mount -i --bind /dev/null "$boxfile_to"
	else
		[ "$2" = skip ] || boxfile_die "$1 does not exist in the box"
	fi
}
boxfile_readonly() {
	boxfile_at "$1"
	if [ -e "$boxfile_to" ]; then
		boxfile_do mount -i --rbind -- "$boxfile_to" "$boxfile_to"
		boxfile_restrict "$boxfile_to" ro
	else
		[ "$2" = skip ] || boxfile_die "$1 does not exist in the box"
	fi
}

# boxfile_least NAME SOFT HARD: a limit, or the caller's where that is lower.
boxfile_least() {
	boxfile_limits=$(prlimit --pid $$ --raw --noheadings --output SOFT,HARD "--$1") || boxfile_die "cannot read the limit $1"
	boxfile_soft=$2 boxfile_hard=$3 boxfile_have=${boxfile_limits##* }
	if [ "$boxfile_have" != unlimited ]; then
		if [ "$boxfile_soft" = unlimited ] || [ "$boxfile_have" -lt "$boxfile_soft" ]; then boxfile_soft=$boxfile_have; fi
		if [ "$boxfile_hard" = unlimited ] || [ "$boxfile_have" -lt "$boxfile_hard" ]; then boxfile_hard=$boxfile_have; fi
	fi
	printf '%s' "--$1=$boxfile_soft:$boxfile_hard"
}

# The rootfs need not have util-linux: what is needed after "/" has changed is
# copied to a tmpfs at /dev/.boxfile, where the command can see it.
boxfile_copy_tools() { # TOOL...
	boxfile_kit=/dev/.boxfile
	boxfile_dir "$boxfile_kit" own
	boxfile_do mount -i -t tmpfs -o nosuid,nodev,mode=0755 tmpfs "$boxfile_to"
	boxfile_do mkdir -- "$boxfile_to/old"
	for boxfile_tool; do
		boxfile_path=$(command -v "$boxfile_tool") || boxfile_die "$boxfile_tool is not installed"
		boxfile_do cp -L -- "$boxfile_path" "$boxfile_to/$boxfile_tool"
		ldd "$boxfile_path" | while read -r boxfile_lib boxfile_arrow boxfile_path boxfile_x; do
			case $boxfile_lib,$boxfile_arrow in
			/*) boxfile_do cp -L -- "$boxfile_lib" "$boxfile_to/ld.so" ;;
			*,"=>") boxfile_do cp -L -- "$boxfile_path" "$boxfile_to/$boxfile_lib" ;;
			esac
		done || boxfile_die "cannot copy what $boxfile_tool needs"
	done
	boxfile_do mount -i -o remount,bind,ro,nosuid,nodev "$boxfile_to"
}
boxfile_tool() { # TOOL ARGUMENT...: one of the copies
	boxfile_name=$1
	shift
	"$boxfile_kit/ld.so" --library-path "$boxfile_kit" "$boxfile_kit/$boxfile_name" "$@"
}

# The host side.
boxfile_host() {
	[ -r "$0" ] || boxfile_die "save this script to a file and run that"
	BOXFILE_DIR=$(cd -- "$BOXFILE_DIR" && pwd -P) || boxfile_die "cannot find the Boxfile's folder"
	boxfile_sh=$(command -v sh)
	# 3 close_fds: close every descriptor but 0, 1 and 2  (default)
	exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
	case $(ls /proc/self/fd) in
	*[0-9][0-9]*)
		if [ "${2-}" = --boxfile-closed ] || ! command -v bash > /dev/null; then
			boxfile_die "descriptors above 9 are open, and only bash can close them"
		fi
		exec bash -c 'for fd in $(ls /proc/self/fd); do [ "$fd" -le 2 ] || eval "exec $fd>&-"; done; exec "$@"' bash "$boxfile_sh" "$0" "$BOXFILE_DIR" --boxfile-closed
		;;
	esac
	# 55 seccomp: refuse system calls that boxes do not need (default profile)  (default)
	[ "${BOXFILE_WITHOUT:-}" = seccomp ] || boxfile_die "a script cannot filter system calls: run boxfile up, or set BOXFILE_WITHOUT=seccomp to go without"
	boxfile_stage=$(mktemp -d) || boxfile_die "cannot make a mount point"
	set -- --mount --pid --net --ipc --uts --cgroup --user --fork --kill-child --propagation=private
	unshare "$@" true || boxfile_die "cannot make the namespaces"
	boxfile_do mkfifo -m 600 -- "$boxfile_stage/pid" "$boxfile_stage/go"
	boxfile_map &
	boxfile_mapper=$!
	boxfile_started=1
	unshare "$@" setsid "$boxfile_sh" "$0" --boxfile-wait "$boxfile_sh" "$BOXFILE_DIR" "$boxfile_stage"
	boxfile_status=$?
	kill "$boxfile_mapper" 2>/dev/null
	rm -f -- "$boxfile_stage/pid" "$boxfile_stage/go"
	exit "$boxfile_status"
}

# The id maps, written from outside once the box's process waits for them.
boxfile_map() {
	# 2 idmap_ranges: map ids, box = host: uid 0 = 0, uid 1-1000 = 100000-100999, gid 0 = 0, gid 1-1000 = 100000-100999  (idmap-ranges.yaml:26:3)
	boxfile_uids='0 0 1 1 100000 1000'
	boxfile_gids='0 0 1 1 100000 1000'
	boxfile_x=no
	read -r boxfile_pid < "$boxfile_stage/pid" || exit
	if [ -z "$boxfile_uids" ]; then
		printf 'boxfile: the caller has no subordinate ids\n' >&2
	elif [ "$(id -u)" = 0 ]; then
		# shellcheck disable=SC2086 # numbers; the kernel takes a map in one write
		boxfile_uids=$(printf '%s %s %s\n' $boxfile_uids) boxfile_gids=$(printf '%s %s %s\n' $boxfile_gids)
		printf '%s\n' "$boxfile_uids" > "/proc/$boxfile_pid/uid_map" && printf '%s\n' "$boxfile_gids" > "/proc/$boxfile_pid/gid_map" && boxfile_x=ok
	else
		# shellcheck disable=SC2086 # numbers
		newuidmap "$boxfile_pid" $boxfile_uids && newgidmap "$boxfile_pid" $boxfile_gids && boxfile_x=ok
	fi
	printf '%s\n' "$boxfile_x" > "$boxfile_stage/go"
}

# The box side: the tree, while the host's paths still mean what they say.
boxfile_build() {
	[ "$(id -u)" = 0 ] || boxfile_die "box id 0 is not the caller, and mount(8) has to be root"
	boxfile_root=$boxfile_stage/root boxfile_scratch=$boxfile_stage/scratch boxfile_xattr=
	boxfile_xattr=,userxattr
	boxfile_do mount -i -t tmpfs -o mode=0755 tmpfs "$boxfile_stage"
	# no bind of a directory above shows what is being built
	boxfile_do mount -i --make-unbindable "$boxfile_stage"
	boxfile_do mkdir -- "$boxfile_root" "$boxfile_scratch"
	boxfile_do mount -i -t tmpfs -o mode=0755 tmpfs "$boxfile_scratch"
	# 7 rootfs: a generated tree [ro,nodev,nosuid]  (default)
	boxfile_do mount -i -t tmpfs -o 'mode=0755',nodev,nosuid tmpfs "$boxfile_root"
	# 8 system: /usr as on the host, read-only  (default)
	boxfile_system /usr own none
	# 9 system: /bin as on the host, read-only  (default)
	boxfile_system /bin own none
	# 10 system: /sbin as on the host, read-only  (default)
	boxfile_system /sbin own none
	# 11 system: /lib as on the host, read-only  (default)
	boxfile_system /lib own none
	# 12 system: /lib32 as on the host, read-only  (default)
	boxfile_system /lib32 own none
	# 13 system: /lib64 as on the host, read-only  (default)
	boxfile_system /lib64 own none
	# 14 system: /libx32 as on the host, read-only  (default)
	boxfile_system /libx32 own none
	# 15 system: /etc/alternatives as on the host, read-only  (default)
	boxfile_system /etc/alternatives own none
	# 16 system: /etc/ssl/certs as on the host, read-only  (default)
	boxfile_system /etc/ssl/certs own none
	# 17 system: /etc/ssl/openssl.cnf as on the host, read-only  (default)
	boxfile_system /etc/ssl/openssl.cnf own none
	# 18 system: /etc/pki as on the host, read-only  (default)
	boxfile_system /etc/pki own none
	# 19 system: /etc/crypto-policies as on the host, read-only  (default)
	boxfile_system /etc/crypto-policies own none
	# 20 system: /etc/ld.so.cache as on the host, read-only  (default)
	boxfile_system /etc/ld.so.cache own none
	# 21 system: /etc/ld.so.conf as on the host, read-only  (default)
	boxfile_system /etc/ld.so.conf own none
	# 22 system: /etc/ld.so.conf.d as on the host, read-only  (default)
	boxfile_system /etc/ld.so.conf.d own none
	# 23 system: /etc/nsswitch.conf as on the host, read-only  (default)
	boxfile_system /etc/nsswitch.conf own none
	# 24 system: /etc/localtime as on the host, read-only  (default)
	boxfile_system /etc/localtime own none
	# 25 dir: directory /home perms: 0755  (default)
	boxfile_dir /home own
	boxfile_do chmod 0755 "$boxfile_to"
	# 26 dir: directory /mnt perms: 0755  (default)
	boxfile_dir /mnt own
	boxfile_do chmod 0755 "$boxfile_to"
	# 27 dir: directory /opt perms: 0755  (default)
	boxfile_dir /opt own
	boxfile_do chmod 0755 "$boxfile_to"
	# 28 dir: directory /root perms: 0700  (default)
	boxfile_dir /root own
	boxfile_do chmod 0700 "$boxfile_to"
	# 29 dir: directory /run perms: 0755  (default)
	boxfile_dir /run own
	boxfile_do chmod 0755 "$boxfile_to"
	# 30 dir: directory /srv perms: 0755  (default)
	boxfile_dir /srv own
	boxfile_do chmod 0755 "$boxfile_to"
	# 31 dir: directory /tmp perms: 1777  (default)
	boxfile_dir /tmp own
	boxfile_do chmod 1777 "$boxfile_to"
	# 32 dir: directory /var perms: 0755  (default)
	boxfile_dir /var own
	boxfile_do chmod 0755 "$boxfile_to"
	# 33 dir: directory /var/tmp perms: 1777  (default)
	boxfile_dir /var/tmp own
	boxfile_do chmod 1777 "$boxfile_to"
	# 34 file: /etc/passwd [ro] perms: 0644 78 bytes: "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n"  (default)
	boxfile_file /etc/passwd own 0644 '' 'root:x:0:0:root:/root:/bin/sh
nobody:x:65534:65534:nobody:/:/usr/sbin/nologin
'
	# 35 file: /etc/group [ro] perms: 0644 27 bytes: "root:x:0:\nnogroup:x:65534:\n"  (default)
	boxfile_file /etc/group own 0644 '' 'root:x:0:
nogroup:x:65534:
'
	# 36 file: /etc/hostname [ro] perms: 0644 7 bytes: "ranges\n"  (default)
	boxfile_file /etc/hostname own 0644 '' 'ranges
'
	# 37 file: /etc/hosts [ro] perms: 0644 68 bytes: "127.0.0.1\tlocalhost ranges\n::1\tlocalhost ip6-localhost ip6-loopback\n"  (default)
	boxfile_file /etc/hosts own 0644 '' '127.0.0.1	localhost ranges
::1	localhost ip6-localhost ip6-loopback
'
	# 38 file: /etc/resolv.conf [ro] perms: 0644 62 bytes: "# no name server: the box has no network but its own loopback\n"  (default)
	boxfile_file /etc/resolv.conf own 0644 '' '# no name server: the box has no network but its own loopback
'
	# 39 mount: proc at /proc [rw,nodev,noexec,nosuid]  (default)
	boxfile_dir /proc own
	boxfile_do mount -i -t proc -o nodev,noexec,nosuid proc "$boxfile_to"
	# 40 dev: a /dev of its own: null, zero, full, random, urandom, tty, a pts and links of its own, and a shm of 64MiB  (default)
	boxfile_dir /dev own
	boxfile_do mount -i -t tmpfs -o nosuid,noexec,nodev,mode=0755 tmpfs "$boxfile_to"
	boxfile_do ln -s /proc/self/fd "$boxfile_to/fd"
	boxfile_do ln -s /proc/self/fd/0 "$boxfile_to/stdin"
	boxfile_do ln -s /proc/self/fd/1 "$boxfile_to/stdout"
	boxfile_do ln -s /proc/self/fd/2 "$boxfile_to/stderr"
	boxfile_do ln -s pts/ptmx "$boxfile_to/ptmx"
	boxfile_bind /dev/null /dev/null own ''
	boxfile_bind /dev/zero /dev/zero own ''
	boxfile_bind /dev/full /dev/full own ''
	boxfile_bind /dev/random /dev/random own ''
	boxfile_bind /dev/urandom /dev/urandom own ''
	boxfile_bind /dev/tty /dev/tty own ''
	boxfile_dir /dev/pts own
	boxfile_do mount -i -t devpts -o nosuid,noexec,newinstance,mode=0620,ptmxmode=0666 devpts "$boxfile_to"
	boxfile_dir /dev/shm own
	boxfile_do mount -i -t tmpfs -o nosuid,noexec,nodev,mode=1777,size=67108864 tmpfs "$boxfile_to"
	boxfile_copy_tools prlimit setpriv umount unshare
	# 7 rootfs: a generated tree [ro,nodev,nosuid]  (default)
	boxfile_do mount -i -o remount,bind,ro,nodev,nosuid "$boxfile_root"
	# 40 dev: a /dev of its own: null, zero, full, random, urandom, tty, a pts and links of its own, and a shm of 64MiB  (default)
	boxfile_at /dev
	boxfile_do mount -i -o remount,bind,ro,nosuid,noexec,nodev "$boxfile_to"
	# 42 mask: hide /proc/acpi, /proc/asound, /proc/bus, /proc/config.gz, /proc/interrupts, /proc/irq, /proc/kallsyms, /proc/kcore, /proc/keys, /proc/kmsg, /proc/latency_stats, /proc/sched_debug, /proc/scsi, /proc/timer_list, /proc/timer_stats (those that exist)  (default)
	boxfile_mask /proc/acpi skip
	boxfile_mask /proc/asound skip
	boxfile_mask /proc/bus skip
	boxfile_mask /proc/config.gz skip
	boxfile_mask /proc/interrupts skip
	boxfile_mask /proc/irq skip
	boxfile_mask /proc/kallsyms skip
	boxfile_mask /proc/kcore skip
	boxfile_mask /proc/keys skip
	boxfile_mask /proc/kmsg skip
	boxfile_mask /proc/latency_stats skip
	boxfile_mask /proc/sched_debug skip
	boxfile_mask /proc/scsi skip
	boxfile_mask /proc/timer_list skip
	boxfile_mask /proc/timer_stats skip
	# 43 readonly: read-only: /proc/fs, /proc/sys, /proc/sysrq-trigger (those that exist)  (default)
	boxfile_readonly /proc/fs skip
	boxfile_readonly /proc/sys skip
	boxfile_readonly /proc/sysrq-trigger skip
	# 44 hostname: set the host name to ranges  (default)
	boxfile_do hostname -- ranges
	# 45 loopback: bring up the interface lo  (default)
	boxfile_do ip link set lo up
	# 47 rlimit: limit nofile to 1024 (hard: unlimited) or the caller's limit, if lower  (default)
	boxfile_limit_nofile=$(boxfile_least nofile 1024 unlimited) || exit 125
	# 48 rlimit: limit nproc to 2048 or the caller's limit, if lower  (default)
	boxfile_limit_nproc=$(boxfile_least nproc 2048 2048) || exit 125
}

# The new root, and nothing left of the old one.
boxfile_enter() {
	# 60 env: TERM = (caller's TERM, on a terminal of its own)  (default)
	if [ -t 0 ] && [ -t 1 ]; then boxfile_env_TERM=${TERM-}; else boxfile_env_TERM=; fi
	# the box's environment begins empty
	boxfile_names=$(env | sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\)=.*/\1/p')
	boxfile_do pivot_root "$boxfile_root" "$boxfile_root$boxfile_kit/old"
	boxfile_do cd /
	boxfile_tool umount -i -n -l "$boxfile_kit/old" || boxfile_die "cannot let go of the host's root"
	for boxfile_x in $boxfile_names; do unset "$boxfile_x"; done
}

# The command, with what it may have and nothing else.
boxfile_run() {
	umask 0022
	cd -- / || boxfile_die 'cannot start in the working directory'
	set --
	set -- "$@" "$boxfile_kit/ld.so" --library-path "$boxfile_kit" "$boxfile_kit/prlimit" '--core=0:0' "$boxfile_limit_nofile" "$boxfile_limit_nproc"
	set -- "$@" "$boxfile_kit/ld.so" --library-path "$boxfile_kit" "$boxfile_kit/setpriv" --clear-groups --reuid=0 --regid=0 --no-new-privs '--bounding-set=-all' '--inh-caps=-all' '--ambient-caps=-all' --
	set -- "$@" cat /proc/self/uid_map /proc/self/gid_map
	# 58 env: PATH = /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin  (default)
	export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
	# 59 env: HOME = /root  (default)
	export HOME=/root
	# 60 env: TERM = (caller's TERM, on a terminal of its own)  (default)
	[ -z "$boxfile_env_TERM" ] || export TERM="$boxfile_env_TERM"
	unset PWD OLDPWD
	boxfile_started=1
	"$@"
	exit $?
}

case ${1-} in
--boxfile-wait)
	# the shell's process as the host's /proc numbers it
	read -r boxfile_pid boxfile_x < /proc/self/stat
	printf '%s\n' "$boxfile_pid" > "$4/pid"
	read -r boxfile_x < "$4/go"
	[ "$boxfile_x" = ok ] || exit 125
	shift
	exec "$1" "$0" --boxfile-box "$@"
	;;
--boxfile-box)
	boxfile_side=box
	BOXFILE_DIR=$3 boxfile_stage=$4
	boxfile_build
	boxfile_enter
	boxfile_run
	;;
*)
	boxfile_host "$@"
	;;
esac
