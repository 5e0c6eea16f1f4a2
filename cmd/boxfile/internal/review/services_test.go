//go:build unix

package review

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/boxfile/boxfile/cmd/boxfile/internal/fixture"
)

// action is what this test understands of action.yml.
type action struct {
	Inputs  map[string]struct{ Default string }
	Outputs map[string]struct{ Value string }
	Runs    struct {
		Using string
		Steps []struct {
			ID, Name, Shell, Run string
			Env                  map[string]string
		}
	}
}

func readYAML(t *testing.T, name string, into any) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(source, name))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(b, into); err != nil {
		t.Fatal(err)
	}
}

var expression = regexp.MustCompile(`\$\{\{ *(.*?) *\}\}`)

// evaluate fills in expressions as the service does: the first operand of || that is not empty.
func evaluate(text string, context map[string]string) string {
	return expression.ReplaceAllStringFunc(text, func(e string) string {
		for _, operand := range strings.Split(expression.FindStringSubmatch(e)[1], " || ") {
			if v := context[strings.TrimSpace(operand)]; v != "" {
				return v
			}
		}
		return ""
	})
}

// act runs the steps of action.yml in a repository, as a job of GitHub Actions would, and
// returns whether it passed, what it put out, and the job's summary.
func act(r *repository, context map[string]string) (passed bool, outputs map[string]string, summary string) {
	r.t.Helper()
	var a action
	readYAML(r.t, "action.yml", &a)
	for name, in := range a.Inputs {
		if _, ok := context["inputs."+name]; !ok {
			context["inputs."+name] = in.Default
		}
	}
	temp := r.t.TempDir()
	env := []string{"GITHUB_ACTION_PATH=" + source, "RUNNER_TEMP=" + temp, "GITHUB_OUTPUT=" + temp + "/output", "GITHUB_STEP_SUMMARY=" + temp + "/summary"}
	passed = true
	for _, step := range a.Runs.Steps {
		if step.Shell != "bash" {
			r.t.Errorf("the step %s has no bash", step.Name)
		}
		of := env
		for k, v := range step.Env {
			of = append(of[:len(of):len(of)], k+"="+evaluate(v, context))
		}
		script := filepath.Join(temp, "step.sh")
		if err := os.WriteFile(script, []byte(step.Run), 0o644); err != nil {
			r.t.Fatal(err)
		}
		out, code := r.run(of, "bash", "--noprofile", "--norc", "-eo", "pipefail", script)
		r.t.Logf("%s: %d\n%s", step.Name, code, out)
		r.log += out
		if code != 0 {
			passed = false
			break
		}
	}
	outputs = map[string]string{}
	if b, err := os.ReadFile(temp + "/output"); err == nil {
		for _, line := range strings.Split(strings.TrimSpace(string(b)), "\n") {
			k, v, _ := strings.Cut(line, "=")
			context["steps.review.outputs."+k] = v
		}
	}
	for name, o := range a.Outputs {
		outputs[name] = evaluate(o.Value, context)
	}
	b, _ := os.ReadFile(temp + "/summary")
	return passed, outputs, string(b)
}

// What a pull request brings must not become a part of a script.
func TestTheActionPutsNoExpressionIntoAScript(t *testing.T) {
	var a action
	readYAML(t, "action.yml", &a)
	if a.Runs.Using != "composite" || len(a.Runs.Steps) == 0 {
		t.Fatal("action.yml is no composite action")
	}
	for _, step := range a.Runs.Steps {
		if strings.Contains(step.Run, "${{") {
			t.Errorf("the step %s has an expression in its script", step.Name)
		}
	}
}

func TestTheActionReviewsAPullRequest(t *testing.T) {
	r := newRepository(t)
	r.write("dev.yaml", box("ro"))
	base := r.commit()
	r.write("dev.yaml", box("rw"))
	r.commit()
	for name, c := range map[string]struct {
		context map[string]string
		passed  bool
		changed string
	}{
		"tells":                {map[string]string{"github.event.pull_request.base.sha": base}, true, "widened"},
		"fails if asked":       {map[string]string{"github.event.pull_request.base.sha": base, "inputs.fail-on": "widened"}, false, "widened"},
		"of a push":            {map[string]string{"github.event.before": base}, true, "widened"},
		"beside a given base":  {map[string]string{"github.event.pull_request.base.sha": base, "inputs.base": "HEAD", "inputs.fail-on": "changed"}, true, "none"},
		"of some files":        {map[string]string{"github.event.before": base, "inputs.boxfiles": "a b.yaml\n$(touch pwned).yaml\n"}, true, "none"},
		"of a wrong base":      {map[string]string{"github.event.before": "$(touch pwned)"}, false, "unknown"},
		"of a word that is no": {map[string]string{"github.event.before": base, "inputs.fail-on": "never;touch pwned"}, false, "widened"},
	} {
		t.Run(name, func(t *testing.T) {
			c.context["inputs.program"] = program
			r := &repository{t: t, dir: r.dir}
			passed, outputs, summary := act(r, c.context)
			if passed != c.passed || outputs["changed"] != c.changed {
				t.Errorf("passed: %v, %v", passed, outputs)
			}
			if c.changed == "widened" {
				if !strings.Contains(summary, "read-only → read-write") {
					t.Errorf("the summary is\n%s", summary)
				}
				b, err := os.ReadFile(outputs["sarif"])
				if err != nil || len(readSARIF(t, string(b))) == 0 {
					t.Error("no annotations", err)
				}
			}
		})
	}
	if _, err := os.Stat(filepath.Join(r.dir, "pwned")); err == nil {
		t.Error("an input was run")
	}
}

