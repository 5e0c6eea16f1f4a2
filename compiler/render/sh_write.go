package render

import (
	"fmt"
	"slices"
	"strings"
)

// write puts the parts together: the same file is the host side and, run again
// in the new namespaces, the box side.
func (s *script) write(b *strings.Builder) {
	b.WriteString("\nBOXFILE_DIR=${1:-.}\n" + prelude + "\n")
	if s.limited {
		b.WriteString(limitsPrelude + "\n")
		// the cgroup that the namespace begins at is the one which the box goes into later
		s.flags = slices.DeleteFunc(s.flags, func(f string) bool { return f == "--cgroup" })
	}
	function(b, "boxfile_host", "The host side.", s.hostSide())
	if s.ranges {
		function(b, "boxfile_map", "The id maps, written from outside once the box's process waits for them.", s.maps)
	}
	function(b, "boxfile_build", "The box side: the tree, while the host's paths still mean what they say.", s.boxSide())
	function(b, "boxfile_enter", "The new root, and nothing left of the old one.", s.enter())
	function(b, "boxfile_run", "The command, with what it may have and nothing else.", s.run())
	b.WriteString(`case ${1-} in
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
`)
}

func function(b *strings.Builder, name, comment string, lines []string) {
	fmt.Fprintf(b, "# %s\n%s() {\n", comment, name)
	for _, l := range lines {
		b.WriteString("\t" + l + "\n")
	}
	b.WriteString("}\n\n")
}

func (s *script) hostSide() []string {
	out := []string{
		`[ -r "$0" ] || boxfile_die "save this script to a file and run that"`,
		`BOXFILE_DIR=$(cd -- "$BOXFILE_DIR" && pwd -P) || boxfile_die "cannot find the Boxfile's folder"`,
		`boxfile_sh=$(command -v sh)`,
	}
	if !s.userNS {
		out = append(out, `[ "$(id -u)" = 0 ] || boxfile_die "namespaces.user: host needs root"`)
	}
	out = append(out, s.closing...) // what is opened from here on stays open
	if s.limited {
		out = append(out, "boxfile_needs="+word(strings.Join(s.needs, " ")))
	}
	out = append(out, s.host...)
	out = append(out, `boxfile_stage=$(mktemp -d) || boxfile_die "cannot make a mount point"`,
		"set -- "+strings.Join(s.flags, " "),
		`unshare "$@" true || boxfile_die "cannot make the namespaces"`)
	mode := "--boxfile-box"
	if s.ranges {
		mode = "--boxfile-wait"
		out = append(out, `boxfile_do mkfifo -m 600 -- "$boxfile_stage/pid" "$boxfile_stage/go"`, "boxfile_map &", "boxfile_mapper=$!")
	}
	env := ""
	if s.limited {
		out = append(out, fmt.Sprintf("boxfile_open %d", 4+len(s.keeps)))
		env = `boxfile_doors=$boxfile_opened `
	}
	if s.timeout != "" {
		out = append(out, "boxfile_began=$(date +%s%3N)")
	}
	out = append(out, "boxfile_started=1")
	sh := env + `unshare "$@" setsid "$boxfile_sh" "$0" ` + mode + ` "$boxfile_sh" "$BOXFILE_DIR" "$boxfile_stage"`
	for _, fd := range s.fds {
		sh += " " + fd + ">&-"
	}
	out = append(out, sh, "boxfile_status=$?")
	if s.timeout != "" {
		out = append(out, "# timeout(1) ends with 124, or with 137 where it had to kill",
			`if [ "$boxfile_status" = 137 ] && [ $(($(date +%s%3N) - boxfile_began)) -ge `+s.killed+" ]; then boxfile_status=124; fi")
	}
	if s.ranges {
		out = append(out, `kill "$boxfile_mapper" 2>/dev/null`, `rm -f -- "$boxfile_stage/pid" "$boxfile_stage/go"`)
	}
	return append(out, `exit "$boxfile_status"`)
}

func (s *script) boxSide() []string {
	out := []string{
		`[ "$(id -u)" = 0 ] || boxfile_die "box id 0 is not the caller, and mount(8) has to be root"`,
		`boxfile_root=$boxfile_stage/root boxfile_scratch=$boxfile_stage/scratch boxfile_xattr=`,
	}
	if s.userNS {
		out = append(out, "boxfile_xattr=,userxattr")
	}
	out = append(out,
		`boxfile_do mount -i -t tmpfs -o mode=0755 tmpfs "$boxfile_stage"`,
		"# no bind of a directory above shows what is being built",
		`boxfile_do mount -i --make-unbindable "$boxfile_stage"`,
		`boxfile_do mkdir -- "$boxfile_root" "$boxfile_scratch"`,
		`boxfile_do mount -i -t tmpfs -o mode=0755 tmpfs "$boxfile_scratch"`)
	out = append(out, s.build...)
	tools := "boxfile_copy_tools prlimit setpriv umount unshare"
	if s.timeout != "" {
		tools += " timeout"
	}
	out = append(out, tools)
	out = append(out, s.seal...)
	out = append(out, s.guard...)
	return append(out, s.settle...)
}

func (s *script) enter() []string {
	out := append([]string{}, s.pass...)
	out = append(out, "# the box's environment begins empty", `boxfile_names=$(env | sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\)=.*/\1/p')`)
	if s.chroot {
		out = append(out, `boxfile_unshare=$(command -v unshare)`)
	} else {
		out = append(out,
			`boxfile_do pivot_root "$boxfile_root" "$boxfile_root$boxfile_kit/old"`,
			`boxfile_do cd /`,
			`boxfile_tool umount -i -n -l "$boxfile_kit/old" || boxfile_die "cannot let go of the host's root"`)
	}
	return append(out, "for boxfile_x in $boxfile_names; do unset \"$boxfile_x\"; done")
}

func (s *script) run() []string {
	tool := func(name string) string {
		return `"$boxfile_kit/ld.so" --library-path "$boxfile_kit" "$boxfile_kit/` + name + `"`
	}
	out := []string{"umask " + s.umask}
	if s.chroot {
		out = append(out, "set -- \"$boxfile_unshare\" --root=\"$boxfile_root\" --wd="+s.workdir)
	} else {
		out = append(out, "cd -- "+s.workdir+" || boxfile_die "+word("cannot start in the working directory"), "set --")
	}
	if s.timeout != "" {
		out = append(out, `set -- "$@" `+tool("timeout")+" "+s.timeout)
	}
	if s.limited && s.cgroupNS {
		out = append(out, `set -- "$@" `+tool("unshare")+" --cgroup")
	}
	if s.caller != nil && (s.caller.UID != 0 || s.caller.GID != 0) {
		out = append(out, `set -- "$@" `+tool("unshare")+fmt.Sprintf(" --user --map-user=%d --map-group=%d --keep-caps", s.caller.UID, s.caller.GID))
	}
	out = append(out, `set -- "$@" `+tool("prlimit")+" "+strings.Join(s.limits, " "),
		`set -- "$@" `+tool("setpriv")+" "+strings.Join(s.setpriv, " ")+" --",
		`set -- "$@" `+s.args)
	out = append(out, s.env...)
	out = append(out, "unset PWD OLDPWD")
	if s.limited {
		out = append(out, "boxfile_go_in")
	}
	out = append(out, "boxfile_started=1")
	if s.init {
		return append(out, `"$@"`, "exit $?")
	}
	return append(out, `exec "$@"`)
}
