package diff

import (
	"strconv"
	"strings"

	"github.com/boxfile/boxfile/compiler/plan"
)

// The steps of the host side.

func (d describer) CreateSource(s *plan.CreateSource) error {
	d.is("make if missing", plan.Literal(s.Path), grants, s.Path)
	d.has("type", word(s.Type))
	return nil
}

func (d describer) Keep(s *plan.Keep) error {
	d.is("kept folder", plan.Literal(s.Dir), grants, s.Dir)
	return nil
}

func (d describer) Cgroup(s *plan.Cgroup) error {
	d.is("cgroup", "of the box's own", says)
	d.lead = "cgroup:"
	d.has("limits that cannot be enforced", switched(s.BestEffort, "are told and left out", "stop the run"))
	d.has("its processes", switched(!s.Ends, "end with the box's pid namespace", "end with the command"))
	d.attrs[1].value.rank = 0
	d.attrs[1].aside = !s.Ends
	return nil
}

func (d describer) Limit(s *plan.Limit) error {
	text := s.String()
	d.is("", text, takes, s.Resource)
	if s.Value == nil {
		d.grants = says // as without it
	}
	show := func(n uint64) string {
		return strings.TrimPrefix(valueOf((&plan.Limit{Resource: s.Resource, Value: &n}).String()), "limit ")
	}
	some := (&plan.Limit{Resource: s.Resource, Value: new(uint64)}).String()
	d.lead = strings.TrimSuffix(some, " "+valueOf(some))
	d.attrs = append(d.attrs, attr{key: "value", value: amount(s.Value, show), aside: true})
	d.has("where the host has no such resource:", switched(s.Optional, "is passed over", "nothing runs"))
	d.attrs[1].aside = !s.Optional
	return nil
}

// valueOf is what follows the name of a limit: "64 MiB" of "memory limit 64 MiB".
func valueOf(limit string) string {
	for _, mark := range []string{" limit ", " weight ", " "} {
		if _, v, ok := strings.Cut(limit, mark); ok {
			return v
		}
	}
	return limit
}

func (d describer) CPUSet(s *plan.CPUSet) error {
	d.is("CPUs", plan.Literal(s.CPUs)+" only", takes)
	d.lead = "CPUs"
	d.attrs = append(d.attrs, attr{key: "cpus", value: cpus(s.CPUs), aside: true})
	return nil
}

// cpus is a list such as "0-3,6": which of the first 64 processors, and how many of all.
func cpus(list string) value {
	v := value{text: plan.Literal(list)}
	for part := range strings.SplitSeq(list, ",") {
		first, last, ok := strings.Cut(part, "-")
		if !ok {
			last = first
		}
		a, err := strconv.ParseUint(first, 10, 16)
		b, err2 := strconv.ParseUint(last, 10, 16)
		if err != nil || err2 != nil {
			return word(list)
		}
		for n := a; n <= b; n++ {
			v.rank++
			v.bits |= 1 << n // no bit from 64 on
		}
	}
	return v
}

func (d describer) IO(s *plan.IO) error {
	d.is("io of", plan.Literal(s.Device), takes, s.Device)
	perSecond := func(n uint64) string { return plan.Bytes(n) + "/s" }
	operations := func(n uint64) string { return number(n) + " operations/s" }
	for _, b := range [...]struct {
		about string
		n     *uint64
		show  func(uint64) string
	}{{"read", s.ReadBPS, perSecond}, {"write", s.WriteBPS, perSecond}, {"reads:", s.ReadIOPS, operations}, {"writes:", s.WriteIOPS, operations}} {
		d.attrs = append(d.attrs, attr{about: b.about, key: b.about, value: amount(b.n, b.show), aside: b.n == nil})
	}
	weight := value{text: "the kernel's default", rank: 100}
	if s.Weight != nil {
		weight = amount(s.Weight, number)
	}
	d.attrs = append(d.attrs, attr{about: "weight", key: "weight", value: weight, aside: s.Weight == nil})
	return nil
}

