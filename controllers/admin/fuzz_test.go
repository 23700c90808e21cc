package admin_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/offlinepush/operator/controllers/admin"
	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/report"
)

// anybody answers every request with the same.
type anybody struct {
	status int
	body   []byte
}

// RoundTrip implements http.RoundTripper.
func (a anybody) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: a.status, Body: io.NopCloser(bytes.NewReader(a.body))}, nil
}

// FuzzAnswers: whatever listens at the address of a pod, its answer is a report, the state of a test, or an error.
func FuzzAnswers(f *testing.F) {
	f.Add(200, []byte(`{"version":"1.0","pod":"p","channels":[{"name":"fcm"}]}`))
	f.Add(200, []byte(`{"messageID":"m","devices":[{"pushID":"p","push":{"status":"Pending"}}]}`))
	f.Add(429, []byte(`{"code":"too_soon","message":"later","retryAfterSeconds":-1}`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		c := admin.Client{Transport: anybody{status, body}}
		if _, err := c.Read(t.Context(), podIP, config.NewSecret(reportKey)); err == nil && status != http.StatusOK {
			t.Errorf("%d %q is a report", status, body)
		}
		state, err := c.Push(t.Context(), podIP, config.NewSecret(reportKey), report.PushTest{UID: "u"})
		if err == nil && (status != http.StatusOK || state.MessageID == "") {
			t.Errorf("%d %q is a state", status, body)
		}
		if refused, ok := errors.AsType[*admin.RefusedError](err); ok && (refused.Code == "" || status == http.StatusOK) {
			t.Errorf("%d %q is refused with %+v", status, body, refused)
		}
	})
}
