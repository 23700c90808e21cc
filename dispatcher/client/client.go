// Package client talks to a dispatcher. Device is a phone on the device plane,
// Server one of the app's own servers on the server plane. It never retries:
// Error says when that is worth while, and clientID makes it safe.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/offlinepush/operator/dispatcher/wire"
)

// maxAnswer bounds what is read of an answer.
const maxAnswer = 16 << 20

// Error is an answer that is no success.
type Error struct {
	wire.Problem
	// RetryAfter is when the same request may be sent again; 0 when the dispatcher named no time.
	RetryAfter time.Duration
}

// Error implements error.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %s: %s", e.Status, e.Code, e.Detail)
	for _, f := range e.Errors {
		fmt.Fprintf(&b, "; %s: %s", f.Field, f.Message)
	}
	return b.String()
}

// CodeOf is the code of an Error; empty for any other error.
func CodeOf(err error) wire.Code {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return ""
}

// caller sends requests to one plane.
type caller struct {
	base string
	http *http.Client
}

func newCaller(base string, c *http.Client) caller {
	if c == nil {
		c = defaultHTTP
	}
	return caller{base: strings.TrimSuffix(base, "/"), http: c}
}

// call is one request.
type call struct {
	method, path string
	bearer       string
	secret       string
	// body travels as JSON, lines as they are.
	body  any
	lines []byte
}

// do sends the request and decodes the answer into out, unless out is nil.
func (c caller) do(ctx context.Context, r call, out any) error {
	resp, err := c.open(ctx, r)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := readAnswer(resp)
	if err != nil || out == nil {
		return err
	}
	if err := json.Unmarshal(b, out); err != nil {
		return fmt.Errorf("decoding the dispatcher's answer: %w", err)
	}
	return nil
}

// open sends the request and gives an answer that is a success, with its body open.
func (c caller) open(ctx context.Context, r call) (*http.Response, error) {
	req, err := c.request(ctx, r)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("calling the dispatcher: %w", err)
	}
	if resp.StatusCode >= 200 && resp.StatusCode <= 299 {
		return resp, nil
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := readAnswer(resp)
	if err != nil {
		return nil, err
	}
	return nil, errorOf(resp, b)
}

func readAnswer(resp *http.Response) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("reading the dispatcher's answer: %w", err)
	}
	return b, nil
}

func (c caller) request(ctx context.Context, r call) (*http.Request, error) {
	body, media := r.lines, wire.NDJSONType
	if r.body != nil {
		var err error
		if body, err = json.Marshal(r.body); err != nil {
			return nil, fmt.Errorf("encoding the request: %w", err)
		}
		media = "application/json"
	}
	req, err := http.NewRequestWithContext(ctx, r.method, c.base+r.path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("making the request: %w", err)
	}
	if body != nil {
		req.Header.Set("Content-Type", media)
	}
	if r.bearer != "" {
		req.Header.Set("Authorization", "Bearer "+r.bearer)
	}
	if r.secret != "" {
		req.Header.Set(wire.SecretHeader, r.secret)
	}
	return req, nil
}

// errorOf reads a problem, or describes an answer that is none, as proxies give.
func errorOf(resp *http.Response, body []byte) error {
	e := &Error{}
	if json.Unmarshal(body, &e.Problem) != nil || e.Code == "" {
		e.Problem = wire.Problem{Detail: "the answer is not from a dispatcher"}
	}
	e.Status = resp.StatusCode
	if n, err := strconv.ParseUint(resp.Header.Get("Retry-After"), 10, 31); err == nil {
		e.RetryAfter = time.Duration(n) * time.Second
	}
	return e
}

func devicePath(pushID, rest string) string { return "/v1/devices/" + url.PathEscape(pushID) + rest }
