// Package traffic stands between a simulated vendor and the network: it records
// every request with its answer and lets things go wrong on demand. It knows no
// vendor.
package traffic

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// maxBody is above the largest form of a vendor: 1000 messages in one request.
const maxBody = 8 << 20

// Vendor is what a Tap stands in front of.
type Vendor interface {
	http.Handler
	// Refuse answers in the vendor's shape with what the fault says.
	Refuse(w http.ResponseWriter, f Fault)
}

// Tap is a vendor whose requests are recorded and can be disturbed.
type Tap struct {
	vendor Vendor
	log    *log
	faults faults
}

// NewTap returns a Tap in front of the vendor.
func NewTap(v Vendor) *Tap { return &Tap{vendor: v, log: newLog()} }

// SetFault replaces the fault that requests meet.
func (t *Tap) SetFault(f Fault) error {
	if err := f.validate(); err != nil {
		return err
	}
	t.faults.set(&f)
	return nil
}

// ClearFault lets requests through again.
func (t *Tap) ClearFault() { t.faults.set(nil) }

// Fault returns the fault in force, or nil.
func (t *Tap) Fault() *Fault { return t.faults.get() }

// Requests returns the recorded requests after seq, and waits for one until the context ends.
func (t *Tap) Requests(ctx context.Context, seq int64) []Request { return t.log.wait(ctx, seq) }

// ClearRequests forgets the recorded requests.
func (t *Tap) ClearRequests() { t.log.clear() }

// ServeHTTP implements http.Handler.
func (t *Tap) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	fault := t.faults.take(r.URL.Path)
	entry := &Request{
		At: time.Now(), Method: r.Method, Host: r.Host, Path: r.URL.Path, Protocol: r.Proto,
		Faulted: fault != Fault{}, contentType: r.Header.Get("Content-Type"), body: kept(body),
	}
	if r.Header.Get("Authorization") != "" {
		entry.Authorization = redacted
	}
	if !sleep(r.Context(), fault.latency()) {
		panic(http.ErrAbortHandler) // the caller has gone, or the simulator ends
	}
	a := &reply{header: w.Header()}
	t.serve(a, r.WithContext(context.WithValue(r.Context(), entryKey{}, entry)), fault)
	broken := fault.ResetConnection || fault.DropResponseAfterAccept
	if !broken {
		entry.Status, entry.answer = a.code(), kept(a.body.Bytes())
	}
	t.log.add(*entry)
	if broken {
		panic(http.ErrAbortHandler) // the one way to break a stream of HTTP/2
	}
	w.WriteHeader(a.code())
	_, _ = w.Write(a.body.Bytes()) // the caller has gone
}

func (t *Tap) serve(w http.ResponseWriter, r *http.Request, f Fault) {
	switch {
	case f.ResetConnection:
	case f.refuses():
		t.vendor.Refuse(w, f)
	default:
		t.vendor.ServeHTTP(w, r)
	}
}

func kept(body []byte) []byte {
	if len(body) > maxContent {
		return fmt.Appendf(nil, `"%d bytes"`, len(body))
	}
	return body
}

func sleep(ctx context.Context, d time.Duration) bool {
	if d == 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

type entryKey struct{}

// SetTargets notes the tokens that a request names.
func SetTargets(r *http.Request, targets ...string) {
	if entry, ok := r.Context().Value(entryKey{}).(*Request); ok {
		entry.Targets = targets
	}
}

// reply holds an answer until it is recorded, so that whoever has the answer also finds the record.
type reply struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (r *reply) Header() http.Header { return r.header }

// WriteHeader implements http.ResponseWriter.
func (r *reply) WriteHeader(status int) { r.status = status }

// Write implements http.ResponseWriter.
func (r *reply) Write(b []byte) (int, error) { return r.body.Write(b) }

func (r *reply) code() int {
	if r.status == 0 {
		return http.StatusOK
	}
	return r.status
}
