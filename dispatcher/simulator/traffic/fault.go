package traffic

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"
)

const maxLatency = 10 * time.Minute

// Fault is what goes wrong with a vendor's requests, until it is cleared or has happened Count times.
type Fault struct {
	// Status is the HTTP status of the answer, 0 for the usual one of Code.
	Status int `json:"status,omitempty"`
	// Code is the vendor's own code of the answer, such as UNREGISTERED or 21301.
	Code string `json:"code,omitempty"`
	// RetryAfterSeconds is the answer's Retry-After.
	RetryAfterSeconds int `json:"retryAfterSeconds,omitempty"`
	// Throttle answers as the vendor does when requests come too fast.
	Throttle bool `json:"throttle,omitempty"`
	// Quota answers as the vendor does when the day's or minute's quota is used up.
	Quota bool `json:"quota,omitempty"`
	// LatencyMs delays the request, also one that is answered well.
	LatencyMs int `json:"latencyMs,omitempty"`
	// ResetConnection breaks the connection or stream instead of reading the request.
	ResetConnection bool `json:"resetConnection,omitempty"`
	// DropResponseAfterAccept does the work and breaks the connection instead of answering.
	DropResponseAfterAccept bool `json:"dropResponseAfterAccept,omitempty"`
	// Count is how many requests it meets, 0 for all.
	Count int `json:"count,omitempty"`
	// Path, if set, is a part of the paths that it meets.
	Path string `json:"path,omitempty"`
	// Probability is the share of requests it meets, 0 for all. Seed makes the choice repeatable.
	Probability float64 `json:"probability,omitempty"`
	Seed        uint64  `json:"seed,omitempty"`
}

// refuses tells whether the vendor answers with an error.
func (f Fault) refuses() bool { return f.Status != 0 || f.Code != "" || f.Throttle || f.Quota }

func (f Fault) harmless() bool {
	return !f.refuses() && f.LatencyMs == 0 && !f.ResetConnection && !f.DropResponseAfterAccept
}

func (f Fault) validate() error {
	switch {
	case f.harmless():
		return errors.New("fault: does nothing; set status, code, throttle, quota, latencyMs, resetConnection or dropResponseAfterAccept")
	case f.Status != 0 && (f.Status < http.StatusOK || http.StatusText(f.Status) == ""):
		return fmt.Errorf("status: is %d, must be a final status of HTTP such as 503", f.Status)
	case f.LatencyMs < 0 || f.latency() > maxLatency:
		return fmt.Errorf("latencyMs: is %d, must be from 0 to %d", f.LatencyMs, maxLatency.Milliseconds())
	case f.Count < 0 || f.RetryAfterSeconds < 0:
		return errors.New("count and retryAfterSeconds: must not be negative")
	case f.Probability < 0 || f.Probability > 1:
		return fmt.Errorf("probability: is %v, must be from 0 to 1", f.Probability)
	}
	return nil
}

func (f Fault) latency() time.Duration { return time.Duration(f.LatencyMs) * time.Millisecond }

// faults is the fault of one vendor that is in force, if any.
type faults struct {
	mu    sync.Mutex
	fault *Fault
	left  int
	dice  *rand.Rand
}

func (f *faults) set(fault *Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = fault
	if fault != nil {
		f.left = fault.Count
		f.dice = rand.New(rand.NewPCG(fault.Seed, fault.Seed)) //nolint:gosec // a repeatable choice, not a secret
	}
}

func (f *faults) get() *Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fault
}

// take returns the fault that the request meets; the zero fault does nothing.
func (f *faults) take(path string) Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fault == nil || !strings.Contains(path, f.fault.Path) {
		return Fault{}
	}
	if p := f.fault.Probability; p > 0 && f.dice.Float64() >= p {
		return Fault{}
	}
	met := *f.fault
	if met.Count > 0 {
		f.left--
		if f.left == 0 {
			f.fault = nil
		}
	}
	return met
}
