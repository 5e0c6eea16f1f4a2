package plan

import (
	"strconv"
	"strings"
)

// String says where the step listens, as messages and reviews do: "127.0.0.1:8080",
// "[::1]:8000-8009", "0.0.0.0, any free port".
func (s *Publish) String() string {
	at := s.Address
	if s.Host == 0 {
		return at + ", any free port"
	}
	if strings.Contains(at, ":") {
		at = "[" + at + "]"
	}
	at += ":" + strconv.Itoa(int(s.Host))
	if s.Count > 1 {
		at += "-" + strconv.Itoa(int(s.Host)+int(s.Count)-1)
	}
	return at
}
