package executor

import (
	"errors"
	"fmt"

	"github.com/boxfile/boxfile/executor/internal/port"
	"github.com/boxfile/boxfile/executor/program"
	"golang.org/x/sys/unix"
)

// listenAt opens the listening sockets of one host op, before there is a box.
func (r *run) listenAt(h *program.HostOp) *Failure {
	p := &h.Ports
	at, err := port.ParseAddress(p.Address)
	if err != nil {
		return r.failHost(h, err)
	}
	for i := range p.Count {
		want := p.Host
		if want != 0 {
			want += uint16(i)
		}
		fd, taken, err := port.Listen(port.Protocol(p.Protocol), at, want)
		if err != nil {
			return r.failListen(h, want, err)
		}
		r.closers = append(r.closers, fd)
		box := p.Box + uint16(i)
		r.ports = append(r.ports, port.Port{FD: fd, Protocol: port.Protocol(p.Protocol), Box: box})
		if r.opts.Published != nil {
			r.opts.Published(Published{Step: h.Step, Protocol: p.Protocol, Address: p.Address, Host: taken, Box: box, Chosen: want == 0})
		}
	}
	return nil
}

// failListen names who has a port, or why it may not be had.
func (r *run) failListen(h *program.HostOp, want uint16, err error) *Failure {
	f := r.fail(h.Step, h.String(), err)
	where := fmt.Sprintf("%s port %d of %s", h.Ports.Protocol, want, h.Ports.Address)
	f.Message = "cannot listen on " + where + ": " + reason(err)
	switch {
	case errors.Is(err, unix.EADDRINUSE):
		f.Message = "cannot listen on " + where + ": it is in use"
		f.Cause = port.Holder(h.Ports.Protocol, h.Ports.Address, want)
		f.Fix = "end that, or publish another host port"
	case errors.Is(err, unix.EACCES):
		f.Cause, f.Fix = port.Low(), "publish a host port from 1024 on, or run boxfile as root"
	case errors.Is(err, unix.EADDRNOTAVAIL):
		f.Message = "cannot listen on " + where + ": this machine does not have the address"
		f.Fix = "write one that `ip address` shows, or leave it out for 127.0.0.1"
	case errors.Is(err, unix.EAFNOSUPPORT):
		f.Cause = "IPv6 is switched off on this machine"
	}
	return f
}

// above gives the child's end of the control socket a number that is none of those
// the child gives to sockets.
func above(control int, h *program.Handed) (int, error) {
	if control < h.First {
		return control, nil
	}
	fd, err := unix.FcntlInt(uintptr(control), unix.F_DUPFD_CLOEXEC, h.First+len(h.Roles))
	unix.Close(control)
	return fd, err
}

// receive reads one message, and the descriptors that come with it.
func (h *hearing) receive() (int, error) {
	if h.run.prog.Handed == nil || h.served {
		return unix.Read(h.control, h.buf[:])
	}
	rights := make([]byte, unix.CmsgSpace(4*len(h.run.prog.Handed.Roles)))
	n, oobn, _, _, err := unix.Recvmsg(h.control, h.buf[:], rights, unix.MSG_CMSG_CLOEXEC)
	if err != nil || oobn == 0 {
		return n, err
	}
	messages, err := unix.ParseSocketControlMessage(rights[:oobn])
	if err != nil {
		return n, err
	}
	for i := range messages {
		fds, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			return n, err
		}
		h.handed = append(h.handed, fds...)
	}
	return n, nil
}

var errHanded = errors.New("the box did not hand over the descriptors that it should")

// serve takes what the box hands over, and begins to pass connections on.
func (r *run) serve(handed []int) *Failure {
	h := r.prog.Handed
	inside := port.Inside{V4: port.Pair{Listener: -1, Connector: -1}, V6: port.Pair{Listener: -1, Connector: -1}, UDP: -1}
	if len(handed) != len(h.Roles) {
		for _, fd := range handed {
			unix.Close(fd)
		}
		return r.fail(h.Step, "receiving descriptors", errHanded)
	}
	for i, role := range h.Roles {
		switch role {
		case program.Listener4:
			inside.V4.Listener = handed[i]
		case program.Connector4:
			inside.V4.Connector = handed[i]
		case program.Listener6:
			inside.V6.Listener = handed[i]
		case program.Connector6:
			inside.V6.Connector = handed[i]
		case program.Datagrams:
			inside.UDP = handed[i]
		case program.TerminalMaster:
			r.terminal.master = handed[i]
		}
	}
	if h.Box == nil { // no ports
		return nil
	}
	at, err := port.ParseAddresses(h.Box, h.Host, h.Clients)
	if err == nil {
		r.relay, err = port.Start(r.ports, inside, at)
	}
	if err != nil {
		return r.fail(h.Step, "serving ports", err)
	}
	return nil
}

// stopRelay ends all connections.
func (r *run) stopRelay() error {
	if r.relay == nil {
		return nil
	}
	return r.relay.Stop()
}
