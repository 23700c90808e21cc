// Package packed encodes the targets of a delivery as one small value, so that
// a row of work for a thousand devices is one row.
package packed

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/offlinepush/operator/dispatcher/message"
)

// Target is a message's target with the store's key of the user it was for.
type Target struct {
	message.Target
	User int64
}

// version leads every encoding, so that a later one can be told apart.
const version = 1

// fields is the number of varints of one target, and so its least size.
const fields = 4

// Encode packs targets. Device keys are written as differences, because
// targets are mostly in order.
func Encode(targets []Target) []byte {
	b := make([]byte, 0, 3+len(targets)*(fields+4))
	b = append(b, version)
	b = binary.AppendUvarint(b, uint64(len(targets)))
	var last int64
	for _, t := range targets {
		b = binary.AppendVarint(b, t.Device-last)
		b = binary.AppendVarint(b, t.User)
		b = binary.AppendVarint(b, t.Epoch)
		b = binary.AppendVarint(b, t.Seq)
		last = t.Device
	}
	return b
}

// Decode unpacks what Encode made.
func Decode(b []byte) ([]Target, error) {
	if len(b) == 0 || b[0] != version {
		return nil, errors.New("targets: unknown version; the store was written by a newer dispatcher or is damaged")
	}
	r := reader{rest: b[1:]}
	n := r.count()
	if n > message.MaxTargets || n > len(r.rest)/fields {
		return nil, fmt.Errorf("targets: a count of %d in %d bytes is damaged", n, len(b))
	}
	targets := make([]Target, n)
	var last int64
	for i := range targets {
		last += r.varint()
		targets[i] = Target{Target: message.Target{Device: last}, User: r.varint()}
		targets[i].Epoch, targets[i].Seq = r.varint(), r.varint()
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

func (r *reader) count() int {
	v, n := binary.Uvarint(r.rest)
	r.skip(n)
	return int(min(v, message.MaxTargets+1))
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
