package provider

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"
	"time"
)

func TestUnansweredNamesNoConnection(t *testing.T) {
	t.Parallel()
	from := &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 54321}
	to := &net.TCPAddr{IP: net.IPv6loopback, Port: 443}
	read := &net.OpError{Op: "read", Net: "tcp", Source: from, Addr: to, Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	dial := &net.OpError{Op: "dial", Net: "tcp", Addr: to, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	lookup := func(cause string) error {
		return &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: cause, Name: "api.example", Server: "10.96.0.10:53"}}
	}
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"read", read, "read tcp: read: connection reset by peer"},
		{"dial", dial, "dial tcp: connect: connection refused"},
		{"wrapped", fmt.Errorf("reading the answer: %w", read), "reading the answer: read tcp: read: connection reset by peer"},
		{"nested", &net.OpError{Op: "proxyconnect", Net: "tcp", Err: dial}, "proxyconnect tcp: dial tcp: connect: connection refused"},
		{"wrapped inside", &net.OpError{Op: "dial", Net: "tcp", Addr: to, Err: fmt.Errorf("socks: %w", read)}, "dial tcp: socks: read tcp: read: connection reset by peer"},
		{"told twice", errors.Join(read, read), "read tcp: read: connection reset by peer read tcp: read: connection reset by peer"},
		{"no host", lookup("no such host"), "dial tcp: lookup api.example: no such host"},
		{"no name server", lookup("read udp 10.0.0.1:40000->10.96.0.10:53: i/o timeout"), "dial tcp: lookup api.example: i/o timeout"},
		{"name only", &net.DNSError{Err: "no such host", Name: "api.example"}, "lookup api.example: no such host"},
		{"stream", errors.New("stream error: stream ID 9; INTERNAL_ERROR; received from peer"), "stream error: INTERNAL_ERROR; received from peer"},
		{
			"foreign CA", &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}},
			"tls: failed to verify certificate: x509: certificate signed by unknown authority; give the CA of a stand-in for the vendor by endpoint.caBundleRef of the channel",
		},
		{"other", context.DeadlineExceeded, "context deadline exceeded"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := Unanswered(tt.err).Detail; got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestRealConnectionsReadTheSame is the same with the errors of real sockets.
func TestRealConnectionsReadTheSame(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // It is there at once.
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	for range 2 {
		var d net.Dialer
		c, err := d.DialContext(t.Context(), "tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		if err := c.SetReadDeadline(time.Now().Add(-time.Second)); err != nil {
			t.Fatal(err)
		}
		_, err = c.Read(make([]byte, 1))
		if got := Unanswered(err).Detail; got != "read tcp: i/o timeout" {
			t.Errorf("%v reads %q", err, got)
		}
	}
}
