package http_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/report"
	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// letters waits for as many dead letters with the reason. The answers are not searched for secrets: they tell what was said.
func (w *world) letters(t *testing.T, reason string, n int) (found []wire.DeadLetter) {
	t.Helper()
	server := client.NewServer(w.disp.ServerURL, w.doc.Auth.ServerKeys[0].Reveal(), nil)
	until(t, fmt.Sprintf("%d pushes have failed with %s", n, reason), func() error {
		page := must1(server.DeadLetters(t.Context(), wire.LetterFilter{Reason: reason}, ""))(t)
		if found = page.Letters; len(found) != n {
			return fmt.Errorf("there are %d", len(found))
		}
		return nil
	})
	return found
}

// What a vendor refuses is kept, through a kill, and shows on the phone once it is sent again: a push whose category was
// wrong, and one to a good token that a wrong credential made look dead.
func TestDeadLetters(t *testing.T) {
	t.Parallel()
	for _, store := range eachStore() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, store)
			h := w.newPhone(t, vendors()[1])
			h.bind(t, "bob")
			since := time.Now().Add(-time.Minute)
			w.fault(t, h.row, traffic.Fault{Code: "27001", Count: 1})
			refused := w.newMessage("alice", "bob")
			sent := w.send(t, refused)
			letter := w.letters(t, "Rejected", 1)[0]
			if letter.MessageID != sent.MessageID || letter.Code != "27001" || letter.UserID != "bob" || letter.Push.Title != refused.Push.Title {
				t.Errorf("the letter: %+v", letter)
			}
			w.fault(t, h.row, traffic.Fault{Code: "66007", Count: 1})
			lost := w.newMessage("alice", "bob")
			w.send(t, lost)
			w.letters(t, "InvalidToken", 1)
			w.disp.Kill()
			w.disp.Start(t)
			again := must1(w.server().RequeueDeadLetters(t.Context(), wire.ChangeLetters{LetterFilter: wire.LetterFilter{IDs: []int64{letter.ID}}}))(t)
			if again.Requeued != 0 {
				t.Errorf("a push to a token in quarantine goes out again: %+v", again)
			}
			restored := w.disp.Restore(t, report.Restore{Channel: h.row, Since: since, Retry: true})
			if want := (report.Restored{Tokens: 1, Requeued: 1}); restored != want {
				t.Errorf("restored %+v, want %+v", restored, want)
			}
			again = must1(w.server().RequeueDeadLetters(t.Context(), wire.ChangeLetters{All: true}))(t)
			if again.Requeued != 1 {
				t.Errorf("requeued %+v", again)
			}
			shown := map[string]bool{}
			for _, a := range h.arrivals(t, 2) {
				shown[a.Title] = true
			}
			if !shown[refused.Push.Title] || !shown[lost.Push.Title] {
				t.Errorf("the phone shows %v", shown)
			}
			w.settled(t)
			if a := w.disp.Report(t).Account; a.Admitted != 4 || a.Handed != 2 || a.Failed != 1 || a.Quarantined != 1 {
				t.Errorf("the account: %+v", a)
			}
			if counts := must1(w.server().CountDeadLetters(t.Context(), wire.LetterFilter{}))(t); counts.Total != 0 {
				t.Errorf("left: %+v", counts)
			}
		})
	}
}
