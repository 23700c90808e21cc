package pushchannel

import (
	"context"
	"time"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/condition"
)

// attempt is a Secret that may hold the credential to go on with.
type attempt struct {
	from   source
	active credential
	// troubled says that an app's row reports the credential in use as refused.
	troubled bool
	// alone says that there is no other Secret to begin with.
	alone bool
}

// trial is what came of an attempt.
type trial struct {
	from            source
	resolved, valid condition.Fact
	// active is the credential in use afterwards.
	active credential
	// The rest is known only of a credential that was resolved.
	proved  bool
	named   credential
	outcome probed
	ends    expiry
	// inUse says that the attempt's credential is the one in use, or that none is.
	inUse bool
	// again is the time until the next look; 0 waits for a watch.
	again time.Duration
}

// rotate tries the Secrets that the spec names. The next one goes first: once the vendor accepted it, the other is not looked
// at any more, so that it may be revoked and deleted. While the next one is on trial, the other is followed only if it is in
// use: a next one that is replaced by another never brings back an older credential.
func (r *Reconciler) rotate(ctx context.Context, channel *pushv1.PushChannel, active credential, troubled bool) (trial, error) {
	current, next := sources(channel)
	r.probes.keep(channel, current, next)
	if next.secret == "" {
		only, err := r.try(ctx, channel, attempt{from: current, active: active, troubled: troubled, alone: true})
		return only.judged(channel, only.active), err
	}
	following, err := r.try(ctx, channel, attempt{from: next, active: active, troubled: troubled})
	active = following.active
	if err != nil || (active.exists() && active.secretName != current.secret) {
		return following.judged(channel, active), err
	}
	inUse, err := r.try(ctx, channel, attempt{from: current, active: active, troubled: troubled, alone: true})
	active = inUse.active
	return inUse.judged(channel, active).beside(following.judged(channel, active)), err
}

// try resolves a Secret's credential, proves it, and keeps it if the vendor accepted it. Its error is one that trying again
// may help.
func (r *Reconciler) try(ctx context.Context, channel *pushv1.PushChannel, a attempt) (trial, error) {
	named, vendor, err := r.resolve(ctx, channel, a.from)
	if err != nil {
		return trial{resolved: condition.FromError(pushv1.ConditionResolved, err), active: a.active}, condition.Transient(err)
	}
	defer vendor.Close()
	last, again := r.prove(ctx, channel, question{vendor: vendor, named: named, active: a.active, troubled: a.troubled})
	active, err := r.accept(ctx, channel, candidate{named: named, active: a.active, outcome: last, alone: a.alone})
	if err != nil {
		return trial{resolved: condition.FromError(pushv1.ConditionResolved, err), active: active}, err
	}
	ends := expiryOf(vendor)
	return trial{
		from: a.from, resolved: condition.True(pushv1.ConditionResolved, pushv1.ReasonResolved, "the credential has the right shape"),
		active: active, proved: true, named: named, outcome: last, ends: ends, again: ends.recheck(again, time.Now()),
	}, nil
}

// judged says what the vendor's answer means beside the credential that is in use in the end.
func (t trial) judged(channel *pushv1.PushChannel, active credential) trial {
	t.active = active
	if !t.proved {
		return t
	}
	t.inUse = t.named.same(active) || !active.exists()
	t.valid = t.from.ending(t.ends.warn(credentialsValid(channel.Spec.Vendor, t.from, t.outcome, t.inUse), time.Now()))
	return t
}

// beside joins what came of the credential in use with what came of the one that is to follow: the worse of them decides.
func (t trial) beside(following trial) trial {
	t.resolved, t.valid = worse(t.resolved, following.resolved), worse(t.valid, following.valid)
	if t.again == 0 || (following.again > 0 && following.again < t.again) {
		t.again = following.again
	}
	return t
}

// worse is the worse of two facts, of which either may not be known; the first of two that are as bad.
func worse(first, second condition.Fact) condition.Fact {
	if first.Type == "" || second.Severity > first.Severity {
		return second
	}
	return first
}

// writeTo tells the status which credential is in use and when it ends.
func (t trial) writeTo(channel *pushv1.PushChannel) {
	t.active.writeTo(channel)
	if t.proved {
		t.ends.publish(channel, t.inUse)
	}
}
