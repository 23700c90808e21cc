package traffic

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// echo is a vendor that answers with what it got.
type echo struct{ calls int }

func (e *echo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.calls++
	body, _ := io.ReadAll(r.Body)
	SetTargets(r, "a", "b")
	w.WriteHeader(http.StatusCreated)
	_, _ = w.Write(body)
}

func (*echo) Refuse(w http.ResponseWriter, f Fault) {
	w.WriteHeader(f.Status)
	_, _ = io.WriteString(w, `{"refused":"`+f.Code+`"}`)
}

func request(contentType, body string) *http.Request {
	r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/send/it", strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("Authorization", "Bearer secret")
	return r
}

// call returns the status, or 0 if the connection broke.
func call(t *Tap, r *http.Request) (status int, body string) {
	answer := httptest.NewRecorder()
	defer func() {
		if recover() == http.ErrAbortHandler { //nolint:errorlint // a panic is not wrapped
			status, body = 0, ""
		}
	}()
	t.ServeHTTP(answer, r)
	return answer.Code, answer.Body.String()
}

func TestRecord(t *testing.T) {
	t.Parallel()
	tap := NewTap(&echo{})
	call(tap, request("application/json", `{"n":1,"access_token":"secret","data":{"auth_token":"secret","m":2}}`))
	call(tap, request("application/x-www-form-urlencoded", "a=b&assertion=secret"))
	call(tap, request("text/plain", "words"))
	inner := map[string]any{"auth_token": redacted, "m": 2.0}
	want := []Request{
		{Seq: 1, Content: map[string]any{"n": 1.0, "access_token": redacted, "data": inner}, Answer: map[string]any{"n": 1.0, "access_token": redacted, "data": inner}},
		{Seq: 2, Content: map[string]any{"a": "b", "assertion": redacted}, Answer: "a=b&assertion=secret"},
		{Seq: 3, Content: "words", Answer: "words"},
	}
	for i := range want {
		want[i].Method, want[i].Host, want[i].Path, want[i].Protocol = "POST", "example.com", "/send/it", "HTTP/1.1"
		want[i].Authorization, want[i].Targets, want[i].Status = redacted, []string{"a", "b"}, http.StatusCreated
	}
	got := tap.Requests(t.Context(), 0)
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Request{}, "At"), cmpopts.IgnoreUnexported(Request{})); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	tap.ClearRequests()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got := tap.Requests(ctx, 0); len(got) > 0 {
		t.Errorf("requests %v after they were cleared", got)
	}
}

func TestRecordIsBounded(t *testing.T) {
	t.Parallel()
	tap := NewTap(&echo{})
	for range maxEntries + 5 {
		call(tap, request("application/json", `{}`))
	}
	if got := tap.Requests(t.Context(), 0); len(got) != maxEntries || got[0].Seq != 6 {
		t.Errorf("%d requests from %d, want %d from 6", len(got), got[0].Seq, maxEntries)
	}
	large := `"` + strings.Repeat("x", maxContent-2) + `"`
	for range 2 * maxBytes / maxContent {
		call(tap, request("application/json", large))
	}
	if tap.log.bytes > maxBytes || tap.log.bytes < maxBytes/2 {
		t.Errorf("the record holds %d bytes, at most %d", tap.log.bytes, maxBytes)
	}
	call(tap, request("application/json", large+" "))
	got := tap.Requests(t.Context(), 0)
	if diff := cmp.Diff(any("262145 bytes"), got[len(got)-1].Content); diff != "" {
		t.Errorf("content (-want +got):\n%s", diff)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		fault Fault
		path  string
		want  []int // the statuses of three calls
		calls int   // how many the vendor saw
	}{
		{"refusal", Fault{Status: 503, Code: "X"}, "", []int{503, 503, 503}, 0},
		{"counted", Fault{Status: 500, Count: 2}, "", []int{500, 500, 201}, 1},
		{"other path", Fault{Status: 500, Path: "/token"}, "", []int{201, 201, 201}, 3},
		{"path", Fault{Status: 500, Path: "/send"}, "", []int{500, 500, 500}, 0},
		{"reset", Fault{ResetConnection: true, Count: 1}, "", []int{0, 201, 201}, 2},
		{"answer dropped", Fault{DropResponseAfterAccept: true, Count: 1}, "", []int{0, 201, 201}, 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			vendor := &echo{}
			tap := NewTap(vendor)
			if err := tap.SetFault(tt.fault); err != nil {
				t.Fatal(err)
			}
			var got []int
			for range 3 {
				status, _ := call(tap, request("application/json", `{}`))
				got = append(got, status)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("statuses (-want +got):\n%s", diff)
			}
			if vendor.calls != tt.calls {
				t.Errorf("the vendor saw %d calls, want %d", vendor.calls, tt.calls)
			}
			if records := tap.Requests(t.Context(), 0); len(records) != 3 || records[0].Faulted != (tt.want[0] != 201) {
				t.Errorf("records %+v", records)
			}
		})
	}
}

func TestProbabilityRepeats(t *testing.T) {
	t.Parallel()
	run := func() (failed int, pattern string) {
		tap := NewTap(&echo{})
		if err := tap.SetFault(Fault{Status: 500, Probability: 0.3, Seed: 7}); err != nil {
			t.Fatal(err)
		}
		for range 200 {
			status, _ := call(tap, request("application/json", `{}`))
			pattern += http.StatusText(status)
			if status == 500 {
				failed++
			}
		}
		return failed, pattern
	}
	failed, pattern := run()
	if failed < 30 || failed > 90 {
		t.Errorf("%d of 200 failed, want about 60", failed)
	}
	if _, again := run(); again != pattern {
		t.Error("the same seed chose other requests")
	}
}

func TestLatency(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tap := NewTap(&echo{})
		if err := tap.SetFault(Fault{LatencyMs: 1500}); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if status, _ := call(tap, request("application/json", `{}`)); status != 201 || time.Since(start) != 1500*time.Millisecond {
			t.Errorf("status %d after %v, want 201 after 1.5s", status, time.Since(start))
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if status, _ := call(tap, request("application/json", `{}`).WithContext(ctx)); status != 0 {
			t.Errorf("status %d for a caller that has gone", status)
		}
	})
}

func TestFaultIsValidated(t *testing.T) {
	t.Parallel()
	for _, f := range []Fault{
		{},
		{Count: 3},
		{Status: 99},
		{Status: 600},
		{LatencyMs: -1},
		{LatencyMs: 3_600_000},
		{Status: 500, Count: -1},
		{Status: 500, Probability: 1.1},
		{Status: 500, RetryAfterSeconds: -1},
	} {
		if err := NewTap(&echo{}).SetFault(f); err == nil {
			t.Errorf("%+v was taken", f)
		}
	}
}
