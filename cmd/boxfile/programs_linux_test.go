package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/boxfile/boxfile/cmd/boxfile/internal/fixture"
)

// everyday is what people run in boxes, each with what it needs on the machine. go
// build, postgres, nginx and redis are examples.
var everyday = []struct{ name, needs, shell, want string }{
	{"git", "/usr/bin/git", `
git init -q a && cd a && echo text > file && git add file
git -c user.name=me -c user.email=me@box commit -qm first
git clone -q . ../b && git -C ../b log --format=%s && git gc -q`, "first"},
	{"gcc", "/usr/bin/gcc", `
printf '#include <pthread.h>\n#include <stdio.h>\nstatic void *f(void *p) { puts(p); return 0; }\nint main(void) { pthread_t t; pthread_create(&t, 0, f, "thread"); return pthread_join(t, 0); }\n' > a.c
gcc -O2 -g -pthread -o a a.c && ./a`, "thread"},
	{"strace", "/usr/bin/strace", "strace -f -o trace sh -c 'true & wait' && grep -c exit_group trace", "2"},
	{"python3", "/usr/bin/python3", `
cat > a.py <<'EOF'
import asyncio, multiprocessing, mmap, os, signal, socket, sqlite3, subprocess, tempfile, threading
t = threading.Thread(target=os.getpid)
t.start(); t.join()
assert subprocess.check_output(["echo", "child"]) == b"child\n"
async def child(): return await (await asyncio.create_subprocess_exec("true")).wait()
assert asyncio.run(child()) == 0
a, b = socket.socketpair(); a.send(b"x"); assert b.recv(1) == b"x"
s = socket.create_server(("127.0.0.1", 0)); socket.create_connection(s.getsockname()).close()
d = sqlite3.connect(tempfile.mktemp()); d.execute("create table t (x)"); d.commit()
mmap.mmap(-1, 4096).write(b"x"); signal.setitimer(signal.ITIMER_REAL, 100)
if __name__ == "__main__":
    with multiprocessing.Pool(2) as p: print("pool", p.map(abs, [-1, -2]))
EOF
python3 a.py`, "pool [1, 2]"},
	{"node", "/usr/bin/node", `
cat > a.js <<'EOF'
const { Worker } = require("worker_threads"), http = require("http")
new Worker("0", { eval: true }).on("exit", () =>
  require("child_process").exec("echo child", (_, out) =>
    http.createServer((q, r) => r.end("served " + out)).listen(0, "127.0.0.1", function () {
      http.get({ port: this.address().port, host: "127.0.0.1" }, r => r.on("data", d => { console.log("" + d); process.exit() }))
    })))
EOF
node a.js`, "served child"},
}

// The default filter of system calls stands in the way of nothing that people do every
// day, as root and as an ordinary user.
func TestEverydayPrograms(t *testing.T) {
	for _, p := range everyday {
		for _, user := range []bool{false, true} {
			if user && os.Getuid() != 0 {
				continue
			}
			t.Run(p.name+map[bool]string{true: "_user"}[user], func(t *testing.T) {
				if _, err := os.Stat(p.needs); err != nil {
					fixture.Skip(t, p.needs+" is missing")
				}
				r := &run{t: t, dir: t.TempDir(), name: p.name, user: user}
				file := filepath.Join(r.dir, "box.yaml")
				text := "boxfile: 1\nmounts: [{type: tmpfs, target: /tmp}]\nworkdir: /tmp\nenv: {HOME: /tmp}\nshell: |\n  set -e" + strings.ReplaceAll(p.shell, "\n", "\n  ")
				if !strings.HasPrefix(p.shell, "\n") {
					text = strings.Replace(text, "set -e", "set -e; ", 1)
				}
				if err := os.WriteFile(file, []byte(text+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
				open(t, r.dir)
				if out, code := r.boxfile(nil, "up", file); code != 0 || !strings.Contains(out, p.want) {
					t.Errorf("exit %d: %s", code, out)
				}
			})
		}
	}
}

// open lets every user into a directory of the test's.
func open(t *testing.T, dir string) {
	t.Helper()
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}
