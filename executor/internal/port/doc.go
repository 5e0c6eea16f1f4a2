// Package port carries connections to a box's published ports: it listens on the
// host and passes bytes on to services in the box's network namespace, in which
// nothing of boxfile's lives.
//
//	client ── listening socket of the host ── relay ── socket of the box's namespace ── service
//
// A socket belongs for ever to the network namespace that it was made in, whoever
// holds it. The box's process 1 makes a few while it sets the box up, and hands
// them over (Inside); the relay gets all others from these. For TCP it connects one
// to another of them, accepts that, and dissolves both ends (connect(2) to
// AF_UNSPEC): what was accepted is a fresh socket of the box's namespace. For UDP
// one socket is enough, which speaks for each client from an address of its own (ip(7), IP_PKTINFO).
//
// The sockets are transparent (IP_TRANSPARENT, ip(7)), so that the relay connects
// from the client's own address. How the answers find back is the plan's step port_address.
//
// One thread serves all ports of a box: bytes of TCP move by splice(2), without
// being copied to boxfile, and an idle connection costs two sockets and 300 bytes.
package port
