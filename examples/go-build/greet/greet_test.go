package greet

import "testing"

func TestFrom(t *testing.T) {
	if got := From("box"); got != "hello from box" {
		t.Errorf("got %q", got)
	}
}
