package session_test

import (
	"bufio"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/offlinepush/operator/dispatcher/binding"
	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/session"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// BenchmarkIdleSessions opens b.N sessions over plain TCP and measures what one of them holds in memory. The phones
// are bare connections in the same process, so that the number is an upper bound:
//
//	go test ./dispatcher/session -run '^$' -bench IdleSessions -benchtime 2000x
func BenchmarkIdleSessions(b *testing.B) {
	bed := planetest.New(b)
	hub := session.NewHub(b.N, prometheus.NewGauge(prometheus.GaugeOpts{Name: "sessions", Help: "Open sessions."}))
	log := slog.New(slog.DiscardHandler)
	server := httptest.NewServer(session.NewServer(session.Deps{
		Hub: hub, Places: session.NewPlaces(session.PlacesDeps{Hub: hub, Store: bed.Store, Lease: bed.Lease, Log: log}),
		Devices: bed.Bindings, Users: bed.Users, Store: bed.Store, Live: bed.Live, Log: log,
	}))
	defer server.Close()
	frames := make([]wire.ClientFrame, b.N)
	for i := range frames {
		c, err := bed.Bindings.Register(b.Context(), binding.Registration{
			Selector: message.Selector{Vendor: "FCM", AppType: 1}, Token: fmt.Sprint("token ", i),
		})
		if err != nil {
			b.Fatal(err)
		}
		frames[i] = wire.ClientFrame{
			Type: wire.FrameLogin, Token: bed.UserToken(b, fmt.Sprint("user ", i)), PushID: c.PushID, DeviceSecret: c.DeviceSecret,
		}
	}
	conns := make([]net.Conn, 0, b.N)
	before := inUse()
	for _, f := range frames {
		conns = append(conns, bareLogin(b, server.Listener.Addr().String(), f))
	}
	b.ReportMetric(float64(inUse()-before)/float64(b.N), "B/session")
	for _, c := range conns {
		_ = c.Close()
	}
	if err := hub.Close(b.Context()); err != nil {
		b.Error(err)
	}
}

// inUse is the memory of heap and stacks after a collection.
func inUse() int64 {
	var m runtime.MemStats
	for range 3 {
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}

// bareLogin opens a session without a client's buffers.
func bareLogin(tb testing.TB, addr string, f wire.ClientFrame) net.Conn {
	tb.Helper()
	conn, err := new(net.Dialer).DialContext(tb.Context(), "tcp", addr)
	if err != nil {
		tb.Fatal(err)
	}
	body, err := json.Marshal(f)
	if err != nil {
		tb.Fatal(err)
	}
	frame := binary.BigEndian.AppendUint16([]byte{0x81, 0x80 | 126}, uint16(len(body)))
	mask := make([]byte, 4)
	_, _ = rand.Read(mask)
	frame = append(frame, mask...)
	for i, c := range body {
		frame = append(frame, c^mask[i%4])
	}
	_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n%s", wire.SessionPath, frame)
	if err != nil {
		tb.Fatal(err)
	}
	answer := bufio.NewReaderSize(conn, 512)
	for line := ""; !strings.Contains(line, wire.FrameWelcome); {
		if line, err = answer.ReadString('\n'); err != nil && !strings.Contains(line, wire.FrameWelcome) {
			tb.Fatal(err)
		}
		if line == "\r\n" { // one frame follows
			head := make([]byte, 2)
			_, _ = answer.Read(head)
			rest := make([]byte, head[1])
			_, _ = answer.Read(rest)
			line = string(rest)
		}
	}
	return conn
}
