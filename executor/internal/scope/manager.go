//go:build linux

package scope

import "fmt"

// What is asked of the bus and of the manager, and what they say:
// D-Bus specification "Message Bus Messages", org.freedesktop.systemd1(5).

const (
	busName          = "org.freedesktop.DBus"
	managerName      = "org.freedesktop.systemd1"
	managerPath      = "/org/freedesktop/systemd1"
	managerInterface = "org.freedesktop.systemd1.Manager"
)

var hello = call{destination: busName, path: "/org/freedesktop/DBus", iface: busName, member: "Hello"}

// addMatch has the bus pass on the end of the unit's job, said by whoever is the manager.
func addMatch(unit string) call {
	rule := "type='signal',sender='" + managerName + "',path='" + managerPath + "',interface='" + managerInterface + "',member='JobRemoved',arg2='" + unit + "'"
	return call{
		destination: busName, path: "/org/freedesktop/DBus", iface: busName, member: "AddMatch",
		signature: "s", body: func(e *encoder) { e.string(rule) },
	}
}

// startTransientUnit asks for the scope. Mode fail: nothing else is stopped for
// it. Process 0 is whoever sends the message, which is right from another pid
// namespace too, where the caller's number would be somebody else. CollectMode:
// a scope that failed is forgotten as well.
func startTransientUnit(unit, description string) call {
	return call{
		destination: managerName, path: managerPath, iface: managerInterface, member: "StartTransientUnit",
		signature: "ssa(sv)a(sa(sv))", body: func(e *encoder) {
			e.string(unit)
			e.string("fail")
			e.array(8, func() {
				e.property("Description", "s", func() { e.string(description) })
				e.property("PIDs", "au", func() { e.array(4, func() { e.uint32(0) }) })
				e.property("Delegate", "b", func() { e.uint32(1) })
				e.property("CollectMode", "s", func() { e.string("inactive-or-failed") })
			})
			e.array(8, func() {}) // auxiliary units
		},
	}
}

// property writes a (sv).
func (e *encoder) property(name, signature string, value func()) {
	e.align(8)
	e.string(name)
	e.signature(signature)
	value()
}

// job is the path of the job that a reply names.
func (m *message) job() (string, error) {
	if m.signature != "o" {
		return "", fmt.Errorf("a reply of type %q: %w", m.signature, ErrProtocol)
	}
	d := m.body
	job := d.string()
	if d.err == nil && job == "" {
		d.fail("an empty path")
	}
	return job, d.err
}

// jobRemoved is the signal of that name.
type jobRemoved struct{ job, unit, result string }

func (m *message) jobRemoved() (jobRemoved, error) {
	if m.signature != "uoss" {
		return jobRemoved{}, fmt.Errorf("JobRemoved of type %q: %w", m.signature, ErrProtocol)
	}
	d := m.body
	d.uint32()
	r := jobRemoved{d.string(), d.string(), d.string()}
	return r, d.err
}

// text is the message of an error, which may have none.
func (m *message) text() string {
	if len(m.signature) == 0 || m.signature[0] != 's' {
		return ""
	}
	d := m.body
	return d.string()
}