func (d describer) OOM(s *plan.OOM) error {
	d.is("memory limit ends", plan.Literal(s.Kill), says)
	d.has("", value{text: plan.Literal(s.Kill)})
	d.attrs[0].aside = true
	return nil
}

func (d describer) Timeout(s *plan.Timeout) error {
	d.is("timeout", plan.Duration(s.After), takes)
	d.lead = "timeout"
	d.attrs = append(d.attrs, attr{key: "after", value: value{text: plan.Duration(s.After), rank: s.After}, aside: true})
	d.has("signal", word(s.Signal))
	d.has("grace", value{text: plan.Duration(s.Grace), rank: s.Grace})
	return nil
}

func (d describer) Stop(s *plan.Stop) error {
	d.is("stop", "by a signal, then by force", takes)
	d.has("signal", word(s.Signal))
	d.has("grace", value{text: plan.Duration(s.Grace), rank: s.Grace})
	return nil
}

func (d describer) Publish(s *plan.Publish) error {
	box := s.Protocol + "/" + strconv.Itoa(int(s.Box))
	d.is("port", plan.Literal(s.String())+" → "+ports(s.Box, s.Count)+"/"+plan.Literal(s.Protocol)+" of the box", grants,
		box+" "+s.String(), box+" "+strconv.Itoa(int(s.Host)), box)
	d.lead = "port " + number(uint64(s.Box))
	if s.Protocol != "tcp" {
		d.lead += "/" + plan.Literal(s.Protocol)
	}
	d.attrs = append(d.attrs,
		attr{key: "address", value: address(s.Address), moves: true, aside: true},
		attr{about: "of the host:", key: "host", value: hostPort(s.Host), aside: true},
		attr{about: "ports in a row:", key: "count", value: value{text: number(uint64(s.Count)), rank: int64(s.Count)}, aside: true})
	return nil
}

// address ranks addresses by who can connect: this machine, one network, every network.
// Another network has other people in it.
func address(a string) value {
	v := value{text: plan.Literal(a), rank: 1, when: a}
	switch {
	case a == "0.0.0.0" || a == "::":
		v.rank, v.when = 2, ""
	case strings.HasPrefix(a, "127.") || a == "::1":
		v.rank, v.when = 0, ""
	}
	return v
}

func hostPort(n uint16) value {
	if n == 0 {
		return value{text: "any free one"}
	}
	return value{text: number(uint64(n))}
}

func ports(first, count uint16) string {
	if count > 1 {
		return number(uint64(first)) + "-" + number(uint64(first)+uint64(count)-1)
	}
	return number(uint64(first))
}

func number(n uint64) string { return strconv.FormatUint(n, 10) }

func (d describer) Outbound(s *plan.Outbound) error {
	d.is("network", "a way out to the networks that this machine reaches", grants)
	d.lead = "network, way out:"
	dns := value{text: "those of the file"}
	if s.DNS != "" {
		dns = value{text: plan.Literal(s.DNS)}
	}
	d.has("name servers", dns)
	d.attrs[0].aside = true
	return nil
}

func (d describer) IDMapRanges(s *plan.IDMapRanges) error {
	d.is("ids", "mapped by the host side", grants)
	d.lead = "ids:"
	d.has("mode", word(s.Mode))
	for _, l := range [...]struct {
		what string
		list []plan.IDRange
	}{{"uids", s.UIDs}, {"gids", s.GIDs}} {
		for _, r := range l.list {
			// a range is the same one when it begins at the same ids
			key := l.what + number(uint64(r.Box)) + "=" + number(uint64(r.Host))
			d.attrs = append(d.attrs, attr{about: l.what, key: key, value: value{
				text: number(uint64(r.Box)) + " to " + number(uint64(r.Box)+uint64(r.Size)-1) + " = host " + number(uint64(r.Host)) + " on",
				rank: int64(r.Size),
			}})
		}
	}
	return nil
}
