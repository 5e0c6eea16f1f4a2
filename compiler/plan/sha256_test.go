package plan

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"testing"
)

// The example of FIPS 180-4 and every length around the ends of blocks.
func TestDigestsAreThoseOfSHA256(t *testing.T) {
	sum := SHA256([]byte("abc"))
	if got, want := hex.EncodeToString(sum[:]), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"; got != want {
		t.Errorf("SHA-256 of abc is %s, want %s", got, want)
	}
	data := make([]byte, 1<<20)
	for i := range data {
		data[i] = byte(i * 7 / 3)
	}
	for n := range 300 {
		if SHA256(data[:n]) != sha256.Sum256(data[:n]) {
			t.Errorf("SHA-256 of %d bytes differs from the standard library's", n)
		}
	}
	if SHA256(data) != sha256.Sum256(data) {
		t.Error("SHA-256 of a MiB differs from the standard library's")
	}
}

func FuzzSHA256(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(bytes.Repeat([]byte{0xff}, 119))
	f.Fuzz(func(t *testing.T, b []byte) {
		if SHA256(b) != sha256.Sum256(b) {
			t.Errorf("SHA-256 of %x differs from the standard library's", b)
		}
	})
}
