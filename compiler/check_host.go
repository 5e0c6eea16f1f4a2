package compiler

import (
	"encoding/json"
	"slices"
	"strconv"

	"github.com/boxfile/boxfile/compiler/plan"
)

// What the steps of the host side and of the tree come from.

func (o *origin) CreateSource(s *plan.CreateSource) error {
	o.creates = append(o.creates, s)
	return nil
}

func (o *origin) Keep(*plan.Keep) error { return nil } // comes with what keeps there

func (o *origin) Cgroup(s *plan.Cgroup) error {
	if s.BestEffort {
		o.section("resources")["enforce"] = "best-effort"
	}
	return nil
}

func (o *origin) Limit(s *plan.Limit) error {
	if s.Optional { // bounded with memory
		return nil
	}
	switch {
	case s.Resource == "cpus" && s.Value != nil:
		o.section("resources")["cpus"] = json.RawMessage(plan.Decimal(*s.Value, 5))
	default:
		o.section("resources")[s.Resource] = unlimitedOr(s.Value)
	}
	return nil
}

func (o *origin) CPUSet(s *plan.CPUSet) error {
	o.section("resources")["cpuset"] = s.CPUs
	return nil
}

func (o *origin) IO(s *plan.IO) error {
	e := map[string]any{"device": s.Device}
	for key, n := range map[string]*uint64{"read_bps": s.ReadBPS, "write_bps": s.WriteBPS, "read_iops": s.ReadIOPS, "write_iops": s.WriteIOPS, "weight": s.Weight} {
		if n != nil {
			e[key] = *n
		}
	}
	r := o.section("resources")
	list, _ := r["io"].([]any)
	r["io"] = append(list, e)
	return nil
}

func (o *origin) OOM(s *plan.OOM) error {
	o.section("resources")["oom"] = s.Kill
	return nil
}

func (o *origin) CgroupFile(s *plan.CgroupFile) error {
	r := o.section("resources")
	files, ok := r["unified"].(map[string]any)
	if !ok {
		files = map[string]any{}
		r["unified"] = files
	}
	files[s.File] = s.Value
	return nil
}

func (o *origin) Timeout(s *plan.Timeout) error {
	o.doc["timeout"] = plan.Duration(s.After)
	return nil
}

func (o *origin) Stop(s *plan.Stop) error {
	o.doc["stop"] = map[string]any{"signal": s.Signal, "grace": plan.Duration(s.Grace)}
	return nil
}

func (o *origin) Publish(s *plan.Publish) error {
	e := map[string]any{"address": s.Address, "host": run(s.Host, s.Count), "box": run(s.Box, s.Count), "protocol": s.Protocol}
	if s.Host == 0 {
		e["host"] = 0
	}
	o.add("ports", e)
	return nil
}

// run is ports in a row as a Boxfile has them.
func run(first, count uint16) any {
	if count == 1 {
		return int(first)
	}
	return strconv.Itoa(int(first)) + "-" + strconv.Itoa(int(first)+int(count)-1)
}

func (o *origin) Outbound(s *plan.Outbound) error {
	o.outbound = s
	return nil
}

func (o *origin) IDMapRanges(s *plan.IDMapRanges) error {
	if s.Mode == "subuid" {
		o.doc["idmap"] = "subuid"
		return nil
	}
	lines := func(in []plan.IDRange) []any {
		out := make([]any, len(in))
		for i, r := range in {
			out[i] = map[string]any{"box": r.Box, "host": r.Host, "size": r.Size}
		}
		return out
	}
	o.doc["idmap"] = map[string]any{"uids": lines(s.UIDs), "gids": lines(s.GIDs)}
	return nil
}

func (o *origin) Propagation(*plan.Propagation) error { return nil }

func (o *origin) Rootfs(s *plan.Rootfs) error {
	r := o.section("rootfs")
	r["write"] = written(s.Write, s.Keep)
	if s.Type == "dir" {
		r["dir"] = s.Source
	} else if !slices.ContainsFunc(o.plan.Steps, func(s plan.Step) bool { _, ok := s.(*plan.System); return ok }) {
		r["empty"] = true
	}
	return nil
}

