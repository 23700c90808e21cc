package client

import (
	"net/http"
	"strings"
	"testing"
)

// FuzzErrorOf: an answer that is no success is an error with its status and a wait that is not negative, whoever it is from.
func FuzzErrorOf(f *testing.F) {
	f.Add(429, "7", []byte(`{"code":"rate_limited","detail":"wait"}`))
	f.Add(502, "9223372036854775807", []byte(`<html>`))
	f.Fuzz(func(t *testing.T, status int, retryAfter string, body []byte) {
		e, ok := errorOf(&http.Response{StatusCode: status, Header: http.Header{"Retry-After": {retryAfter}}}, body).(*Error) //nolint:errorlint // It gives no other.
		if !ok || e.Status != status || e.RetryAfter < 0 || e.Code == "" && !strings.Contains(e.Detail, "not from a dispatcher") {
			t.Errorf("%d %q %q: got %+v", status, retryAfter, body, e)
		}
	})
}
