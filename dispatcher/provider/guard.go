package provider

import (
	"errors"
	"fmt"
	"net/netip"
	"syscall"
)

// ErrForbiddenAddress says that a host resolved to an address that no vendor has.
var ErrForbiddenAddress = errors.New("address is not allowed for a vendor endpoint")

// EndpointGuard refuses addresses after name resolution, so that an endpoint
// cannot reach the pod itself or a cloud's metadata service.
type EndpointGuard struct {
	// AllowLoopback is for tests on one machine.
	AllowLoopback bool
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
	if ip.IsLoopback() || ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip.IsUnspecified() || isMetadata(ip) {
		return fmt.Errorf("%w: %s", ErrForbiddenAddress, ip)
	}
	return nil
}

// isMetadata knows the metadata services outside the link-local range: AWS over IPv6 and Alibaba Cloud.
func isMetadata(ip netip.Addr) bool {
	return ip == netip.AddrFrom4([4]byte{100, 100, 100, 200}) ||
		ip == netip.AddrFrom16([16]byte{0: 0xfd, 2: 0x0e, 3: 0xc2, 14: 0x02, 15: 0x54})
}
