package provider

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
)

func get(t *testing.T, h http.HandlerFunc, http2 bool) (Answer, error) {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.EnableHTTP2 = http2
	s.StartTLS()
	t.Cleanup(s.Close)
	bundle := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	c, err := NewClient(config.Endpoint{CABundle: string(bundle)}, Deps{Guard: EndpointGuard{AllowLoopback: true}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdleConnections)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/secret-path?key=secret", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	return Do(c, req)
}

func TestDoSpeaksBothProtocols(t *testing.T) {
	t.Parallel()
	for _, http2 := range []bool{true, false} {
		a, err := get(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "3")
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = fmt.Fprint(w, r.ProtoMajor)
		}, http2)
		want := map[bool]string{true: "2", false: "1"}[http2]
		if err != nil || a.Status != 429 || string(a.Body) != want || a.RetryAfter != 3*time.Second {
			t.Errorf("HTTP/2 %t: got %+v, %v", http2, a, err)
		}
	}
}

func TestAWaitUntilADateGoesByTheVendorsClock(t *testing.T) {
	t.Parallel()
	theirs := time.Now().AddDate(1, 0, 0)
	for name, date := range map[string][]string{"told": {theirs.UTC().Format(http.TimeFormat)}, "not told": nil} {
		a, err := get(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Date"] = date
			w.Header().Set("Retry-After", theirs.Add(time.Minute).UTC().Format(http.TimeFormat))
		}, true)
		want := time.Minute
		if date == nil {
			want = maxRetryAfter
		}
		if err != nil || a.RetryAfter != want {
			t.Errorf("%s: got %s and %v, want %s", name, a.RetryAfter, err, want)
		}
	}
}

func TestDoBoundsTheBody(t *testing.T) {
	t.Parallel()
	for _, size := range []int{maxAnswer, maxAnswer + 1} {
		a, err := get(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, strings.Repeat("x", size)) }, true)
		if err != nil || (len(a.Body) == size) != (size <= maxAnswer) {
			t.Errorf("%d bytes: got %d, %v", size, len(a.Body), err)
		}
	}
}

func TestDoHidesTheURL(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]http.HandlerFunc{
		"no answer": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"half a body": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "9")
			_, _ = fmt.Fprint(w, "x")
		},
	} {
		_, err := get(t, h, false)
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got %v", name, err)
		}
		if o := Unanswered(err); o.Class != message.Transient || o.Detail == "" {
			t.Errorf("%s: got %+v", name, o)
		}
	}
}

func TestDoKeepsTheCause(t *testing.T) {
	t.Parallel()
	c, err := NewClient(config.Endpoint{}, Deps{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://192.0.2.1/", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Do(c, req); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	tests := map[string]time.Duration{
		"":                                0,
		"0":                               0,
		"120":                             2 * time.Minute,
		"-5":                              0,
		"1.5":                             0,
		"99999999":                        24 * time.Hour,
		"99999999999999999999":            0,
		"soon":                            0,
		"Mon, 23 Nov 2026 12:00:30 GMT":   30 * time.Second,
		"Mon, 23 Nov 2026 11:00:00 GMT":   0,
		"Thu, 01 Jan 2099 00:00:00 GMT":   24 * time.Hour,
		"Monday, 23-Nov-26 12:01:00 GMT":  time.Minute,
		"Mon, 23 Nov 2026 12:00:30 +0800": 0,
	}
	for value, want := range tests {
		if got := retryAfter(value, now); got != want {
			t.Errorf("%q: got %s, want %s", value, got, want)
		}
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text string
		hide []string
		want string
	}{
		{"plain", nil, "plain"},
		{" two\nlines\tand \x1b[31mred\x00 ", nil, "two lines and  [31mred"},
		{"regid abc and abcdef", []string{"abc", "", "abcdef"}, "regid <redacted> and <redacted>"},
		{"bad \xff byte", nil, "bad \uFFFD byte"},
		{strings.Repeat("好", 300), nil, strings.Repeat("好", 255) + "…"},
		{strings.Repeat("x", 250) + "token-123", []string{"token-123"}, strings.Repeat("x", 250) + "<reda…"},
	}
	for _, tt := range tests {
		if got := Words(tt.text, tt.hide...); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.text, got, tt.want)
		}
	}
	hide := []string{"a", "bbb"}
	Words("text", hide...)
	if hide[0] != "a" {
		t.Error("Words reorders the caller's slice")
	}
}

func TestClassOf(t *testing.T) {
	t.Parallel()
	want := map[message.Class][]int{
		message.Throttled:          {429},
		message.Rejected:           {413},
		message.CredentialRejected: {401, 403, 404},
		message.Transient:          {200, 408, 500, 502, 503, 504, 529},
		message.Unknown:            {204, 301, 307, 400, 405, 409, 418},
	}
	for class, statuses := range want {
		for _, status := range statuses {
			if got := ClassOf(status); got != class {
				t.Errorf("%d: got %s, want %s", status, got, class)
			}
		}
	}
}

func FuzzWords(f *testing.F) {
	f.Add("regid token-1 is bad", "token-1")
	f.Fuzz(func(t *testing.T, text, hide string) {
		got := Words(text, hide)
		if utf8.RuneCountInString(got) > maxWords || strings.ContainsAny(got, "\n\r\x00\x1b") || !utf8.ValidString(got) {
			t.Errorf("got %q", got)
		}
		if len(hide) > len("<redacted>") && strings.Contains(got, hide) {
			t.Errorf("%q still shows %q", got, hide)
		}
	})
}
