package executor_test

import (
	"strings"
	"testing"
	"time"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/executor"
)

// A timeout sends the file's signal, waits for the grace period, and ends everything.
func TestTimeout(t *testing.T) {
	each(t, func(t *testing.T, b *box) {
		const soon, hour = 1, int64(time.Hour) // soon is when the command has said that it is ready
		cases := []struct {
			what   string
			step   plan.Timeout
			args   []string
			code   int
			stdout string
		}{
			{"the signal ends it", plan.Timeout{After: soon, Signal: "TERM", Grace: hour}, []string{"sleep"}, 124, "ready\n"},
			{"it handles the signal", plan.Timeout{After: soon, Signal: "USR1", Grace: hour}, []string{"signals"}, 124, "ready\ngot 10\n"},
			{"it ignores the signal", plan.Timeout{After: soon, Signal: "TERM", Grace: 3e8}, []string{"stubborn"}, 124, "ready\n"},
			{"no grace", plan.Timeout{After: soon, Signal: "KILL"}, []string{"stubborn"}, 124, "ready\n"},
			{"it ends in time", plan.Timeout{After: hour, Signal: "TERM", Grace: 1e9}, []string{"exit", "5"}, 5, ""},
		}
		for _, c := range cases {
			t.Run(c.what, func(t *testing.T) {
				t.Parallel()
				patiently(t, func(d time.Duration) bool {
					one := newBox(t)
					one.user = b.user
					one.own()
					step := c.step
					if step.After == soon {
						step.After = int64(d)
					}
					r, s := one.measured(fullPlan(t, c.args...).before("close_fds", &step))
					if !strings.HasPrefix(r.stdout, "ready") && c.code == 124 {
						return false
					}
					if r.code != c.code || r.stdout != c.stdout || (s.Reason == executor.ReasonTimeout) != (c.code == 124) {
						t.Errorf("exit %d, %+v, %q\n%s", r.code, s, r.stdout, r.stderr)
					}
					due := d
					if step.Grace < hour {
						due += time.Duration(step.Grace)
					}
					if c.code == 124 && s.Usage.Wall < due {
						t.Errorf("it took %v, at least %v were due", s.Usage.Wall, due)
					}
					return true
				})
			})
		}
	})
}

// A timeout takes a box with limits whole, and its cgroups with it.
func TestTimeoutWithLimits(t *testing.T) {
	steps := []plan.Step{limit("pids", 60), &plan.Timeout{After: 3e8, Signal: "TERM", Grace: 1e8}}
	eachLimited(t, func(t *testing.T, b *box) {
		p := limited(t, steps, "stubborn")
		r, s := b.measured(p)
		if r.code != 124 || reachedKind(p, s) != "timeout" {
			t.Errorf("exit %d, %+v\n%s", r.code, s, r.stderr)
		}
	}, limit("pids", 60))
}
