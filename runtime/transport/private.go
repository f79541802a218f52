package transport

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"syscall"
)

// privateError refuses an address under deny_private.
type privateError struct{ addr netip.Addr }

func (e *privateError) Error() string { return fmt.Sprintf("the address %s is private", e.addr) }

// reserved are the ranges beside those that netip knows which are not the public Internet
// (IANA IPv4 and IPv6 special-purpose address registries).
var reserved = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("100::/64"), netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("2001::/32"),
	netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("fec0::/10"),
	netip.MustParsePrefix("::/96"),
}

var nat64 = netip.MustParsePrefix("64:ff9b::/96")

// private says whether a is not an address of the public Internet.
func private(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if nat64.Contains(a) {
		b := a.As16()
		return private(netip.AddrFrom4([4]byte(b[12:])))
	}
	if !a.IsGlobalUnicast() || a.IsPrivate() {
		return true
	}
	for _, p := range reserved {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// denyPrivate is a net.Dialer.Control: it sees the address that DNS gave, so a name that changes
// its address between a check and the connection (rebinding) gains nothing.
func denyPrivate(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	if private(ap.Addr()) {
		return &privateError{ap.Addr()}
	}
	return nil
}

// checkPublic resolves host and refuses it when any of its addresses is private. It stands in for
// denyPrivate where a proxy connects.
func checkPublic(ctx context.Context, host string) error {
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return err
	}
	for _, a := range addrs {
		if private(a) {
			return &privateError{a}
		}
	}
	return nil
}
