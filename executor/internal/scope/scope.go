//go:build linux

package scope

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"golang.org/x/sys/unix"
)

// Bus is whose manager is asked.
type Bus uint8

// The managers. The system's starts scopes for root alone.
const (
	User   Bus = iota // the caller's own, user@UID.service
	System            // process 1
)

// What can be wrong besides errnos, a *BusError and a *JobError.
var (
	ErrOwner    = errors.New("it is neither the caller's nor root's")
	ErrRejected = errors.New("authentication rejected")
	ErrProtocol = errors.New("not an answer of D-Bus")
	ErrNotMoved = errors.New("systemd did not move boxfile into the scope")
)

// BusError is an error that the manager, or the bus before it, answered with.
type BusError struct {
	Call    string // the method that was called
	Name    string // as org.freedesktop.DBus.Error.AccessDenied
	Message string // may be empty
}

// Error tells the call, and the error's name and message.
func (e *BusError) Error() string {
	if e.Message == "" {
		return e.Call + ": " + e.Name
	}
	return fmt.Sprintf("%s: %s (%s)", e.Call, e.Message, e.Name)
}

// JobError is a job that ended otherwise than done.
type JobError struct {
	Unit   string
	Result string // canceled, timeout, failed, dependency, skipped, …: org.freedesktop.systemd1(5)
}

// Error tells the job's result.
func (e *JobError) Error() string {
	return fmt.Sprintf("the job that starts it ended with %q; see journalctl for %s", e.Result, e.Unit)
}

// Start asks the manager behind bus for a transient scope named
// boxfile-NAME-ID.scope, delegated (Delegate=yes), which holds the calling
// process with all its threads, and returns when the process is in it. It waits
// for timeout at most; the error then is ETIMEDOUT. name consists of what unit
// names may have, systemd.unit(5), and is at most 200 bytes long.
//
// Where no manager is the error is ENOENT or ECONNREFUSED and names the sockets.
func Start(bus Bus, name, description string, timeout time.Duration) error {
	unit, err := unitName(name)
	if err != nil {
		return err
	}
	uid := unix.Geteuid()
	r := request{unit, oneLine(description), uid, sockets(bus, uid), "/proc/self/cgroup"}
	if err := r.do(time.Now().Add(timeout)); err != nil {
		return fmt.Errorf("start scope %s: %w", unit, err)
	}
	return nil
}

// unitName makes a name that no other scope has.
func unitName(name string) (string, error) {
	for _, c := range []byte(name) {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("_.-", c) >= 0) {
			return "", fmt.Errorf("scope name %q: %q cannot be in it: %w", name, c, unix.EINVAL)
		}
	}
	if name == "" || len(name) > 200 {
		return "", fmt.Errorf("scope name %q: it has 1 to 200 characters: %w", name, unix.EINVAL)
	}
	var id [4]byte
	if _, err := unix.Getrandom(id[:], 0); err != nil {
		return "", fmt.Errorf("getrandom: %w", err)
	}
	return "boxfile-" + name + "-" + hex.EncodeToString(id[:]) + ".scope", nil
}

// oneLine makes a description of any text. systemd writes it into a unit file
// as it is, where a line's end, or a backslash before it, would let the text say
// what else is in that file.
func oneLine(s string) string {
	s = strings.Map(func(c rune) rune {
		if c == '\\' || unicode.IsControl(c) {
			return ' '
		}
		return c
	}, s)
	if len(s) > 256 {
		s = s[:256]
	}
	return strings.TrimSpace(strings.ToValidUTF8(s, ""))
}

// socket is where a manager listens.
type socket struct {
	path   string
	direct bool // the manager itself, not a bus: there is no Hello, and signals come unasked
}

// sockets are the places of a manager, in the order they are tried: its own
// socket saves the way through the bus and needs none, but may be out of sight in a container.
func sockets(bus Bus, uid int) []socket {
	if bus == System {
		return []socket{{"/run/systemd/private", true}, {"/run/dbus/system_bus_socket", false}}
	}
	dir := fmt.Sprintf("/run/user/%d/", uid)
	return []socket{{dir + "systemd/private", true}, {dir + "bus", false}}
}

// request is a Start in full.
type request struct {
	unit, description string
	uid               int
	sockets           []socket
	cgroup            string // cgroups(7), /proc/PID/cgroup of this process
}

func (r *request) do(deadline time.Time) error {
	c, err := dial(r.sockets, r.uid, deadline)
	if err != nil {
		return err
	}
	defer unix.Close(c.fd)
	if err := r.over(c); err != nil {
		return fmt.Errorf("%s: %w", c.path, err)
	}
	return r.verify()
}

// over talks to the manager.
func (r *request) over(c *conn) error {
	if err := c.authenticate(r.uid); err != nil {
		return err
	}
	calls := []call{startTransientUnit(r.unit, r.description)}
	if !c.direct {
		calls = append([]call{hello, addMatch(r.unit)}, calls...)
	}
	if err := c.call(calls); err != nil {
		return err
	}
	return r.wait(c, calls)
}

// wait reads until the job is known and over. The job's end, which cannot come
// before the reply in practice, is kept until the reply says which job it was.
func (r *request) wait(c *conn, calls []call) error {
	var job string
	var end jobRemoved
	for job == "" || end.job != job {
		m, err := c.next()
		if err != nil {
			return fmt.Errorf("waiting for %s: %w", cmp.Or(job, "the reply to "+calls[len(calls)-1].member), err)
		}
		ours := m.replyTo >= 1 && int64(m.replyTo) <= int64(len(calls)) // the serials are 1, 2, …
		switch {
		case m.kind == kindError && ours:
			return &BusError{Call: calls[m.replyTo-1].member, Name: m.errorName, Message: m.text()}
		case m.kind == kindReply && int(m.replyTo) == len(calls):
			if job, err = m.job(); err != nil {
				return err
			}
		case m.kind == kindSignal && m.iface == managerInterface && m.member == "JobRemoved":
			removed, err := m.jobRemoved()
			if err != nil {
				return err
			}
			if removed.unit == r.unit {
				end = removed
			}
		}
	}
	if end.result != "done" {
		return &JobError{Unit: r.unit, Result: end.result}
	}
	return nil
}

// verify reads from the kernel where this process is now.
func (r *request) verify() error {
	fd, err := unix.Open(r.cgroup, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open %s: %w", r.cgroup, err)
	}
	defer unix.Close(fd)
	var text []byte
	for n := 1; n > 0; {
		chunk := make([]byte, 4096)
		if n, err = unix.Read(fd, chunk); err != nil {
			return fmt.Errorf("read %s: %w", r.cgroup, err)
		}
		if text = append(text, chunk[:n]...); len(text) > 1<<20 {
			return fmt.Errorf("read %s: %w", r.cgroup, io.ErrShortBuffer)
		}
	}
	for line := range strings.Lines(string(text)) {
		path, v2 := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "0::")
		if v2 && strings.HasSuffix(path, "/"+r.unit) {
			return nil
		}
		if v2 {
			return fmt.Errorf("%w: it is in %s", ErrNotMoved, path)
		}
	}
	return fmt.Errorf("%w: %s has no line of cgroup v2", ErrNotMoved, r.cgroup)
}
