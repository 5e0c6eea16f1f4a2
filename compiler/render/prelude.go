package render

// prelude is the part of a script that is the same for every plan: the host
// side, and the functions that the box side is built with. Everything it names
// begins with boxfile_, so that no variable of the box can be one of its own.
const prelude = `set -u
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
`
