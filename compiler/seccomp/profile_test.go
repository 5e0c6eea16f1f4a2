package seccomp_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/compiler/seccomp"
	"github.com/boxfile/boxfile/schema"
)

// wrong is what is said about each profile, with its place.
var wrong = []struct{ text, want string }{
	{``, "p.json:1:1: it is not JSON: unexpected end of JSON input"},
	{`{`, "p.json:1:2: it is not JSON: unexpected end of JSON input"},
	{"{\n\t\"defaultAction\": SCMP}", "p.json:2:19: it is not JSON: invalid character 'S'"},
	{`[]`, "p.json:1:1: a profile has to be an object"},
	{`{}`, `p.json:1:1: a profile has no "defaultAction"`},
	{`{"defaultAction": "SCMP_ACT_ALLOW"} {}`, "p.json:1:37: it is not JSON: invalid character '{' after top-level value"},
	{strings.Repeat("[", 100) + strings.Repeat("]", 100), "it is nested too deep"},
	{`{"defaultAction": "SCMP_ACT_ALLOW", "defaultAction": "SCMP_ACT_LOG"}`, `p.json:1:37: the key "defaultAction" is there twice`},
	{`{"defaultaction": "SCMP_ACT_ALLOW"}`, `p.json:1:2: unknown key "defaultaction"`},
	{`{"defaultAction": 1}`, "p.json:1:19: an action has to be a string"},
	{`{"defaultAction": "ALLOW"}`, `p.json:1:19: unknown action "ALLOW"`},
	{`{"defaultAction": "SCMP_ACT_NOTIFY"}`, "p.json:1:19: SCMP_ACT_NOTIFY needs a program beside the box"},
	{`{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": -1}`, "p.json:1:56: defaultErrnoRet has to be a whole number from 0 to 4095"},
	{`{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1.5}`, "p.json:1:56: defaultErrnoRet has to be a whole number"},
	{`{"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_S390X"]}`, "p.json:1:54: it is for none of the architectures"},
	{`{"defaultAction": "SCMP_ACT_ERRNO", "flags": ["SECCOMP_FILTER_FLAG_SPEC_ALLOW"]}`, `p.json:1:47: flag "SECCOMP_FILTER_FLAG_SPEC_ALLOW" is not supported`},
	{`{"defaultAction": "SCMP_ACT_ERRNO", "listenerPath": "/run/x"}`, "p.json:1:53: listenerPath is not supported"},
	{`{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": {}}`, "p.json:1:49: syscalls has to be a list"},
	{`{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{}]}`, `p.json:1:50: a rule has no "action"`},
	{`{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"action": "SCMP_ACT_ALLOW"}]}`, "p.json:1:50: a rule names no system call"},
	{rule(`"names": ["raed"]`), `p.json:1:61: there is no system call "raed"`},
	{rule(`"names": ["read write"]`), `p.json:1:61: there is no system call "read write"`},
	{rule(`"names": ["read"], "errnoRet": 4096`), "errnoRet has to be a whole number from 0 to 4095"},
	{rule(`"names": ["read"], "args": [{"index": 6, "value": 1, "op": "SCMP_CMP_EQ"}]`), "index has to be a whole number from 0 to 5"},
	{rule(`"names": ["read"], "args": [{"index": 0, "value": 18446744073709551616, "op": "SCMP_CMP_EQ"}]`), "value has to be a whole number from 0 to 18446744073709551615"},
	{rule(`"names": ["read"], "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_IS"}]`), `unknown op "SCMP_CMP_IS"`},
	{rule(`"names": ["read"], "args": [{"index": 0, "value": 1}]`), `a condition has no "op"`},
	{rule(`"names": ["read"], "includes": {"minKernel": "6.1"}`), `minKernel "6.1" is not supported`},
	{rule(`"names": ["read"], "includes": {"kernel": "4"}`), `unknown key "kernel"`},
}

func rule(members string) string {
	return `{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{` + members + `, "action": "SCMP_ACT_ALLOW"}]}`
}

func TestParseSaysWhatIsWrong(t *testing.T) {
	for _, w := range wrong {
		_, err := seccomp.Parse("p.json", []byte(w.text), nil)
		if err == nil || !strings.Contains(err.Error(), w.want) {
			t.Errorf("%.60s\n%v\nis not\n%s", w.text, err, w.want)
		}
	}
}

