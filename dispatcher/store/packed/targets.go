// Package packed encodes the targets of a delivery as one small value, so that
// a row of work for a thousand devices is one row.
package packed

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/offlinepush/operator/dispatcher/message"
)

// Target is a message's target with the store's key of the user it was for.
type Target struct {
	message.Target
	User int64
}

// The versions lead every encoding, so that they can be told apart: without and with badges. Dispatchers of before
// the badges read the first one only, which is why targets without badges are written so.
const (
	plain  = 1
	badges = 2
)

// fieldsOf is the number of varints of one target, and so its least size.
func fieldsOf(version byte) int { return 3 + int(version) }

// Encode packs targets. Device keys are written as differences, because
// targets are mostly in order.
func Encode(targets []Target) []byte {
	version := byte(plain)
	if slices.ContainsFunc(targets, func(t Target) bool { return t.Badge != 0 }) {
		version = badges
	}
	b := make([]byte, 0, 3+len(targets)*(fieldsOf(version)+4))
	b = append(b, version)
	b = binary.AppendUvarint(b, uint64(len(targets)))
	var last int64
	for _, t := range targets {
		b = binary.AppendVarint(b, t.Device-last)
		b = binary.AppendVarint(b, t.User)
		b = binary.AppendVarint(b, t.Epoch)
		b = binary.AppendVarint(b, t.Seq)
		if version == badges {
			b = binary.AppendUvarint(b, uint64(t.Badge)) //nolint:gosec // A badge is not negative.
		}
		last = t.Device
	}
	return b
}

// Decode unpacks what Encode made.
func Decode(b []byte) ([]Target, error) {
	if len(b) == 0 || b[0] < plain || b[0] > badges {
		return nil, errors.New("targets: unknown version; the store was written by a newer dispatcher or is damaged")
	}
	version := b[0]
	r := reader{rest: b[1:]}
	n := r.count(message.MaxTargets)
	if n > message.MaxTargets || n > len(r.rest)/fieldsOf(version) {
		return nil, fmt.Errorf("targets: a count of %d in %d bytes is damaged", n, len(b))
	}
	targets := make([]Target, n)
	var last int64
	for i := range targets {
		last += r.varint()
		targets[i] = Target{Target: message.Target{Device: last}, User: r.varint()}
		targets[i].Epoch, targets[i].Seq = r.varint(), r.varint()
		if version == badges {
			targets[i].Badge = int32(r.count(message.MaxBadge)) //nolint:gosec // It is small.
			r.bad = r.bad || targets[i].Badge > message.MaxBadge
		}
	}
	if r.bad || len(r.rest) > 0 {
		return nil, errors.New("targets: damaged")
	}
	return targets, nil
}

// reader takes varints off a buffer and remembers if one was bad.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.rest)
	r.skip(n)
	return v
}

// count reads a number of at most limit; a larger one comes as limit+1.
func (r *reader) count(limit uint64) int {
	v, n := binary.Uvarint(r.rest)
	r.skip(n)
	return int(min(v, limit+1)) //nolint:gosec // It is small.
}

func (r *reader) skip(n int) {
	if n <= 0 {
		r.bad, r.rest = true, nil
		return
	}
	r.rest = r.rest[n:]
}

// Plain leaves the users out.
func Plain(targets []Target) []message.Target {
	out := make([]message.Target, len(targets))
	for i, t := range targets {
		out[i] = t.Target
	}
	return out
}
