package webpush

import (
	"sync"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
)

const (
	firstWait = 30 * time.Second
	maxWait   = 30 * time.Minute
	// trusted is how long a push service that took a message vouches for the key.
	trusted = 10 * time.Minute
	// maxHosts bounds the memory: hosts below a wildcard come from clients.
	maxHosts = 1000
)

// hosts is what the push services' latest answers say about each of them, and about the key.
type hosts struct {
	mu sync.Mutex
	// known are those that throttle.
	known map[string]host
	// taken is when any of them took a message.
	taken time.Time
}

type host struct {
	wait  time.Duration
	until time.Time
}

// waiting is the outcome of a message to a push service that asked to wait; ok is false where it may be called.
func (h *hosts) waiting(name string, now time.Time) (o message.Outcome, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	wait := h.known[name].until.Sub(now)
	if wait <= 0 {
		return message.Outcome{}, false
	}
	return message.Outcome{
		Class: message.Throttled, Detail: provider.Words("host " + name + " throttles; it was not called"),
		RetryAfter: wait, PhoneOnly: true,
	}, true
}

// settle takes note of an outcome, and completes it by what is known of the push services.
func (h *hosts) settle(name string, o *message.Outcome, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch o.Class {
	case message.Accepted:
		h.taken = now
		delete(h.known, name)
	case message.Throttled:
		one := h.known[name]
		one.throttled(o, now)
		if len(h.known) >= maxHosts {
			clear(h.known)
		}
		h.known[name] = one
	case message.AuthExpired:
		h.refused(o, now)
	case message.InvalidToken, message.CredentialRejected, message.QuotaExhausted, message.Transient, message.Rejected, message.Unknown:
	}
}

// throttled sets a wait where the push service names none: each twice the former one, until a message is taken. Refusals of
// requests that were open together count once. One that names a very long wait is called again for another subscription
// after maxWait. The other push services are as patient as before, so the channel goes on.
func (h *host) throttled(o *message.Outcome, now time.Time) {
	o.PhoneOnly = true
	if o.RetryAfter > 0 {
		if until := now.Add(min(o.RetryAfter, maxWait)); until.After(h.until) {
			h.until = until
		}
		return
	}
	if !now.Before(h.until) {
		h.wait = min(max(2*h.wait, firstWait), maxWait)
		h.until = now.Add(h.wait)
	}
	o.RetryAfter = h.until.Sub(now)
}

// refused judges a message whose new token was refused as well: it is the key's fault, unless a push service took another
// one with the same key just now. Then it is the subscription's, which anybody may register, and says nothing of the channel.
func (h *hosts) refused(o *message.Outcome, now time.Time) {
	o.Class = message.CredentialRejected
	if now.Sub(h.taken) < trusted {
		o.Class, o.PhoneOnly = message.Transient, true
	}
}
