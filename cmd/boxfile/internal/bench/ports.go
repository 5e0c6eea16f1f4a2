//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// withPort ends the name of the start with a published port.
const withPort = " +port"

// publish is what publishes a port, added to the Boxfile.
func publish(port string) string { return "\nports: [\"127.0.0.1:" + port + ":" + boxPort + "\"]\n" }

// measurement is one column of the tables.
type measurement struct {
	name string
	of   string // whose figure the ratios are to
	take func(address string, span time.Duration) (float64, error)
}

var throughputs = []measurement{
	{"up", idealName, send},
	{"down", idealName, receive},
	{fmt.Sprint(together, " up"), idealName, sendTogether},
}

var connections = []measurement{{"set-up", directName, medianOf(answered)}, {"short", directName, medianOf(whole)}}

// figures are what one measurement took of one site, by round. A round that failed is 0.
type figures struct {
	values []float64
	failed error // the last one's
}

// ports measures all ways to publish a port, one after the other within each round.
func ports(o options, dir, boxfile string) error {
	sites, absent, err := settle(dir, boxfile)
	defer func() {
		for _, s := range sites {
			s.leave()
		}
	}()
	if err != nil {
		return err
	}
	fmt.Printf("\npublished ports, TCP over IPv4: %d rounds in turns, %v each\n\n", o.ports, o.span)
	all := append(append([]measurement(nil), throughputs...), connections...)
	f := measureAll(sites, all, o)
	reportThroughput(sites, f)
	reportShort(sites, f[len(throughputs):])
	reportFailed(sites, all, f)
	if o.idle > 0 {
		reportIdle(sites, min(o.idle, mostIdle()))
	}
	for _, a := range absent {
		fmt.Println("not measured:", a)
	}
	return nil
}

// settle starts all sites, and leaves out those that cannot do the job here.
func settle(dir, boxfile string) (sites []*site, absent []string, err error) {
	self := filepath.Join(dir, "service")
	if err := copyProgram("/proc/self/exe", self); err != nil {
		return nil, nil, err
	}
	for _, p := range publishers(dir, boxfile) {
		s := &site{name: p.name, dir: dir, self: self}
		if s.port, err = freePort(); err != nil {
			return sites, nil, err
		}
		err := p.begin(s)
		if err == nil {
			err = until(func() error { return exchange(s.address(), time.Second) })
		}
		if err != nil {
			absent = append(absent, fmt.Sprintf("%s: %v: %s", s.name, err, s.words()))
			s.leave()
			continue
		}
		sites = append(sites, s)
	}
	return sites, absent, nil
}

// measureAll goes through the sites in turns, each round beginning with another one.
// What it returns is by measurement and site.
func measureAll(sites []*site, all []measurement, o options) [][]figures {
	taken := make([][]figures, len(all))
	for i := range taken {
		taken[i] = make([]figures, len(sites))
	}
	for r := range o.ports {
		for i, m := range all {
			for k := range sites {
				j := (r + k) % len(sites)
				time.Sleep(o.gap)
				value, err := m.take(sites[j].address(), o.span)
				f := &taken[i][j]
				if err != nil {
					value, f.failed = 0, err
				}
				f.values = append(f.values, value)
			}
		}
	}
	return taken
}

// mostIdle is how many connections a relay can have at a time: two descriptors each,
// and some for itself.
func mostIdle() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	const own = 200
	return int(max(own, min(limit.Max, 1<<20))-own) / 2
}

const tun = "/dev/net/tun"

// openTun lets every user of this process's mount namespace make tap interfaces,
// which pasta and slirp4netns need: on many machines everybody may, on some root alone.
func openTun(dir string) error {
	info, err := os.Stat(tun)
	if err != nil || info.Mode().Perm()&0o006 == 0o006 {
		return err
	}
	node := filepath.Join(dir, "tun")
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return errors.New(tun + ": no device number")
	}
	if err := syscall.Mknod(node, syscall.S_IFCHR|0o666, int(stat.Rdev)); err != nil {
		return err
	}
	if err := os.Chmod(node, 0o666); err != nil {
		return err
	}
	if err := syscall.Unshare(syscall.CLONE_NEWNS); err != nil {
		return err
	}
	if err := syscall.Mount("none", "/", "", syscall.MS_REC|syscall.MS_SLAVE, ""); err != nil {
		return err
	}
	return syscall.Mount(node, tun, "", syscall.MS_BIND, "")
}
