package executor_test

import (
	"fmt"
	"io"
	"net"
	"time"
)

// talk is what a probe does with the network: "serve" listens at pairs of protocol
// and address, "dial" says how an attempt to connect ends.
func talk(args []string) int {
	if args[0] == "dial" {
		d := net.Dialer{Timeout: 2 * time.Second}
		if len(args) > 3 {
			d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(args[3])}
		}
		_, err := d.Dial(args[1], args[2])
		fmt.Println(err)
		return 0
	}
	for i := 1; i+1 < len(args); i += 2 {
		if args[i] == "after" { // a service that takes its time
			d, _ := time.ParseDuration(args[i+1])
			fmt.Println("ready")
			time.Sleep(d)
			continue
		}
		if err := serve(args[i], args[i+1]); err != nil {
			fmt.Println(err)
			return 1
		}
	}
	fmt.Println("ready")
	time.Sleep(time.Hour)
	return 0
}

func serve(protocol, at string) error {
	if protocol == "udp" {
		c, err := net.ListenPacket(protocol, at)
		if err != nil {
			return err
		}
		go answer(c)
		return nil
	}
	l, err := net.Listen("tcp", at)
	if err != nil {
		return err
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil { // the box has the caller's limit of descriptors, too
				time.Sleep(10 * time.Millisecond)
				continue
			}
			go greet(c.(*net.TCPConn), protocol)
		}
	}()
	return nil
}

// greet says who is there, and then the same as the client.
func greet(c *net.TCPConn, how string) {
	defer c.Close()
	fmt.Fprintf(c, "%s\n", c.RemoteAddr())
	switch how {
	case "reset":
		_, _ = c.Read(make([]byte, 1))
		_ = c.SetLinger(0)
		return
	case "deaf": // takes nothing
		time.Sleep(time.Hour)
	}
	_, err := io.CopyBuffer(struct{ io.Writer }{c}, struct{ io.Reader }{c}, make([]byte, 4096)) // splice(2) would need a pipe
	if err != nil {
		fmt.Println("broken off:", err)
	}
}

func answer(c net.PacketConn) {
	buf := make([]byte, 1<<16)
	for {
		n, from, err := c.ReadFrom(buf)
		if err != nil {
			return
		}
		if n > 100 {
			_, _ = c.WriteTo(buf[:n], from)
			continue
		}
		_, _ = c.WriteTo([]byte(fmt.Sprintf("%s %s", from, buf[:n])), from)
	}
}
