package schema

import (
	"math"
	"strconv"
	"strings"
)

// parseSize reads bytes, or a number with a unit of powers of 1024.
func parseSize(s string) (n int64, wrong, fix string) {
	digits := len(s) - len(strings.TrimLeft(s, "0123456789"))
	unit := s[digits:]
	n, err := strconv.ParseInt(s[:digits], 10, 64)
	if digits == 0 || err != nil && digits < 19 {
		return 0, "a size is a number of bytes, or a number with K, M, G or T", "write 64M, for example"
	}
	shift := map[string]uint{"": 0, "K": 10, "M": 20, "G": 30, "T": 40, "KiB": 10, "MiB": 20, "GiB": 30, "TiB": 40}
	by, ok := shift[unit]
	if !ok {
		if base := strings.ToUpper(strings.TrimRight(unit, "bBi")); len(base) == 1 && strings.Contains("KMGT", base) {
			return 0, "the unit " + strconv.Quote(unit) + " is not known; units are powers of 1024", "write " + s[:digits] + base
		}
		return 0, "the unit " + strconv.Quote(escape(short(unit))) + " is not known", "possible are K, M, G, T, KiB, MiB, GiB and TiB"
	}
	if err != nil || n > math.MaxInt64>>by {
		return 0, "the size is more than 8 EiB", ""
	}
	return n << by, "", ""
}

func parseOctal(s string) (uint32, bool) {
	n, err := strconv.ParseUint(s, 8, 32)
	return uint32(n), err == nil && n <= 0o7777
}

// parseIDs reads UID or UID:GID.
func parseIDs(s string) (uid, gid uint32, wrong, fix string) {
	u, g, two := strings.Cut(s, ":")
	if !two {
		g = u
	}
	var ids [2]uint32
	for i, part := range []string{u, g} {
		n, err := strconv.ParseUint(part, 10, 32)
		switch {
		case err != nil && strings.Trim(part, "0123456789") != "":
			return 0, 0, "users and groups are numbers: nothing in the rootfs decides who the command is", `write "1000:1000", for example`
		case len(part) > 1 && part[0] == '0':
			return 0, 0, "the leading zero of " + short(part) + " could mean octal", "write " + strings.TrimLeft(part, "0")
		case err != nil || n > 4294967294 || part == "":
			return 0, 0, "ids are 0 to 4294967294", ""
		}
		ids[i] = uint32(n)
	}
	return ids[0], ids[1], "", ""
}
