package executor_test

import (
	"os"
	"testing"

	"github.com/boxfile/boxfile/compiler/plan"
)

// A source below what the box can write stays in there: a link that leads elsewhere, also
// in the Boxfile's folder, was perhaps put there by an earlier box (CVE-2024-42472).
func TestSourceBelowWritable(t *testing.T) {
	each(t, func(t *testing.T, b *box) {
		b.file("secrets/hello", "a secret\n")
		b.file("out/sub/real/hello", "inside\n")
		b.link("../../secrets", "out/sub/leads-out")
		b.link("real", "out/sub/stays")
		b.link("../secrets", "out/links")
		for _, dir := range []string{".", b.path()} {
			with := func(source, made string) *planner {
				p := fullPlan(t, "read", "/data/hello").before("pivot_root", &plan.Mount{Type: "bind", Source: dir + "/out", Target: "/out", Options: bindOptions},
					&plan.Mount{Type: "bind", Source: dir + source, Target: "/data", ReadOnly: true, Options: bindOptions})
				if made != "" {
					p.before("close_fds", &plan.CreateSource{Path: dir + made, Type: "dir"})
				}
				return p
			}
			b.want(with("/out/sub/stays", ""), 0, "inside")
			b.want(with("/out/sub/leads-out", ""), 125, "or of what the box can write")
			b.want(with("/out/links", ""), 125, "or of what the box can write")
			b.want(with("/secrets", ""), 0, "a secret")
			b.want(with("/out/sub/real", "/out/links/new"), 125, `"step":"create_source"`)
			b.want(with("/out/sub/real", "/out/sub/stays/new"), 0, "inside")
			if _, err := os.Stat(b.path("secrets/new")); err == nil {
				t.Error("a directory was made outside of what the box can write")
			}
			if err := os.Remove(b.path("out/sub/real/new")); err != nil {
				t.Error(err)
			}
		}
		kept := dirPlan(t, "keep", "./kept", "read", "/data/hello").before("pivot_root", &plan.Mount{Type: "bind", Source: "./kept/root/upper/data", Target: "/data", ReadOnly: true, Options: bindOptions})
		b.root("data/")
		b.file("kept/root/upper/", "")
		if err := os.Chmod(b.path("kept"), 0o700); err != nil {
			t.Fatal(err)
		}
		b.link("../../../secrets", "kept/root/upper/data")
		b.want(kept, 125, "or of what the box can write")
	})
}
