// Package lock takes the digests of what enters a box from outside of its plan: the
// tree of a rootfs, the layers of overlays, single files that are bound read-only.
//
// Its input is a plan and the Boxfile's folder; its output is a list of sources with
// a digest each. It opens sources as boxfile up does, so that both speak of the same
// file; below them it follows no link. It writes nothing, compares nothing, and
// holds nothing: what it has read may be changed right after.
//
// The digest of a tree is that of its top directory. A directory's is the SHA-256 of
// "boxfile tree 1\n" and its entries, sorted by the bytes of their names:
//
//	TYPE MODE NAME NUL DETAIL NUL
//
// TYPE is f d l c b p s, MODE the permission bits in octal. DETAIL is of a file its
// size in bytes, ":" and the digest of its content, of a directory its digest, of a
// link what it says, of a device its numbers as "major:minor". The digest of content
// is its SHA-256; where it has more than 1 MiB, the SHA-256 of those of its MiBs. A
// source that is a file is an entry without a name. Owners, times, extended
// attributes and hard links are not looked at: they differ between clones.
package lock
