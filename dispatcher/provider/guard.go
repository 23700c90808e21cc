package provider

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"syscall"
)

// ErrForbiddenAddress says that a host resolved to an address that no vendor has.
var ErrForbiddenAddress = errors.New("address is not allowed for a vendor endpoint")

// EndpointGuard refuses addresses after name resolution, so that an endpoint
// cannot reach the pod itself or a cloud's metadata service.
type EndpointGuard struct {
	// AllowLoopback is for tests on one machine.
	AllowLoopback bool
	// PublicOnly refuses private networks too.
	PublicOnly bool
	// Foreign tells the hosts that came from clients, such as that of a browser's subscription: PublicOnly holds for
	// them. nil means none. The proxy of the environment is not one of them; it has to guard what it resolves itself.
	Foreign func(host string) bool
}

// of is the guard for a host.
func (g EndpointGuard) of(host string) EndpointGuard {
	g.PublicOnly = g.PublicOnly || g.Foreign != nil && g.Foreign(host)
	return g
}

// Control is a net.Dialer's Control function.
func (g EndpointGuard) Control(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrForbiddenAddress, err)
	}
	ip := ap.Addr().Unmap()
	if ip.IsLoopback() && g.AllowLoopback {
		return nil
	}
	if ip.IsLoopback() || ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip.IsUnspecified() || isMetadata(ip) ||
		g.PublicOnly && !isPublic(ip) {
		return fmt.Errorf("%w: %s", ErrForbiddenAddress, ip)
	}
	return nil
}

// isMetadata knows the metadata services outside the link-local range: AWS over IPv6 and Alibaba Cloud.
func isMetadata(ip netip.Addr) bool {
	return ip == netip.AddrFrom4([4]byte{100, 100, 100, 200}) ||
		ip == netip.AddrFrom16([16]byte{0: 0xfd, 2: 0x0e, 3: 0xc2, 14: 0x02, 15: 0x54})
}

// isPublic tells an address of the internet from those of private, shared, translated and reserved networks.
func isPublic(ip netip.Addr) bool {
	if nat64 := netip.MustParsePrefix("64:ff9b::/96"); nat64.Contains(ip) {
		b := ip.As16()
		ip = netip.AddrFrom4([4]byte(b[12:]))
	}
	if ip.Is6() && !netip.MustParsePrefix("2000::/3").Contains(ip) {
		return false
	}
	return !slices.ContainsFunc(notPublic(), func(p netip.Prefix) bool { return p.Contains(ip) })
}

// notPublic are the networks of IANA's registries of special addresses, and 6to4 and Teredo, which wrap other addresses.
func notPublic() []netip.Prefix {
	var all []netip.Prefix
	for _, p := range []string{
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
		"192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
		"224.0.0.0/3", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
	} {
		all = append(all, netip.MustParsePrefix(p))
	}
	return all
}
