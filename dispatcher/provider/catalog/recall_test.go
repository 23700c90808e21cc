package catalog

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/client/payload"
	"github.com/offlinepush/operator/dispatcher/client/simphone"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/providertest"
)

// TestARecallReplacesTheNotification on the phones of every vendor of this table, and says what it does.
func TestARecallReplacesTheNotification(t *testing.T) {
	t.Parallel()
	for vendor, start := range benches() {
		t.Run(string(vendor), func(t *testing.T) {
			t.Parallel()
			b := start(t)
			p := b.provider(t)
			id, target := b.phone(t)
			n := providertest.Notification()
			n.ReplaceID = n.MessageID
			expect(t, p.Send(t.Context(), n, []provider.Target{target}), message.Accepted)
			recall := n
			recall.MessageID, recall.Content = "019a0000-0000-7000-8000-000000000002", "took a message back"
			recall.DedupID, recall.Operation, recall.Of = recall.MessageID, "recall", n.MessageID
			expect(t, p.Send(t.Context(), recall, []provider.Target{target}), message.Accepted)
			arrivals, err := b.sim.Notifications(t.Context(), id, 1, 10*time.Second)
			must(t, err)
			if len(arrivals) != 1 || arrivals[0].Replaces != 1 {
				t.Fatalf("got %+v", arrivals)
			}
			got, err := payload.Read(b.row.Vendor, simphone.Raw(arrivals[0].Content))
			must(t, err)
			want := payload.Payload{
				Title: n.Title, Content: recall.Content, Payload: n.Payload,
				Envelope: payload.Envelope{Version: 1, MessageID: recall.MessageID, User: "u", Operation: "recall", Of: n.MessageID},
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
