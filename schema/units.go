package schema

import (
	"math"
	"strconv"
	"strings"
)

// sizeUnits are the units of sizes, as shifts of a byte.
var sizeUnits = [...]struct {
	name string
	by   uint
}{{"", 0}, {"K", 10}, {"M", 20}, {"G", 30}, {"T", 40}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30}, {"TiB", 40}}

func sizeUnit(name string) (by uint, ok bool) {
	for _, u := range sizeUnits {
		if u.name == name {
			return u.by, true
		}
	}
	return 0, false
}

// parseSize reads bytes, or a number with a unit of powers of 1024.
func parseSize(s string) (n int64, wrong, fix string) {
	digits := len(s) - len(strings.TrimLeft(s, "0123456789"))
	by, ok := sizeUnit(s[digits:])
	switch n, err := strconv.ParseInt(s[:digits], 10, 64); {
	case strings.HasPrefix(s, "-"):
		return 0, "a size is not negative", ""
	case digits == 0 || !ok:
		wrong, fix = nearestSize(s, digits)
		return 0, wrong, fix
	case digits > 1 && s[0] == '0':
		if fix = strings.TrimLeft(s[:digits], "0"); fix == "" {
			fix = "0"
		}
		return 0, "the leading zero could mean octal", "write " + fix + s[digits:]
	case err != nil || n > math.MaxInt64>>by:
		return 0, "the size is more than 8 EiB", ""
	default:
		return n << by, "", ""
	}
}

// nearestSize says what is wrong with a size and how it is written, where that
// can be told: "512 MB" is 512M, 0.5G is 512M, 1e3G is 1000G.
func nearestSize(s string, digits int) (wrong, fix string) {
	number := s[:len(s)-len(strings.TrimLeft(s, "0123456789.eE+"))]
	unit := strings.TrimSpace(s[len(number):])
	wrong, fix = "a size is a number of bytes, or a number with K, M, G or T", "write 64M, for example"
	if digits > 0 && digits == len(number) {
		fix = "possible are K, M, G, T, KiB, MiB, GiB and TiB"
		wrong = "the unit " + strconv.Quote(escape(short(s[digits:]))) + " is not known; units are powers of 1024"
	}
	letter := strings.ToUpper(strings.TrimRight(unit, "bBi"))
	by, ok := sizeUnit(letter)
	f, err := strconv.ParseFloat(number, 64)
	if !ok || len(letter) > 1 || err != nil {
		return wrong, fix
	}
	for f != math.Trunc(f) && by > 0 {
		f, by = f*1024, by-10
	}
	if f != math.Trunc(f) || f >= 1<<53 {
		return wrong, fix
	}
	for _, u := range sizeUnits {
		if u.by == by {
			fix = "write " + strconv.FormatFloat(f, 'f', 0, 64) + u.name
			break
		}
	}
	if strings.HasSuffix(strings.ToUpper(unit), "B") && by > 0 {
		fix += " (powers of 1024)"
	}
	return wrong, fix
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
