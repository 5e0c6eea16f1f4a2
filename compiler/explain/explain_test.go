package explain_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/boxfile/boxfile/compiler"
	"github.com/boxfile/boxfile/compiler/explain"
	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/schema"
)

func planOf(t testing.TB, text, dir string) *plan.Plan {
	t.Helper()
	inputs := map[string]string{}
	if strings.Contains(text, "secret: true") {
		inputs["TOKEN"] = "s3cret"
	}
	b, err := schema.Parse("dev.yaml", []byte(text), inputs)
	if err != nil {
		t.Fatal(schema.Render(err, false))
	}
	p, err := compiler.Compile(b, func(path string) (string, []byte, error) {
		text, err := os.ReadFile(filepath.Join(dir, path))
		return path, text, err
	})
	if err != nil {
		t.Fatal(schema.Render(err, false))
	}
	return p
}

// files are the plans of all examples and hard files, by name.
func files(t testing.TB) map[string]*plan.Plan {
	t.Helper()
	out := map[string]*plan.Plan{}
	for _, pattern := range []string{"../../examples/*.yaml", "testdata/*.yaml"} {
		list, _ := filepath.Glob(pattern)
		for _, f := range list {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			out[f] = planOf(t, string(text), filepath.Dir(f))
		}
	}
	if len(out) < 50 {
		t.Fatalf("%d files", len(out))
	}
	return out
}

// box is what the questions of this file are asked about.
const box = `boxfile: 1
ports: ["15432:5432", "0.0.0.0:53:53/udp"]
mounts:
  - ./src:/src
  - {type: tmpfs, target: /tmp}
env: {GREETING: hello, CHOWN: x}
security: {capabilities: [NET_BIND_SERVICE, BPF]}
command: [ls]
`

// A word means what it looks like, and the other meaning is told where there is one.
func TestWhatAWordMeans(t *testing.T) {
	p := planOf(t, box, ".")
	for word, want := range map[string]string{
		"12": "step 12, or port:12", "step:12": "step 12", "port:12": "port 12", "5432": "port 5432", ":12": "port :12", "53/udp": "port 53/udp", "127.0.0.1:15432": "port 127.0.0.1:15432", "[::1]:80/tcp": "port [::1]:80/tcp",
		"/etc/hosts": "path /etc/hosts", "path:/12": "path /12",
		"mounts[1]": "key mounts[1]", "mounts[1].target": "key mounts[1].target", "network": "key network", "env.GREETING": "key env.GREETING", "resources.memory": "key resources.memory",
		"GREETING": "env GREETING", "NOTHING": "env NOTHING", "env:greeting": "env greeting", "CHOWN": "cap CHOWN, or env:CHOWN", "PATH": "env PATH",
		"CAP_NET_ADMIN": "cap NET_ADMIN", "cap_net_admin": "cap NET_ADMIN", "net_admin": "cap NET_ADMIN", "NET_ADMIN": "cap NET_ADMIN", "BPF": "cap BPF",
		"bpf": "call bpf, or cap:bpf", "mount": "call mount", "umask": "key umask, or call:umask", "call:umask": "call umask", "chown": "call chown, or cap:chown",
	} {
		a, err := explain.Ask(p, word)
		if err != nil {
			t.Errorf("%s: %v", word, err)
			continue
		}
		got := a.Asked
		if len(a.Also) > 0 {
			got += ", or " + strings.Join(a.Also, ", or ")
		}
		if got != want {
			t.Errorf("%s is taken for %q, not %q", word, got, want)
		}
	}
}

// What is not there is told, with what is, or with what was probably meant.
func TestWhatIsNotThere(t *testing.T) {
	p := planOf(t, box, ".")
	for word, want := range map[string]string{
		"moutns": " near mounts", "mounts[0].taget": " near mounts[0].target", "umaks": " near umask", "mounts[2]": "key has mounts has 2 entries, counted from 0", "devices[0]": "key has devices has 0 entries",
		"rlimits.nofle": " near rlimits.nofile", "CAP_NET_ADMN": "cap has capabilities(7) lists all near CAP_NET_ADMIN", "cap:sys_amdin": "cap near CAP_SYS_ADMIN", "umuont": " near umount", "call:bfp": "call near bpf",
		"step:0": "step has the plan has steps 1 to 67", "99999": "step has the plan has steps 1 to 67", "step:x": "step has the plan has steps 1 to 67", "port:0": "port has a port is a number from 1 to 65535", ":99999": "port has a port is a number from 1 to 65535",
		"80/sctp": "port has a protocol is tcp or udp", "localhost:80": "port has an address is one of IPv4, or of IPv6 in brackets, as in 127.0.0.1:80 and [::1]:80", "path:etc": "path has a path of the box starts with /",
		"": "", "xyzzy": "",
	} {
		_, err := explain.Ask(p, word)
		var u *explain.UnknownError
		if !errors.As(err, &u) {
			t.Errorf("%s: %v", word, err)
			continue
		}
		got := u.Kind
		if u.Has != "" {
			got += " has " + u.Has
		}
		if u.Near != "" {
			got += " near " + u.Near
		}
		if got != want {
			t.Errorf("%q: %q, not %q", word, got, want)
		}
	}
}

