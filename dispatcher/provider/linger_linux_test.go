package provider

import (
	"context"
	"net"
	"testing"

	"golang.org/x/sys/unix"
)

func TestTheKernelRepeatsForLingerOnly(t *testing.T) {
	t.Parallel()
	c := dialed(t, Deps{Guard: EndpointGuard{AllowLoopback: true}})
	socket, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var got int
	var get error
	if err := socket.Control(func(fd uintptr) {
		got, get = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT)
	}); err != nil {
		t.Fatal(err)
	}
	if get != nil || int64(got) != Linger.Milliseconds() {
		t.Errorf("got %d ms and %v, want %s", got, get, Linger)
	}
}

// dialed gives a connection of the client's dialer.
func dialed(t *testing.T, deps Deps) net.Conn {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	c, err := deps.dial(&net.Dialer{})(context.Background(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}
