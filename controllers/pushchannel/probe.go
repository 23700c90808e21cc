package pushchannel

import (
	"context"
	"crypto/sha256"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/dispatcher/provider"
)

const (
	// While an app's row says that the vendor refuses the credential, an accepted credential is proved this often.
	troubledInterval = 30 * time.Second
	// The wait after the first unanswered probe; it doubles up to lastRetry: a vendor that is back must be seen within a minute.
	firstRetry = 5 * time.Second
	lastRetry  = 40 * time.Second
)

// probed is the newest answer of the vendor about one credential.
type probed struct {
	key      [sha256.Size]byte
	proof    provider.Proof
	at       time.Time
	failures int
}

// known reports whether the vendor said anything at all.
func (p probed) known() bool { return !p.at.IsZero() }

// refused reports whether the vendor said no for good.
func (p probed) refused() bool { return p.proof.Verdict == provider.Refused }

// accepted reports whether the vendor takes the credential, as far as it can be asked.
func (p probed) accepted() bool {
	return p.proof.Verdict == provider.Valid || p.proof.Verdict == provider.Unasked
}

// wait is the time from the answer to the next probe; 0 means never: a refusal is final for its credential.
func (p probed) wait(interval time.Duration, troubled bool) time.Duration {
	switch {
	case p.refused():
		return 0
	case p.accepted() && troubled:
		return min(troubledInterval, interval)
	case p.accepted():
		return interval
	}
	doublings := min(p.failures-1, 10)
	return max(min(firstRetry<<doublings, lastRetry), p.proof.RetryAfter)
}

// question is what prove needs to know.
type question struct {
	vendor        provider.Provider
	named, active credential
	// troubled says that an app's row reports the credential as refused.
	troubled bool
}

// stale reports whether an acceptance is too old to act on: before the credential replaces another one the vendor is asked
// again, since it may have been revoked while it was not in use.
func (q question) stale(last probed) bool {
	return last.accepted() && q.active.exists() && !q.named.same(q.active)
}

// prove returns the vendor's newest answer about the named credential and the time until the next probe. It asks the
// vendor only when the budget allows it.
func (r *Reconciler) prove(ctx context.Context, channel *pushv1.PushChannel, q question) (probed, time.Duration) {
	name := client.ObjectKeyFromObject(channel)
	key := sha256.Sum256(append([]byte(channel.UID), q.named.encoded...))
	last := r.probes.last(name, q.named.secretName)
	if last.key != key {
		last = remembered(channel, q)
		last.key = key
	}
	if suspended(channel) {
		r.probes.forget(name) // A refusal is asked about again when people set the channel going.
		return last, 0
	}
	interval := intervalOf(channel)
	if last.known() && !q.stale(last) {
		pause := last.wait(interval, q.troubled)
		if pause == 0 {
			return last, 0
		}
		if rest := time.Until(last.at.Add(pause)); rest > 0 {
			r.probes.store(name, q.named.secretName, last)
			return last, rest
		}
	}
	last.proof = ask(provider.Contain(ctx, r.Log.With("channel", name)), channel, q.vendor)
	last.at = time.Now()
	if last.accepted() {
		last.failures = 0
	} else {
		last.failures++
	}
	r.probes.store(name, q.named.secretName, last)
	channel.Status.LastProbeTime = new(metav1.NewTime(last.at))
	return last, last.wait(interval, q.troubled)
}

// remembered takes an acceptance from the status, so that a restart of the manager does not ask every vendor again. Probes
// that say the same are not written, so the time there may be long ago; then the channels ask again one by one over their
// interval. What was only checked is checked again: that asks nobody.
func remembered(channel *pushv1.PushChannel, q question) probed {
	valid := meta.FindStatusCondition(channel.Status.Conditions, pushv1.ConditionCredentialsValid)
	if valid == nil || valid.Status != metav1.ConditionTrue || channel.Status.LastProbeTime == nil || !q.named.same(q.active) {
		return probed{}
	}
	if valid.Reason == pushv1.ReasonCredentialsChecked {
		return probed{}
	}
	at := channel.Status.LastProbeTime.Time
	if interval := intervalOf(channel); time.Since(at) > interval {
		at = time.Now().Add(-rand.N(max(interval, 1))) //nolint:gosec // Nobody gains from guessing when a vendor is asked.
	}
	return probed{proof: provider.Proof{Verdict: provider.Valid}, at: at}
}

func intervalOf(channel *pushv1.PushChannel) time.Duration {
	return time.Duration(channel.Spec.Probe.IntervalSeconds) * time.Second
}

func ask(ctx context.Context, channel *pushv1.PushChannel, vendor provider.Provider) provider.Proof {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(channel.Spec.Probe.TimeoutSeconds)*time.Second)
	defer cancel()
	return provider.Prove(ctx, vendor)
}

// probeMemory keeps the newest answer about each Secret of each channel.
type probeMemory struct {
	mu      sync.Mutex
	answers map[types.NamespacedName]map[string]probed
}

func (m *probeMemory) last(channel types.NamespacedName, secret string) probed {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.answers[channel][secret]
}

func (m *probeMemory) store(channel types.NamespacedName, secret string, p probed) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.answers == nil {
		m.answers = map[types.NamespacedName]map[string]probed{}
	}
	if m.answers[channel] == nil {
		m.answers[channel] = map[string]probed{}
	}
	m.answers[channel][secret] = p
}

// keep forgets the answers about Secrets that the spec names no more: named again, they are proved anew.
func (m *probeMemory) keep(channel *pushv1.PushChannel, named ...source) {
	m.mu.Lock()
	defer m.mu.Unlock()
	maps.DeleteFunc(m.answers[client.ObjectKeyFromObject(channel)], func(secret string, _ probed) bool {
		return !slices.ContainsFunc(named, func(s source) bool { return s.secret == secret })
	})
}

func (m *probeMemory) forget(channel types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.answers, channel)
}
