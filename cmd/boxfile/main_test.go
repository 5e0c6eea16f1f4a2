//go:build unix

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/boxfile/boxfile/cmd/boxfile/internal/fixture"
)

// The tests run the program as it ships, because what is shipped includes its
// start-up. bin is a folder, open to every user, that holds nothing else.
var bin string //nolint:gochecknoglobals // set once, before any test

func TestMain(m *testing.M) {
	if calls := os.Getenv(filterEnv); calls != "" {
		fmt.Fprintln(os.Stderr, underFilter(calls, os.Args[1:]))
		os.Exit(99)
	}
	// Tests that were started with SIGHUP ignored, as by nohup(1), would pass that on.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "boxfile-test-")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		if err := os.Chmod(dir, 0o755); err != nil {
			panic(err)
		}
		bin = dir
		if err := fixture.Build(".", filepath.Join(dir, "boxfile")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

func TestScript(t *testing.T) {
	root := filepath.Join(bin, "work")
	if err := os.MkdirAll(root, 0o755); err != nil { // by an earlier run, with -count
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		WorkdirRoot:         root,
		RequireExplicitExec: true,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		Setup: func(e *testscript.Env) error {
			e.Setenv("PATH", bin+":"+e.Getenv("PATH"))
			e.Setenv("OS", runtime.GOOS)
			return openToAll(e.WorkDir)
		},
		Condition: condition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "asuser": asUser, "mkfifo": mkfifo, "zeros": zeros,
		},
	})
}

// openToAll lets an ordinary user read and write what a script laid out.
func openToAll(dir string) error {
	return filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		mode := os.FileMode(0o666)
		if d.IsDir() {
			mode = 0o777
		}
		return os.Chmod(path, mode)
	})
}

// condition knows "root", "limits" for a user who can have limits of every kind on
// this machine, and the names of programs. With BOXFILE_TEST_NO_SKIP a
// program that is not installed is a failure instead of a skip.
func condition(name string) (bool, error) {
	if name == "root" {
		return os.Getuid() == 0, nil
	}
	if name == "limits" {
		file := filepath.Join(bin, "limits.yaml")
		err := os.WriteFile(file, []byte("boxfile: 1\ncommand: [/bin/true]\nresources: {memory: 64M, cpus: 1, pids: 64}\n"), 0o644)
		if err != nil {
			return false, err
		}
		return exec.Command(filepath.Join(bin, "boxfile"), "up", file).Run() == nil, nil
	}
	_, err := exec.LookPath(name)
	if err != nil && os.Getenv("BOXFILE_TEST_NO_SKIP") != "" {
		return false, fmt.Errorf("%s is not installed", name)
	}
	return err == nil, nil
}

// exits N COMMAND… runs a command that must end with the exit code N.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits N COMMAND...")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// ordinaryCommand is the command as an ordinary user would give it: as it is, or
// with root's rights put down.
func ordinaryCommand(words []string) ([]string, error) {
	if os.Getuid() != 0 {
		return words, nil
	}
	u, err := fixture.Ordinary()
	if err != nil {
		return nil, err
	}
	return slices.Concat([]string{"setpriv", "--reuid=" + u.Uid, "--regid=" + u.Gid, "--clear-groups", "--"}, words), nil
}

// asuser N COMMAND… is exits for an ordinary user.
func asUser(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: asuser N COMMAND...")
	}
	words, err := ordinaryCommand(args[1:])
	ts.Check(err)
	exits(ts, false, append(args[:1:1], words...))
}

// zeros FILE BYTES makes a file of zeros.
func zeros(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: zeros FILE BYTES")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Repeat("\x00", n)), 0o644))
}

// mkfifo NAME makes a named pipe.
func mkfifo(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: mkfifo NAME")
	}
	ts.Check(syscall.Mkfifo(ts.MkAbs(args[0]), 0o666))
}