// The runner takes lines of the log for commands: ::add-mask::write hides that word in all that follows.
func TestNoLineOfAPullRequestIsACommandToTheRunner(t *testing.T) {
	resumed := regexp.MustCompile(`(?s)^::stop-commands::([0-9a-f]{32})\n(.*)\n::([0-9a-f]{32})::\n$`)
	for what, text := range map[string]string{"a wrong file": "boxfile: 1\n::add-mask::write\nshell: x\n", "a right one": box("rw") + "env: {A: '##[add-mask]write'}\n"} {
		r := newRepository(t)
		r.write("dev.yaml", box("ro"))
		base := r.commit()
		r.write("dev.yaml", text)
		act(r, map[string]string{"github.event.before": base, "inputs.program": program})
		if m := resumed.FindStringSubmatch(r.log); m == nil || m[1] != m[3] || !strings.Contains(m[2], "add-mask") {
			t.Errorf("%s:\n%s", what, r.log)
		}
	}
}

// A checkout is of one commit, unless its author asks for more; and the program is built of the action's own source.
func TestTheActionBuildsItsProgramAndFetchesItsBase(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		fixture.Skip(t, "there is no Go toolchain to build with")
	}
	origin := newRepository(t)
	origin.write("dev.yaml", box("ro"))
	base := origin.commit()
	origin.write("dev.yaml", box("rw"))
	origin.commit()
	r := newRepository(t)
	r.git("fetch", "-q", "--depth=1", "file://"+origin.dir, "main")
	r.git("remote", "add", "origin", "file://"+origin.dir)
	r.git("checkout", "-q", "FETCH_HEAD")
	passed, outputs, _ := act(r, map[string]string{"github.event.pull_request.base.sha": base})
	if !passed || outputs["changed"] != "widened" {
		t.Errorf("passed: %v, %v", passed, outputs)
	}
}

func TestTheGitLabJobReviewsAMergeRequest(t *testing.T) {
	var file map[string]struct {
		Variables map[string]string
		Script    []string
		Artifacts struct{ Paths []string }
	}
	readYAML(t, "contrib/gitlab-ci.yml", &file)
	job := file["boxfile-review"]
	tools := t.TempDir()
	if err := os.CopyFS(filepath.Join(tools, "contrib"), os.DirFS(filepath.Join(source, "contrib"))); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(tools, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(program, filepath.Join(tools, "bin", "boxfile")); err != nil {
		t.Fatal(err)
	}
	r := newRepository(t)
	r.write("dev.yaml", box("ro"))
	base := r.commit()
	r.write("dev.yaml", box("rw"))
	r.commit()
	for fail, want := range map[string]int{"never": 0, "widened": 3} {
		env := []string{"CI_MERGE_REQUEST_DIFF_BASE_SHA=" + base}
		for k, v := range job.Variables {
			env = append(env, k+"="+v)
		}
		env = append(env, "BOXFILE_SOURCE="+tools, "BOXFILE_FAIL_ON="+fail)
		out, code := r.run(env, "bash", "-eo", "pipefail", "-c", strings.Join(job.Script, "\n"))
		if code != want {
			t.Errorf("%s: exit code %d\n%s", fail, code, out)
		}
		if text := r.read(job.Artifacts.Paths[0]); !strings.Contains(text, "read-only → read-write") {
			t.Errorf("the artifact is\n%s", text)
		}
	}
}

// A hook gets the names of the files that are to be committed, as pre-commit picks them.
func TestTheHooksHoldBackAWrongCommit(t *testing.T) {
	var hooks []struct {
		ID, Entry, Language, Files string
		Types                      []string
	}
	readYAML(t, ".pre-commit-hooks.yaml", &hooks)
	r := newRepository(t)
	r.write("Boxfile.yaml", box("ro"))
	r.write("a b/boxfile.yml", box("ro"))
	r.write("other.yaml", "a: 1\n")
	r.git("add", "-A", ".")
	run := func(id string) (output string, passed bool) {
		for _, h := range hooks {
			if h.ID != id {
				continue
			}
			if h.Language != "golang" || len(h.Types) != 1 || h.Types[0] != "yaml" {
				t.Errorf("%s: %s, %v", id, h.Language, h.Types)
			}
			words := strings.Fields(h.Entry)
			for _, name := range strings.Split(r.git("diff", "--cached", "--name-only", "-z"), "\x00") {
				if regexp.MustCompile(h.Files).MatchString(name) {
					words = append(words, name)
				}
			}
			if len(words) != len(strings.Fields(h.Entry))+2 {
				t.Errorf("%s is run with %q", id, words)
			}
			before := r.git("diff")
			out, code := r.run([]string{"PATH=" + filepath.Dir(program) + ":" + os.Getenv("PATH")}, append([]string{"env"}, words...)...)
			return out, code == 0 && r.git("diff") == before // a hook that changes files has failed
		}
		t.Fatal("there is no hook ", id)
		return "", false
	}
	for _, id := range []string{"boxfile-validate", "boxfile-fmt"} {
		if out, passed := run(id); !passed {
			t.Errorf("%s holds back what is right\n%s", id, out)
		}
	}
	r.write("Boxfile.yaml", "boxfile: 1\nshell:    make\n")
	if out, passed := run("boxfile-fmt"); passed || r.read("Boxfile.yaml") != "boxfile: 1\nshell: make\n" {
		t.Errorf("what is not canonical passes, or stays\n%s", out)
	}
	r.write("Boxfile.yaml", "boxfile: 1\nshel: make\n")
	if out, passed := run("boxfile-validate"); passed || !strings.Contains(out, `unknown key "shel"`) {
		t.Errorf("what is wrong passes\n%s", out)
	}
}
