//go:build linux

package program

import "github.com/boxfile/boxfile/compiler/plan"

func (l *lowering) Cgroup(*plan.Cgroup) error         { return nil }
func (l *lowering) Limit(*plan.Limit) error           { return nil }
func (l *lowering) CPUSet(*plan.CPUSet) error         { return nil }
func (l *lowering) IO(*plan.IO) error                 { return nil }
func (l *lowering) OOM(*plan.OOM) error               { return nil }
func (l *lowering) CgroupFile(*plan.CgroupFile) error { return nil }
func (l *lowering) Timeout(*plan.Timeout) error       { return nil }
