package traffic

import (
	"context"
	"encoding/json"
	"fmt"
	"mime"
	"net/url"
	"sync"
	"time"
)

const (
	maxEntries = 1000
	// maxBytes bounds the contents, targets and answers of all entries of a vendor.
	maxBytes = 8 << 20
	// maxContent is the largest content that is shown; of others only the length is kept.
	maxContent = 256 << 10
	redacted   = "[redacted]"
)

// Request is a request that a vendor received, with its answer.
type Request struct {
	Seq      int64     `json:"seq"`
	At       time.Time `json:"at"`
	Method   string    `json:"method"`
	Host     string    `json:"host"`
	Path     string    `json:"path"`
	Protocol string    `json:"protocol"`
	// Authorization is shown as [redacted] if there was any.
	Authorization string `json:"authorization,omitempty"`
	// Content is the JSON body, or the form as an object.
	Content any `json:"content,omitempty"`
	// Targets are the tokens that the request names.
	Targets []string `json:"targets,omitempty"`
	// Status is 0 if the connection was broken instead.
	Status int `json:"status"`
	Answer any `json:"answer,omitempty"`
	// Faulted is set if a fault met the request.
	Faulted bool `json:"faulted,omitempty"`

	contentType  string
	body, answer []byte
}

// size is what the request costs to keep.
func (r *Request) size() int {
	n := len(r.body) + len(r.answer)
	for _, target := range r.Targets {
		n += len(target)
	}
	return n
}

// render makes what is shown, which only readers pay for.
func (r *Request) render() {
	r.Content = content(r.contentType, r.body)
	if len(r.answer) > 0 {
		r.Answer = content("application/json", r.answer)
	}
}

// log keeps the newest requests of one vendor.
type log struct {
	mu      sync.Mutex
	entries []Request
	bytes   int
	last    int64
	changed chan struct{}
}

func newLog() *log { return &log{changed: make(chan struct{})} }

func (l *log) add(r Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last++
	r.Seq = l.last
	l.bytes += r.size()
	l.entries = append(l.entries, r)
	drop := 0
	for len(l.entries)-drop > maxEntries || l.bytes > maxBytes {
		l.bytes -= l.entries[drop].size()
		l.entries[drop] = Request{}
		drop++
	}
	l.entries = l.entries[drop:]
	close(l.changed)
	l.changed = make(chan struct{})
}

func (l *log) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries, l.bytes = nil, 0
}

// wait returns the requests after seq. If there is none, it waits for one until the context ends.
func (l *log) wait(ctx context.Context, seq int64) []Request {
	for {
		l.mu.Lock()
		found := []Request{}
		for _, r := range l.entries {
			if r.Seq > seq {
				found = append(found, r)
			}
		}
		changed := l.changed
		l.mu.Unlock()
		if len(found) > 0 {
			for i := range found {
				found[i].render()
			}
			return found
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return found
		}
	}
}

// content reads a body for the log, without its secrets.
func content(contentType string, body []byte) any {
	if len(body) == 0 {
		return nil
	}
	media, _, _ := mime.ParseMediaType(contentType)
	if media == "application/octet-stream" {
		return fmt.Sprintf("%d bytes", len(body)) // encrypted
	}
	if media == "application/x-www-form-urlencoded" {
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return string(body)
		}
		shown := make(map[string]any, len(form))
		for name := range form {
			shown[name] = form.Get(name)
		}
		return hide(shown)
	}
	var v any
	if json.Unmarshal(body, &v) != nil {
		return string(body)
	}
	return hide(v)
}

// hide replaces the secrets that travel in bodies: what proves who is asking, and access tokens.
func hide(v any) any {
	object, ok := v.(map[string]any)
	if !ok {
		return v
	}
	for name, value := range object {
		switch name {
		case "assertion", "access_token", "auth_token", "authToken", "client_secret", "sign":
			object[name] = redacted
		default:
			object[name] = hide(value)
		}
	}
	return object
}
