// Package admin reaches the dispatchers of an app: it finds their pods and
// speaks to their admin ports.
package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/offlinepush/operator/controllers/render"
	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/report"
)

const (
	timeout = 3 * time.Second
	// A report has a row for each of at most 64 channels, a test an answer for each of at most 10 phones.
	maxAnswer = 1 << 20
)

// Client speaks HTTP to the pods' admin ports. Its errors hold no address, so that they are the same for every pod.
type Client struct {
	// Transport makes the calls.
	Transport http.RoundTripper
}

// NewClient makes a client that reaches pods directly: no proxy knows their addresses. It keeps no connections: those of a
// thousand apps would hold over 10 MB from one report to the next.
func NewClient() Client {
	return Client{Transport: &http.Transport{DialContext: (&net.Dialer{Timeout: timeout}).DialContext, DisableKeepAlives: true}}
}

// RefusedError is the answer of a dispatcher that did not start a test.
type RefusedError struct {
	report.PushTestRefusal
}

// Error implements error.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("the dispatcher refused with %s: %s", e.Code, e.Message)
}

// Read reads the report of the dispatcher at an address.
func (c Client) Read(ctx context.Context, podIP string, key config.Secret) (report.Report, error) {
	var out report.Report
	status, body, err := c.call(ctx, request{method: http.MethodGet, podIP: podIP, path: report.Path, key: key})
	switch {
	case err != nil:
		return report.Report{}, err
	case status != http.StatusOK:
		return report.Report{}, unexpected(status)
	case json.Unmarshal(body, &out) != nil:
		return report.Report{}, errors.New("the dispatcher answered with something other than a report")
	}
	return out, nil
}

// Push asks the dispatcher at an address for a push, or how far it is. A refusal is a *RefusedError.
func (c Client) Push(ctx context.Context, podIP string, key config.Secret, test report.PushTest) (report.PushTestState, error) {
	command, err := json.Marshal(test)
	if err != nil {
		return report.PushTestState{}, errors.New("the test cannot be written as JSON")
	}
	status, body, err := c.call(ctx, request{method: http.MethodPost, podIP: podIP, path: report.PushTestPath, key: key, body: command})
	if err != nil {
		return report.PushTestState{}, err
	}
	if status != http.StatusOK {
		return report.PushTestState{}, refusal(status, body)
	}
	var out report.PushTestState
	if json.Unmarshal(body, &out) != nil || out.MessageID == "" {
		return report.PushTestState{}, errors.New("the dispatcher answered with something other than the state of a test")
	}
	return out, nil
}

// refusal tells a dispatcher's refusal from a server that knows no tests.
func refusal(status int, body []byte) error {
	refused := &RefusedError{}
	if json.Unmarshal(body, &refused.PushTestRefusal) != nil || refused.Code == "" {
		return unexpected(status)
	}
	return refused
}

func unexpected(status int) error { return fmt.Errorf("the dispatcher answered HTTP %d", status) }

// request is a call of an admin port.
type request struct {
	method, podIP, path string
	key                 config.Secret
	body                []byte
}

// call returns the status and the body of an answer, which it bounds.
func (c Client) call(ctx context.Context, q request) (int, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	url := "http://" + net.JoinHostPort(q.podIP, strconv.Itoa(int(render.AdminPort))) + q.path
	r, err := http.NewRequestWithContext(ctx, q.method, url, bytes.NewReader(q.body))
	if err != nil {
		return 0, nil, fmt.Errorf("the pod has no proper address %q", q.podIP)
	}
	r.Header.Set("Authorization", "Bearer "+q.key.Reveal())
	if q.body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	response, err := c.Transport.RoundTrip(r)
	if err != nil {
		return 0, nil, withoutAddress(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return 0, nil, withoutAddress(err)
	}
	return response.StatusCode, body, nil
}

func withoutAddress(err error) error {
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		return errors.New("no answer in time")
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.New("no answer in time")
	}
	if e, ok := errors.AsType[*net.OpError](err); ok {
		return e.Err
	}
	return errors.New("the connection broke")
}
