package client_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// soon is far more than a connection may take, and less than the 30 s that the standard transport gives it.
const soon = 25 * time.Second

// deadAddress is a port at which no connection comes about and none is refused: a queue of one that nobody empties.
func deadAddress(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := errors.Join(syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), syscall.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	bound, ok := name.(*syscall.SockaddrInet4)
	if !ok {
		t.Fatalf("bound to %v", name)
	}
	address := fmt.Sprintf("127.0.0.1:%d", bound.Port)
	dialer := net.Dialer{Timeout: 100 * time.Millisecond}
	for full := 0; full < 3; full++ { // One may be late although there is room.
		c, err := dialer.DialContext(t.Context(), "tcp", address)
		if err == nil {
			full = -1
			t.Cleanup(func() { _ = c.Close() })
		}
	}
	return address
}

// TestDefaultClientGivesUpADeadAddress waits five seconds, as a phone does.
func TestDefaultClientGivesUpADeadAddress(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	_, err := client.Register(ctx, "http://"+deadAddress(t), "key", wire.RegisterDevice{Vendor: "FCM", Token: "token"}, nil)
	if ctx.Err() != nil || err == nil {
		t.Fatalf("a dead address holds a request for more than %s: %v", soon, err)
	}
	if e, ok := errors.AsType[net.Error](err); !ok || !e.Timeout() {
		t.Errorf("a dead address gives %v, which is no timeout", err)
	}
}

// nobody answers nothing, as long as it is asked.
type nobody struct{}

func (nobody) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// TestSessionGivesUpADeadAddress is the same with an HTTP client that has no bounds of its own.
func TestSessionGivesUpADeadAddress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := client.Restore("http://dispatcher.example", wire.RegisteredDevice{PushID: "p"}, &http.Client{Transport: nobody{}})
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := d.Open(ctx, client.Login{})
		if took := time.Since(began); err == nil || took > soon {
			t.Errorf("a session at a dead address gives up after %s: %v", took, err)
		}
	})
}
