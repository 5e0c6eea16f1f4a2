package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/boxfile/boxfile/cmd/boxfile/internal/cli"
	"github.com/boxfile/boxfile/executor/lsns"
)

// lsnsVersion is the version of the form that lsns --json prints, as reportVersion is that of reports.
const lsnsVersion = 1

// namespaceList is what lsns prints, as lsns.schema.json describes it.
type namespaceList struct {
	Version    int             `json:"lsns_version"`
	Namespaces []namespaceLine `json:"namespaces"`
}

// namespaceLine has the names of lsns(8).
type namespaceLine struct {
	NS      uint64  `json:"ns"`
	Type    string  `json:"type"`
	NProcs  int     `json:"nprocs"`
	PID     int     `json:"pid"`
	User    string  `json:"user"`
	Command string  `json:"command"`
	Box     *string `json:"box"`
}

// lsns prints the namespaces of this machine.
func (t *terminal) lsns(call *cli.Call) error {
	pid := 0
	if call.Has(cli.Task) {
		n, err := strconv.ParseUint(call.Value(cli.Task), 10, 31)
		if err != nil || n == 0 {
			return &problem{text: "-p takes the id of a process, not " + strconv.Quote(call.Value(cli.Task)), code: exitUsage}
		}
		pid = int(n)
	}
	list, err := lsns.List(pid)
	switch {
	case lsns.NoProcess(err):
		return &problem{text: fmt.Sprintf("there is no process %d", pid)}
	case err != nil:
		return &problem{text: "cannot look at this machine's processes: " + reason(err)}
	}
	var b bytes.Buffer
	if !call.Has(cli.JSON) {
		wordNamespaces(&b, list)
		return t.result(b.Bytes())
	}
	out := namespaceList{Version: lsnsVersion, Namespaces: make([]namespaceLine, len(list))}
	for i := range list {
		n := &list[i]
		out.Namespaces[i] = namespaceLine{NS: n.Inode, Type: n.Type, NProcs: n.Processes, PID: n.PID, User: n.User, Command: n.Command}
		if n.Box != "" {
			out.Namespaces[i].Box = &n.Box
		}
	}
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(out); err != nil {
		return err
	}
	return t.result(b.Bytes())
}
