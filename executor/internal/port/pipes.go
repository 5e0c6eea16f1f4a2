//go:build linux

package port

import "golang.org/x/sys/unix"

// pipe is where bytes are between two splices, pipe(7).
type pipe struct {
	read, write int32
	small       bool // less than pipeSize: the user has too many pipes (pipe-user-pages-soft)
}

// pipeSize is how much is moved at a time. With a quarter of it a stream is a tenth slower.
const pipeSize = 1 << 20

// pipes are those that no connection uses at the moment. A connection has one only while bytes are in it.
type pipes struct{ free []pipe }

const freePipes = 16

// take returns an empty pipe. One that cannot be as large as wished is used this once:
// the next may be luckier.
func (p *pipes) take() (pipe, error) {
	if n := len(p.free); n > 0 {
		one := p.free[n-1]
		p.free = p.free[:n-1]
		return one, nil
	}
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return pipe{}, err
	}
	_, err := unix.FcntlInt(uintptr(fds[0]), unix.F_SETPIPE_SZ, pipeSize)
	return pipe{int32(fds[0]), int32(fds[1]), err != nil}, nil
}

func (p *pipes) put(one pipe) {
	if len(p.free) < freePipes && !one.small {
		p.free = append(p.free, one)
		return
	}
	one.close()
}

func (p pipe) close() {
	unix.Close(int(p.read))
	unix.Close(int(p.write))
}

func (p *pipes) close() {
	for _, one := range p.free {
		one.close()
	}
}