// Every step of every box says where it comes from, and every key what comes of it: in
// some box steps, or a reason why there are none.
func TestEveryStepAndKeyIsExplained(t *testing.T) {
	decided := map[string]bool{}
	for name, p := range files(t) {
		for i := range p.Steps {
			if a, err := explain.Ask(p, "step:"+itoa(i+1)); err != nil || !slices.Equal(a.Steps, []int{i}) || a.Sentence == "" {
				t.Errorf("%s: step %d: %v", name, i+1, err)
			}
		}
		for _, key := range schema.Keys() {
			word := strings.ReplaceAll(strings.ReplaceAll(key, "[]", "[0]"), "*", "NAME")
			a, err := explain.Ask(p, "key:"+word)
			var u *explain.UnknownError
			switch {
			case errors.As(err, &u) && strings.Contains(key, "[]") && u.Has != "":
			case err != nil:
				t.Errorf("%s: %s: %v", name, word, err)
			case len(a.Steps) > 0 || strings.Contains(a.Sentence, "; "):
				decided[key] = true
			}
		}
	}
	for _, key := range schema.Keys() {
		if !decided[key] {
			t.Errorf("nothing is ever said of %s", key)
		}
	}
}

// A default names the key that would change it.
func TestDefaultsNameAKey(t *testing.T) {
	p := planOf(t, box, ".")
	for i, s := range p.Steps {
		a, err := explain.Ask(p, "step:"+itoa(i+1))
		if err != nil {
			t.Fatal(err)
		}
		of := plan.InfoOf(s).Name
		always := slices.Contains([]string{"close_fds", "session", "propagation"}, of)
		if always != strings.Contains(a.Sentence, "no key changes it") {
			t.Errorf("%s: %s", of, a.Sentence)
		}
	}
}

// What TERM and ^C do is a step of every box, with a timeout or without.
func TestStopIsExplainedInEveryBox(t *testing.T) {
	for name, p := range files(t) {
		stop := slices.IndexFunc(p.Steps, func(s plan.Step) bool { return plan.InfoOf(s).Name == "stop" })
		for _, key := range []string{"stop", "stop.signal", "stop.grace"} {
			if a, err := explain.Ask(p, "key:"+key); err != nil || !slices.Contains(a.Steps, stop) {
				t.Errorf("%s: %s: %+v, %v", name, key, a, err)
			}
		}
	}
}

// Who may make a user namespace has all capabilities in it, whatever the box has.
func TestCapabilitiesOfANewUserNamespaceAreTold(t *testing.T) {
	for security, nests := range map[string]bool{
		"{}": false, "{capabilities: [KILL]}": false, "{capabilities: [SYS_ADMIN]}": true, "{seccomp: none}": true,
		"{seccomp: ./unshare.json}": true, "{seccomp: ./clone.json}": true, "{seccomp: ./threads.json}": false,
	} {
		a, err := explain.Ask(planOf(t, "boxfile: 1\ncommand: [ls]\nsecurity: "+security+"\n", "testdata"), "CAP_NET_ADMIN")
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(a.Sentence, "lets a process make a user namespace") != nests {
			t.Errorf("%s: %s", security, a.Sentence)
		}
	}
}

// A plan with nothing in it answers, too.
func TestAnEmptyPlan(t *testing.T) {
	p := &plan.Plan{File: "none"}
	for _, word := range []string{"/etc", "1", "80", "KILL", "kill", "PATH", "mounts[0]", "network"} {
		a, err := explain.Ask(p, word)
		var u *explain.UnknownError
		if err == nil && (a.Sentence == "" || len(a.Steps) > 0) || err != nil && !errors.As(err, &u) {
			t.Errorf("%s: %+v, %v", word, a, err)
		}
	}
}

// Nothing that was asked, or that a plan says, paints over the terminal.
func TestAnswersAreEscaped(t *testing.T) {
	p := planOf(t, "boxfile: 1\nmounts: [{source: \"./a\\u202eb\", target: \"/x\\u202ey\"}, {type: tmpfs, target: \"/\\u200fz\"}]\nenv: {A: \"\\e[31m\"}\ncommand: [ls]\n", ".")
	for _, word := range []string{"/x\u202ey", "/x\u202ey/\x1b[31m", "/\u200fz/\u202e", "env:\x1b", "A", "mounts[0]", "env.\u202e", "/\x1b"} {
		a, err := explain.Ask(p, word)
		if err != nil {
			t.Errorf("%q: %v", word, err)
			continue
		}
		var b strings.Builder
		if err := a.Write(&b, p); err != nil {
			t.Fatal(err)
		}
		if i := strings.IndexFunc(b.String(), func(r rune) bool { return r != '\n' && unicode.In(r, unicode.Cc, unicode.Bidi_Control) }); i >= 0 {
			t.Errorf("%q: %q", word, b.String())
		}
	}
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + itoa(n%10)
}

// Whatever is asked is answered or refused, in one line.
func FuzzAsk(f *testing.F) {
	plans := files(f)
	names := []string{}
	for n := range plans {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, w := range []string{"12", "/etc/../bin/x", "mounts[0]", "mounts[].x", "key:[", "env.*", "[::1]:80/udp", "::", "port:1/", "/dev/fd/../../..", "path://", "cap:", "call:mount", "rlimits.nofile.soft"} {
		f.Add(w, uint8(0))
	}
	f.Fuzz(func(t *testing.T, word string, n uint8) {
		p := plans[names[int(n)%len(names)]]
		a, err := explain.Ask(p, word)
		var u *explain.UnknownError
		switch {
		case err != nil && !errors.As(err, &u):
			t.Error(err)
		case err == nil && (a.Sentence == "" || strings.Contains(a.Sentence, "\n")):
			t.Errorf("%q", a.Sentence)
		case err == nil && slices.ContainsFunc(a.Steps, func(i int) bool { return i < 0 || i >= len(p.Steps) }):
			t.Errorf("steps %v", a.Steps)
		}
	})
}
