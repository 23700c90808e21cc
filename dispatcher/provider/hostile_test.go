package provider

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
)

// bomb is 64 MiB of a vendor's answer in 64 KiB.
func bomb(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	for range 64 {
		if _, err := w.Write(bytes.Repeat([]byte(" "), 1<<20)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestBombsAreNotReadToTheEnd: an answer that grows when it is read counts as malformed, and costs what any answer may cost.
func TestBombsAreNotReadToTheEnd(t *testing.T) { //nolint:paralleltest // It measures memory.
	packed := bomb(t)
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(packed)
	}))
	t.Cleanup(s.Close)
	client := newClient(t, endpointOf(s), Deps{})
	get, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	a, err := Do(client, get)
	runtime.ReadMemStats(&after)
	if err != nil || a.Status != http.StatusOK || a.Body != nil {
		t.Errorf("got %d with %d bytes, %v", a.Status, len(a.Body), err)
	}
	if cost := after.TotalAlloc - before.TotalAlloc; cost > 16*maxAnswer {
		t.Errorf("reading it cost %d bytes", cost)
	}
}

// TestNobodyWritesHeaders: a value with a line break is no header, and nothing is sent; nor are endless headers read.
func TestNobodyWritesHeaders(t *testing.T) {
	t.Parallel()
	asked := 0
	s, endpoint, _ := http2Server(t, func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.Header().Set("X-Endless", strings.Repeat("x", 2*maxHeader))
	})
	client := newClient(t, endpoint, Deps{})
	for _, value := range []string{"a\r\nX-More: 1", "a\nb", "a\x00b"} {
		get, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		get.Header.Set("Topic", value)
		if a, err := Do(client, get); err == nil || asked > 0 || strings.Contains(err.Error(), "X-More") {
			t.Errorf("%q: %+v, %v, asked %d times", value, a, err, asked)
		}
	}
	get, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if a, err := Do(client, get); err == nil {
		t.Errorf("endless headers are read: %d", a.Status)
	}
}
