package accept

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/router"
	"github.com/offlinepush/operator/dispatcher/store"
)

// A broadcast to everyone waits for no acknowledgement: neither of who is connected, nor of who was until a drain.
func TestEveryoneIsPushedAtOnce(t *testing.T) {
	t.Parallel()
	later := time.Unix(1000, 0)
	from := router.Recipient{UserID: "anna", OnlineUntil: later, Devices: []message.Device{
		{Key: 1, Session: 7}, {Key: 2, GraceUntil: later}, {Key: 3}, {Key: 4}, // the last one came after the start
	}}
	got, entry, ok := receiver(store.Expansion{Audience: store.Audience{Mode: store.Everyone}, DevicesUpTo: 3}, from)
	want := router.Recipient{UserID: "anna", Devices: []message.Device{{Key: 1}, {Key: 2}, {Key: 3}}}
	if diff := cmp.Diff(want, got); diff != "" || entry || !ok {
		t.Errorf("entry %t, ok %t (-want +got):\n%s", entry, ok, diff)
	}
	if from.Devices[0].Session != 7 {
		t.Error("what was read is changed")
	}
}
