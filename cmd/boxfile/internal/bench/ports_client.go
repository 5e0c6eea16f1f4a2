//go:build linux

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

const (
	together = 16               // connections at a time
	patience = 10 * time.Second // beyond what a measurement is to take
)

// ask opens a connection to a service, through whatever stands between.
func ask(address string, wait time.Duration, words ...byte) (net.Conn, error) {
	c, err := net.DialTimeout("tcp", address, wait)
	if err != nil {
		return nil, err
	}
	if err := c.SetDeadline(time.Now().Add(wait)); err != nil {
		return nil, err
	}
	if _, err := c.Write(words); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

// gigabits is a rate, in Gbit/s.
func gigabits(bytes int64, d time.Duration) float64 {
	return float64(bytes) * 8 / float64(d.Nanoseconds())
}

// send is the rate of one connection from client to service. It is over when the
// service says that it has the last byte.
func send(address string, span time.Duration) (float64, error) {
	c, err := ask(address, span+patience, sink)
	if err != nil {
		return 0, err
	}
	defer c.Close() //nolint:errcheck // the answer has come, or an error is returned
	piece, total, begin := make([]byte, pieceBytes), int64(0), time.Now()
	for time.Since(begin) < span {
		n, err := c.Write(piece)
		if err != nil {
			return 0, err
		}
		total += int64(n)
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		return 0, err
	}
	_, err = io.ReadFull(c, piece[:1])
	return gigabits(total, time.Since(begin)), err
}

// receive is the rate of one connection from service to client.
func receive(address string, span time.Duration) (float64, error) {
	c, err := ask(address, span+patience, binary.BigEndian.AppendUint64([]byte{source}, uint64(span))...)
	if err != nil {
		return 0, err
	}
	defer c.Close() //nolint:errcheck // it was read to its end
	piece, total, begin := make([]byte, pieceBytes), int64(0), time.Now()
	for {
		n, err := c.Read(piece)
		total += int64(n)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, err
		}
	}
	took := time.Since(begin)
	if took < span/2 {
		return 0, fmt.Errorf("it ended after %v", took)
	}
	return gigabits(total, took), nil
}

// sendTogether is the rate of all of some connections.
func sendTogether(address string, span time.Duration) (float64, error) {
	rates, failed := make([]float64, together), make([]error, together)
	var all sync.WaitGroup
	for i := range together {
		all.Go(func() { rates[i], failed[i] = send(address, span) })
	}
	all.Wait()
	sum := 0.0
	for i, r := range rates {
		if failed[i] != nil {
			return 0, failed[i]
		}
		sum += r
	}
	return sum, nil
}

// exchange is a short connection, all of it: opened, one byte there and back, and
// both ends closed.
func exchange(address string, wait time.Duration) error {
	c, err := ask(address, wait, echo)
	if err != nil {
		return err
	}
	defer c.Close() //nolint:errcheck // nothing is left to be said
	b, err := io.ReadAll(c)
	if err == nil && len(b) != 1 {
		err = fmt.Errorf("%d bytes came back, not 1", len(b))
	}
	return err
}

// answered is a connection until its first byte has come back. Its end is not counted.
func answered(address string, wait time.Duration) (time.Duration, error) {
	begin := time.Now()
	c, err := ask(address, wait, echo)
	if err != nil {
		return 0, err
	}
	defer c.Close() //nolint:errcheck // nothing is left to be said
	_, err = io.ReadFull(c, make([]byte, 1))
	took := time.Since(begin)
	if err == nil {
		_, err = io.Copy(io.Discard, c) // until the other end has closed as well
	}
	return took, err
}

// whole is a short connection from its beginning to its end.
func whole(address string, wait time.Duration) (time.Duration, error) {
	begin := time.Now()
	err := exchange(address, wait)
	return time.Since(begin), err
}

// medianOf is the median of connections one after the other, in microseconds.
func medianOf(one func(string, time.Duration) (time.Duration, error)) func(string, time.Duration) (float64, error) {
	return func(address string, span time.Duration) (float64, error) {
		var took []float64
		for end := time.Now().Add(span); time.Now().Before(end); {
			d, err := one(address, patience)
			if err != nil {
				return 0, err
			}
			took = append(took, 1000*ms(d))
		}
		return quantile(took, .5), nil
	}
}

// hold opens connections and leaves them open, as many as it gets.
func hold(address string, n int) (held []net.Conn, err error) {
	for range n {
		c, err := ask(address, 3*time.Second, idle)
		if err != nil {
			return held, err
		}
		if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
			return held, errors.Join(err, c.Close())
		}
		held = append(held, c)
	}
	return held, nil
}
