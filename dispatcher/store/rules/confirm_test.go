package rules

import (
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/store"
)

func TestUnconfirmed(t *testing.T) {
	t.Parallel()
	open := map[int64]int64{9: 1, 3: 4, 5: 2}
	got := Unconfirmed(open, []store.EpochChange{{Device: 5, Epoch: 3}, {Device: 7, Epoch: 1}})
	if diff := cmp.Diff([]store.EpochChange{{Device: 3, Epoch: 4}, {Device: 9, Epoch: 1}}, got); diff != "" {
		t.Error(diff)
	}
	if got := Unconfirmed(nil, nil); len(got) != 0 {
		t.Errorf("of nothing: %v", got)
	}
}

func TestNewest(t *testing.T) {
	t.Parallel()
	got := Newest([]store.EpochChange{{Device: 1, Epoch: 2}, {Device: 2, Epoch: 5}, {Device: 1, Epoch: 4}, {Device: 1, Epoch: 3}})
	if want := map[int64]int64{1: 4, 2: 5}; !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