func written(mode, keep string) any {
	if mode == "keep" {
		return map[string]any{"keep": keep}
	}
	return mode
}

func (o *origin) System(*plan.System) error {
	o.section("rootfs")["host"] = true
	return nil
}

func (o *origin) Mount(s *plan.Mount) error {
	if !o.built {
		switch {
		case s.Target == "/proc" && s.Type == "proc":
			o.doc["proc"] = "new"
		case s.Target == "/proc":
			o.doc["proc"] = "host-ro"
		case s.Target == "/sys":
			o.doc["sys"] = "ro"
		}
		return nil
	}
	e := map[string]any{"type": s.Type, "target": s.Target, "mode": mode(s.ReadOnly), "options": stringList(s.Options)}
	switch s.Type {
	case "bind":
		e["source"] = s.Source
		if s.Optional {
			e["optional"] = true
		}
		if i := slices.IndexFunc(o.creates, func(c *plan.CreateSource) bool { return c.Path == s.Source }); i >= 0 {
			e["create"] = o.creates[i].Type
			o.creates = slices.Delete(o.creates, i, i+1)
		}
	case "tmpfs":
		if s.Size != 0 {
			e["size"] = s.Size
		}
		e["perms"] = s.Perms
	case "overlay":
		e["lower"], e["write"] = stringList(s.Lower), written(s.Write, s.Keep)
	}
	o.add("mounts", e)
	return nil
}

func mode(readOnly bool) string {
	if readOnly {
		return "ro"
	}
	return "rw"
}

func (o *origin) File(s *plan.File) error {
	switch {
	case !o.built && s.Target == "/etc/hosts":
		o.hosts = hostsOf(s.Content)
	case !o.built && s.Target == "/etc/resolv.conf":
		o.dns = serversOf(s.Content)
	case !o.built: // it comes with the rootfs
	case s.Target == "/etc/resolv.conf" && o.names() && len(o.dns) == 0:
		o.dns = serversOf(s.Content)
	case s.Target == "/etc/hosts" && o.names() && len(o.dns) > 0:
		o.hosts = hostsOf(s.Content)
	default:
		o.add("mounts", map[string]any{"type": "file", "target": s.Target, "content": s.Content, "perms": s.Perms, "mode": mode(s.ReadOnly)})
	}
	return nil
}

// names reports whether the file names its own servers, in a rootfs that is not the host's.
func (o *origin) names() bool {
	return o.outbound != nil && o.outbound.DNS == "" && o.section("rootfs")["host"] == nil
}

func (o *origin) Symlink(s *plan.Symlink) error {
	o.add("mounts", map[string]any{"type": "symlink", "target": s.Target, "source": s.Link})
	return nil
}

func (o *origin) Dir(s *plan.Dir) error {
	if o.built {
		o.add("mounts", map[string]any{"type": "dir", "target": s.Target, "perms": s.Perms})
	}
	return nil
}

func (o *origin) Dev(*plan.Dev) error {
	o.built = true
	return nil
}

func (o *origin) Device(s *plan.Device) error {
	o.add("devices", s.Path)
	return nil
}

func (o *origin) PivotRoot(*plan.PivotRoot) error { return nil }

func (o *origin) Chroot(*plan.Chroot) error {
	o.section("rootfs")["enter"] = "chroot"
	return nil
}

func (o *origin) Mask(s *plan.Mask) error {
	o.covers("mask", s.Paths, s.Optional)
	return nil
}

func (o *origin) Readonly(s *plan.Readonly) error {
	o.covers("readonly", s.Paths, s.Optional)
	return nil
}

func (o *origin) covers(key string, paths []string, byItself bool) {
	if byItself {
		return
	}
	list, _ := o.security[key].([]any)
	o.security[key] = append(list, stringList(paths)...)
}
