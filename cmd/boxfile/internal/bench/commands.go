//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// command is one way to run "true" in a box of a folder.
type command struct {
	name string
	args []string // args[0] is a path; "@" in a word becomes a number that no other start has
	once bool     // starts of it that overlap tell nothing: they wait for each other, or want the same port
}

// definition is the Boxfile that is measured: 40 lines, YAML and validation are
// part of the start.
const definition = `# What a build of somebody's pull request gets to see.
boxfile: 1
name: bench
description: >-
  A static busybox in a read-only folder, in namespaces of its own.

rootfs:
  dir: ./rootfs
  write: none
  enter: pivot_root
network: none
namespaces:
  pid: new
  ipc: new
  uts: new
  user: new
  cgroup: new
idmap: caller

proc: new
sys: none
mounts:
  - type: tmpfs
    target: /tmp
    options: [nosuid, nodev]

env:
  PATH: /bin
  HOME: /tmp
workdir: /
user: "0:0"
umask: "0022"
rlimits:
  core: 0

security:
  capabilities: none
  no_new_privs: true

command: [/bin/true]
`

// limits are added to the Boxfile for the start with limits, and these numbers to
// what the others are asked for.
const (
	limitMemory = 256 << 20
	limitPids   = 64
	limits      = "\nresources: {memory: 256M, pids: 64}\n"
	withLimits  = " limits" // ends the names of those starts
)

// lay makes the folder that becomes the root, the Boxfile and the bundle of the
// OCI runtimes, and returns every command that could run here.
func lay(dir, boxfile string) ([]command, error) {
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, err
	}
	root := filepath.Join(dir, "rootfs")
	if err := layRoot(root); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "bench.yaml"), []byte(definition), 0o644); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "limits.yaml"), []byte(definition+limits), 0o644); err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "port.yaml"), []byte(definition+publish(port)), 0o644); err != nil {
		return nil, err
	}
	commands := []command{{name: "no box", args: []string{filepath.Join(root, "bin", "true")}}}
	add := func(name string, args ...string) {
		if path, err := exec.LookPath(args[0]); err == nil {
			engine := !strings.HasPrefix(name, "bwrap") && !strings.HasPrefix(name, "boxfile") && !strings.HasPrefix(name, "nsjail")
			commands = append(commands, command{name, append([]string{path}, args[1:]...), engine || strings.HasSuffix(name, withPort)})
		}
	}
	add("bwrap", "bwrap", "--unshare-all", "--unshare-user", "--ro-bind", root, "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "/bin/true")
	add("boxfile", boxfile, "up", filepath.Join(dir, "bench.yaml"))
	add("boxfile"+withLimits, boxfile, "up", filepath.Join(dir, "limits.yaml"))
	add("boxfile"+withPort, boxfile, "up", filepath.Join(dir, "port.yaml"))
	add("nsjail", "nsjail", "-Mo", "-Q", "--chroot", root, "--", "/bin/true")
	add("nsjail"+withLimits, "nsjail", "-Mo", "-Q", "--cgroup_mem_max", fmt.Sprint(limitMemory), "--cgroup_pids_max", fmt.Sprint(limitPids), "--chroot", root, "--", "/bin/true")
	limited := filepath.Join(dir, "limited")
	if err := errors.Join(layBundle(dir, root, nil), os.Mkdir(limited, 0o755), layBundle(limited, root, map[string]any{
		"memory": map[string]any{"limit": limitMemory}, "pids": map[string]any{"limit": limitPids},
	})); err == nil {
		for _, runtime := range []string{"crun", "runc"} {
			state := filepath.Join(dir, "state-"+runtime)
			add(runtime, runtime, "--root", state, "run", "--bundle", dir, "bench-@")
			add(runtime+withLimits, runtime, "--root", state, "run", "--bundle", limited, "bench-@")
		}
	}
	add("podman", "podman", "run", "--rm", "--network", "none", "--rootfs", root, "/bin/true")
	add("nspawn", "systemd-nspawn", "-q", "--private-network", "-D", root, "/bin/true")
	return commands, nil
}

func layRoot(root string) error {
	for _, d := range []string{"bin", "proc", "dev", "tmp", "sys", "etc"} {
		if err := os.MkdirAll(filepath.Join(root, d), 0o755); err != nil {
			return err
		}
	}
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		return errors.New("busybox (busybox-static) is not installed")
	}
	b, err := os.ReadFile(busybox)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(root, "bin", "busybox"), b, 0o755); err != nil {
		return err
	}
	for _, name := range []string{"true", "sh", "sleep"} {
		if err := os.Symlink("busybox", filepath.Join(root, "bin", name)); err != nil {
			return err
		}
	}
	return nil
}

// layBundle makes runc write its own idea of a bundle and changes as little as
// the job needs: what runs, a network namespace of its own, and the limits.
func layBundle(dir, root string, resources map[string]any) error {
	config := filepath.Join(dir, "config.json")
	if _, err := os.Stat(config); err == nil {
		return nil
	}
	args := []string{"spec"}
	if os.Getuid() != 0 {
		args = append(args, "--rootless")
	}
	cmd := exec.Command("runc", args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("runc spec: %w: %s", err, out)
	}
	b, err := os.ReadFile(config)
	if err != nil {
		return err
	}
	var spec map[string]any
	if err := json.Unmarshal(b, &spec); err != nil {
		return err
	}
	process, okProcess := spec["process"].(map[string]any)
	linux, okLinux := spec["linux"].(map[string]any)
	if !okProcess || !okLinux {
		return errors.New("runc spec: no process or linux")
	}
	process["args"], process["terminal"] = []string{"/bin/true"}, false
	spec["root"] = map[string]any{"path": root, "readonly": true}
	if list, ok := linux["namespaces"].([]any); ok && !strings.Contains(string(b), `"network"`) {
		linux["namespaces"] = append(list, map[string]any{"type": "network"})
	}
	if resources != nil {
		linux["resources"] = resources
	}
	b, err = json.Marshal(spec)
	if err != nil {
		return err
	}
	return os.WriteFile(config, b, 0o644)
}
