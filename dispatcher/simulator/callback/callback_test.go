package callback

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func joined(link string) func([]string) []Call {
	return func(reports []string) []Call {
		if len(reports) == 0 {
			return nil
		}
		return []Call{{URL: link, ContentType: "text/plain", Header: http.Header{"X-Sign": {"s"}}, Body: []byte(strings.Join(reports, "+"))}}
	}
}

func TestReportsOfAnIntervalShareARequest(t *testing.T) {
	t.Parallel()
	got := make(chan string, 10)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Header.Get("X-Sign") != "s" || r.Header.Get("Content-Type") != "text/plain" {
			t.Errorf("got %v with %v", err, r.Header)
		}
		got <- string(body)
	}))
	defer server.Close()
	p := New(Options{Client: server.Client(), Interval: 20 * time.Millisecond, Log: slog.New(slog.DiscardHandler)}, joined(server.URL))
	defer p.Close()
	p.Add("a")
	p.Add("b")
	for all := ""; all != "a+b" && all != "a,b"; {
		if all != "" {
			all += ","
		}
		all += <-got
		if len(all) > len("a+b") {
			t.Fatalf("got %q", all)
		}
	}
}

func TestTroubleShowsNoURL(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		refuse := roundTripper(func(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF })
		p := New(Options{Client: &http.Client{Transport: refuse}, Interval: time.Second, Log: slog.New(slog.NewTextHandler(&log, nil))},
			joined("https://app.example/secret-path"))
		p.Add("a")
		time.Sleep(2 * time.Second) // virtual
		p.Close()
		if text := log.String(); !strings.Contains(text, "posting receipts failed") || strings.Contains(text, "secret-path") {
			t.Errorf("logged %q", text)
		}
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
