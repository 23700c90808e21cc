package packed_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store/packed"
)

func target(device, user, epoch, seq int64) packed.Target {
	return packed.Target{User: user, Target: message.Target{Device: device, Epoch: epoch, Seq: seq}}
}

func shown(t packed.Target, badge int32) packed.Target {
	t.Badge = badge
	return t
}

// TestTargetsOfBeforeTheBadges: rows of an older dispatcher are read, and it reads those that have no badges.
func TestTargetsOfBeforeTheBadges(t *testing.T) {
	t.Parallel()
	old := []byte{1, 2, 2, 4, 6, 8, 10, 12, 14, 16}
	want := []packed.Target{target(1, 2, 3, 4), target(6, 6, 7, 8)}
	got, err := packed.Decode(old)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if diff := cmp.Diff(old, packed.Encode(want)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	var most []packed.Target
	for i := range int64(message.MaxTargets) {
		most = append(most, target(1<<40+i, i/3, i%9, i*i))
	}
	for name, want := range map[string][]packed.Target{
		"none":      {},
		"one":       {target(1, 2, 3, 4)},
		"unordered": {target(9, 1, 1, 1), target(3, 1, 1, 2), target(7, 2, 5, 0)},
		"extremes":  {target(math.MaxInt64, math.MaxInt64, math.MaxInt64, 0), target(math.MinInt64, -1, math.MinInt64, -1)},
		"most":      most,
		"badges":    {shown(target(1, 2, 3, 4), 1), target(5, 6, 7, 8), shown(target(6, 6, 7, 8), message.MaxBadge)},
	} {
		got, err := packed.Decode(packed.Encode(want))
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
	if size := len(packed.Encode(most)); size > 12*len(most) {
		t.Errorf("%d bytes for %d targets", size, len(most))
	}
}

func TestDecodeRefusesDamage(t *testing.T) {
	t.Parallel()
	good := packed.Encode([]packed.Target{target(300, 2, 3, 4), target(301, 2, 3, 5)})
	bad := map[string][]byte{
		"nothing":          nil,
		"newer version":    append([]byte{3}, good[1:]...),
		"no version":       append([]byte{0}, good[1:]...),
		"badges missing":   append([]byte{2}, good[1:]...),
		"huge badge":       {2, 1, 2, 4, 6, 8, 0xa0, 0x8d, 0x06},
		"more bytes":       append(append([]byte{}, good...), 0),
		"huge count":       {1, 0xff, 0xff, 0xff, 0xff, 0x0f},
		"endless varint":   {1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01},
		"count, no target": {1, 1},
	}
	for i := range len(good) {
		bad["cut at "+string(rune('a'+i))] = good[:i]
	}
	for name, b := range bad {
		if got, err := packed.Decode(b); err == nil {
			t.Errorf("%s: decoded %v", name, got)
		}
	}
}

// FuzzDecode: whatever is in the database, decoding neither panics nor takes
// much memory, and what it accepts means the same when it is written again.
func FuzzDecode(f *testing.F) {
	f.Add(packed.Encode(nil))
	f.Add(packed.Encode([]packed.Target{target(1, 2, 3, 4), target(5, 6, 7, 8)}))
	f.Add([]byte{1, 0xe8, 0x07})
	f.Add(packed.Encode([]packed.Target{shown(target(1, 2, 3, 4), 7), target(5, 6, 7, 8)}))
	f.Fuzz(func(t *testing.T, b []byte) {
		targets, err := packed.Decode(b)
		if err != nil {
			return
		}
		again, err := packed.Decode(packed.Encode(targets))
		if diff := cmp.Diff(targets, again); diff != "" || err != nil {
			t.Errorf("%v:\n%s", err, diff)
		}
	})
}
