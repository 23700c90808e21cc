package session_test

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// TestFramesAreNeverCompressed: nothing that a device sends grows when it is read.
func TestFramesAreNeverCompressed(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	for _, mode := range []websocket.CompressionMode{websocket.CompressionContextTakeover, websocket.CompressionNoContextTakeover} {
		conn, said, err := connect(t, bed, mode)
		if err != nil {
			t.Fatal(err)
		}
		if agreed := said.header.Get("Sec-Websocket-Extensions"); agreed != "" {
			t.Errorf("mode %d: the dispatcher agrees to %q", mode, agreed)
		}
		_ = conn.CloseNow()
	}
}

// frame is one of RFC 6455, masked with zeros.
func frame(head byte, payload []byte) []byte {
	out := []byte{head, 0x80 | 127}
	out = binary.BigEndian.AppendUint64(out, uint64(len(payload)))
	return append(append(out, 0, 0, 0, 0), payload...)
}

// TestHostileFrames sends frames that no client library would. Each ends the session with its reason; a length without its
// bytes ends with the time for a login.
func TestHostileFrames(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	plain := httptest.NewServer(bed.Device.Config.Handler)
	t.Cleanup(plain.Close)
	const (
		text, final, compressed = 0x01, 0x80, 0x40
		limit                   = 16 << 10
	)
	long := []byte(`{"type":"ping","more":"` + strings.Repeat("x", limit) + `"}`)
	for name, c := range map[string]struct {
		sent []byte
		code websocket.StatusCode
	}{
		"compressed":             {frame(text|final|compressed, []byte(`{"type":"ping"}`)), websocket.StatusProtocolError},
		"too long":               {frame(text|final, long), websocket.StatusMessageTooBig},
		"too long in two parts":  {append(frame(text, long[:limit-9]), frame(final, long[limit-9:])...), websocket.StatusMessageTooBig},
		"too long by its length": {[]byte{text | final, 0x80 | 127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}, 0},
		"not masked":             {[]byte{text | final, 2, '{', '}'}, websocket.StatusGoingAway},
		"an unknown kind":        {frame(final|0x05, nil), websocket.StatusProtocolError},
		"a part of nothing":      {frame(final, []byte("{}")), websocket.StatusProtocolError},
		"two names":              {frame(text|final, []byte(`{"type":"ping","Type":"login"}`)), websocket.StatusUnsupportedData},
		"binary":                 {frame(final|0x02, []byte(`{"type":"ping"}`)), websocket.StatusUnsupportedData},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := answerTo(t, plain.Listener.Addr().String(), c.sent); got != c.code {
				t.Errorf("closed with %d, want %d", got, c.code)
			}
		})
	}
}

// answerTo is the code with which the dispatcher closes a session that begins with the bytes; 0 when it says none.
func answerTo(t *testing.T, addr string, sent []byte) websocket.StatusCode {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	head := "GET " + wire.SessionPath + " HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
	if _, err := conn.Write(append([]byte(head), sent...)); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatal(resp.Status)
	}
	var first [4]byte
	switch _, err := io.ReadFull(in, first[:]); {
	case errors.Is(err, io.EOF):
		return 0 // It hangs up without a word.
	case err != nil || first[0] != 0x88:
		t.Fatal(first, err)
	}
	return websocket.StatusCode(binary.BigEndian.Uint16(first[2:]))
}
