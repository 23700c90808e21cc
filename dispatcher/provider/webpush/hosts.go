package webpush

import (
	"sync"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
)

const (
	firstWait = 30 * time.Second
	maxWait   = 30 * time.Minute
	// trusted is how long a push service that took a message vouches for the key.
	trusted = 10 * time.Minute
	// maxHosts bounds the memory: hosts below a wildcard come from clients.
	maxHosts = 1000
)

// hosts is what the push services' latest answers say about each of them.
type hosts struct {
	mu    sync.Mutex
	known map[string]host
}

type host struct {
	wait  time.Duration
	until time.Time
	// taken is when it took a message.
	taken time.Time
}

// settle takes note of an outcome, and completes it by what is known of the push service.
func (h *hosts) settle(name string, o *message.Outcome, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	one := h.known[name]
	switch o.Class {
	case message.Accepted:
		one = host{taken: now}
	case message.Throttled:
		one.throttled(o, now)
	case message.AuthExpired:
		one.refused(o, now)
		return
	case message.InvalidToken, message.CredentialRejected, message.QuotaExhausted, message.Transient, message.Rejected, message.Unknown:
		return
	}
	if len(h.known) >= maxHosts {
		clear(h.known)
	}
	h.known[name] = one
}

// throttled sets a wait where the push service names none: each twice the former one, until a message is taken. Refusals of
// requests that were open together count once. The other push services are as patient as before, so the channel goes on.
func (h *host) throttled(o *message.Outcome, now time.Time) {
	o.PhoneOnly = true
	if o.RetryAfter > 0 {
		return
	}
	if !now.Before(h.until) {
		h.wait = min(max(2*h.wait, firstWait), maxWait)
		h.until = now.Add(h.wait)
	}
	o.RetryAfter = h.until.Sub(now)
}

// refused judges a message whose new token was refused as well: it is the key's fault, unless the push service took another
// one with the same key just now. Then it is the subscription's, which anybody may register, and must not close the channel.
func (h *host) refused(o *message.Outcome, now time.Time) {
	o.Class = message.CredentialRejected
	if now.Sub(h.taken) < trusted {
		o.Class = message.Transient
	}
}
