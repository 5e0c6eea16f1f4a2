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

// IDMapRanges has the host side write the id maps of the box's user namespace
// (user_namespaces(7)): as root directly, otherwise by newuidmap and newgidmap.
type IDMapRanges struct {
	// Mode "subuid" maps box id 0 to the caller and box ids from 1 on to the
	// caller's subordinate ids (subuid(5)); "ranges" is UIDs and GIDs.
	Mode string    `json:"mode"`
	UIDs []IDRange `json:"uids,omitempty"`
	GIDs []IDRange `json:"gids,omitempty"`
}

// IDRange is a line of uid_map or gid_map.
type IDRange struct {
	Box  uint32 `json:"box"`
	Host uint32 `json:"host"`
	Size uint32 `json:"size"`
}

// IDMap maps one id: the caller is UID:GID in the box, and nobody else exists there.
type IDMap struct {
	UID uint32 `json:"uid"`
	GID uint32 `json:"gid"`
}

// Propagation makes "/" and everything below private, so that no mount crosses over.
type Propagation struct {
	Mode string `json:"mode"` // "private"
}
