package plan_test

import (
	"testing"

	"github.com/boxfile/boxfile/compiler/plan"
)

func TestAPortIsToldWhereItListens(t *testing.T) {
	for want, s := range map[string]*plan.Publish{
		"127.0.0.1:8080":         {Address: "127.0.0.1", Host: 8080, Count: 1},
		"[::1]:8000-8009":        {Address: "::1", Host: 8000, Count: 10},
		"0.0.0.0:1-65535":        {Address: "0.0.0.0", Host: 1, Count: 65535},
		"0.0.0.0, any free port": {Address: "0.0.0.0", Count: 1},
		"::1, any free port":     {Address: "::1", Count: 1},
	} {
		if got := s.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
