package plan

// Join enters a namespace that is there already (setns(2)), before the new ones are
// made. Whoever else is in it shares what it holds with the box.
type Join struct {
	Namespace string `json:"namespace"` // as in Unshare
	Path      string `json:"path"`      // absolute, or relative to the Boxfile's folder
}

// Unshare enters new namespaces (namespaces(7)), named as lsns(8) does but in
// words: user, mount, pid, network, ipc, uts, cgroup, time. In a new user namespace no
// other cgroup namespace can be made: whoever had one there could mount hierarchies.
type Unshare struct {
	Namespaces []string `json:"namespaces"`
}

// Clocks sets clocks of the new time namespace ahead of this machine's (time_namespaces(7)).
type Clocks struct {
	Boottime  int64 `json:"boottime"`  // nanoseconds
	Monotonic int64 `json:"monotonic"` // nanoseconds
}
