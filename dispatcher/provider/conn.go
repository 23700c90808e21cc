package provider

import (
	"context"
	"net"
	"syscall"
	"time"
)

// Linger is how long the kernel repeats bytes that the vendor does not
// acknowledge. Whoever must be silent from some time on stops writing that much earlier.
const Linger = 3 * time.Second

// conn is a connection to a vendor that falls silent when alive forbids it.
type conn struct {
	net.Conn
	alive func() error
}

// Write refuses in the moment before the bytes go to the kernel: a process that
// was stopped for a while goes on in the middle of a call, ahead of any timer.
func (c *conn) Write(b []byte) (int, error) {
	if err := c.alive(); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

// dial makes connections that ask Alive before each write. The guard learns for which host an address is.
func (d Deps) dial(by *net.Dialer) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if d.Alive == nil {
			return d.dialer(by, address).DialContext(ctx, network, address)
		}
		if err := d.Alive(); err != nil {
			return nil, err
		}
		c, err := d.dialer(by, address).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &conn{Conn: c, alive: d.Alive}, nil
	}
}

func (d Deps) dialer(by *net.Dialer, address string) *net.Dialer {
	host, _, _ := net.SplitHostPort(address) // the transport always gives a port
	d.Guard = d.Guard.of(host)
	own := *by
	own.Control = d.control
	return &own
}

// control is the dialer's: it sees the address, and the socket before it connects.
func (d Deps) control(network, address string, socket syscall.RawConn) error {
	if err := d.Guard.Control(network, address, socket); err != nil {
		return err
	}
	return limitRepeats(socket)
}