func TestParse(t *testing.T) {
	mask := uint64(0xffff)
	text := `{
	"defaultAction": "SCMP_ACT_ERRNO",
	"defaultErrno": "ENOSYS", "defaultErrnoRet": 38,
	"archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]}],
	"syscalls": [
		{"names": ["write", "read", "read"], "action": "SCMP_ACT_ALLOW", "args": null, "comment": "", "includes": {}, "excludes": {}},
		{"name": "ioctl", "action": "SCMP_ACT_ERRNO", "args": [{"index": 1, "value": 65535, "valueTwo": 21522, "op": "SCMP_CMP_MASKED_EQ"}, {"index": 0, "value": 2, "op": "SCMP_CMP_GT"}]},
		{"names": ["ptrace"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "4.8"}},
		{"names": ["mount"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}},
		{"names": ["chroot"], "action": "SCMP_ACT_ALLOW", "excludes": {"caps": ["CAP_SYS_CHROOT"]}},
		{"names": ["bpf"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_BPF", "CAP_SYS_CHROOT"]}},
		{"names": ["arch_prctl"], "action": "SCMP_ACT_LOG", "includes": {"arches": ["amd64", "x32"]}},
		{"names": ["sync"], "action": "SCMP_ACT_ALLOW", "excludes": {"arches": ["amd64", "arm64"]}},
		{"names": ["syncfs"], "action": "SCMP_ACT_ALLOW", "excludes": {"arches": ["amd64"]}},
		{"names": ["tee"], "action": "SCMP_ACT_ALLOW", "excludes": {"arches": ["s390x"], "caps": ["CAP_SYS_ADMIN"]}},
		{"names": ["sync"], "action": "SCMP_ACT_KILL", "includes": {"arches": ["s390x"]}}
	]}`
	got, err := seccomp.Parse("p.json", []byte(text), []string{"SYS_CHROOT"})
	if err != nil {
		t.Fatal(err)
	}
	allow, log := plan.SeccompAction{Action: "allow"}, plan.SeccompAction{Action: "log"}
	want := &plan.Seccomp{Otherwise: &plan.SeccompAction{Action: "errno", Errno: 38}, Rules: []plan.SeccompRule{
		{Calls: []string{"read", "write"}, SeccompAction: allow},
		{Calls: []string{"ioctl"}, SeccompAction: plan.SeccompAction{Action: "errno", Errno: 1}, Args: []plan.SeccompArg{{Index: 1, Mask: &mask, Op: "==", Value: 21522}, {Op: ">", Value: 2}}},
		{Calls: []string{"ptrace"}, SeccompAction: allow},
		{Calls: []string{"arch_prctl"}, SeccompAction: log, Arches: []string{"amd64"}},
		{Calls: []string{"syncfs"}, SeccompAction: allow, Arches: []string{"arm64"}},
		{Calls: []string{"tee"}, SeccompAction: allow},
	}}
	if !reflect.DeepEqual(got, want) {
		a, _ := json.Marshal(got)
		b, _ := json.Marshal(want)
		t.Errorf("%s\nis not\n%s", a, b)
	}
}

// Only the capabilities that Default knows of change the default profile.
func TestDefaultCapabilities(t *testing.T) {
	all := []string{"AUDIT_CONTROL", "AUDIT_READ", "AUDIT_WRITE", "BLOCK_SUSPEND", "BPF", "CHECKPOINT_RESTORE", "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH",
		"FOWNER", "FSETID", "IPC_LOCK", "IPC_OWNER", "KILL", "LEASE", "LINUX_IMMUTABLE", "MAC_ADMIN", "MAC_OVERRIDE", "MKNOD", "NET_ADMIN", "NET_BIND_SERVICE",
		"NET_BROADCAST", "NET_RAW", "PERFMON", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_ADMIN", "SYS_BOOT", "SYS_CHROOT", "SYS_MODULE", "SYS_NICE",
		"SYS_PACCT", "SYS_PTRACE", "SYS_RAWIO", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "SYSLOG", "WAKE_ALARM"}
	none := seccomp.Full(nil)
	for _, c := range all {
		changes := !reflect.DeepEqual(seccomp.Full([]string{c}), none)
		if known := seccomp.Default([]string{c}).Digest == ""; known != changes {
			t.Errorf("%s changes the rules: %v; Default says %v", c, changes, known)
		}
	}
	if s := seccomp.Default([]string{"CHOWN"}); s.Digest != seccomp.Digest || s.Rules != nil {
		t.Errorf("%+v", s)
	}
}

// The default profile never allows what lets a box at the kernel's keys, at other
// processes' terminals or at new namespaces.
func TestDefaultRefuses(t *testing.T) {
	refused := strings.Fields("add_key keyctl request_key bpf perf_event_open io_uring_setup io_uring_enter io_uring_register userfaultfd kexec_load kexec_file_load " +
		"mount umount2 pivot_root open_tree open_tree_attr move_mount fsopen fsconfig fsmount fspick mount_setattr setns clone3 init_module finit_module delete_module " +
		"swapon swapoff reboot acct quotactl open_by_handle_at iopl ioperm settimeofday clock_settime syslog modify_ldt uselib _sysctl nfsservctl lookup_dcookie vhangup")
	for _, r := range seccomp.Full([]string{"CHOWN", "NET_ADMIN", "SETUID", "SYS_CHROOT", "MKNOD"}).Rules {
		for _, name := range r.Calls {
			for _, no := range refused {
				if name == no && r.Action != "errno" {
					t.Errorf("%s: %s", name, r.Action)
				}
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(seccomp.JSON())
	for _, w := range wrong {
		f.Add([]byte(w.text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := seccomp.Parse("p.json", text, []string{"SYS_ADMIN"})
		if (s == nil) == (err == nil) {
			t.Errorf("%v, %v", s, err)
		}
	})
}

// A pull request names the file; a job of CI validates it, and its log is read by everybody.
func TestNoLineOfAFileThatIsNoProfileIsShown(t *testing.T) {
	for _, text := range []string{
		"TOKEN=hush\x00HOME=/root\x00",
		`{"auths": {"example.org": {"auth": "hush"}}}`,
		"{\"type\": \"service_account\",\n\"private_key\": \"hush\"}",
		`{"defaultAction": "SCMP_ACT_ALLOW", "x": "hush", hush`,
	} {
		_, err := seccomp.Parse("x.json", []byte(text), nil)
		if err == nil {
			t.Errorf("%q is a profile", text)
			continue
		}
		if said := schema.Render(err, false); strings.Contains(said, "hush") || !strings.Contains(said, "x.json:") {
			t.Errorf("%q: %s", text, said)
		}
	}
}
