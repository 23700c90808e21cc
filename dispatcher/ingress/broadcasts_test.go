package ingress_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// connect makes a session of the user's device, without one.
func connect(t *testing.T, bed *planetest.Bed, userID string) {
	t.Helper()
	_, d := bed.Phone(t, "FCM", userID)
	if _, err := bed.Store.Connect(t.Context(), []store.Session{{Device: d.Key, Epoch: d.Epoch, Number: 1}}); err != nil {
		t.Fatal(err)
	}
}

func TestBroadcastModes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		mode            string
		online, offline int   // inbox entries
		rows            []int // targets
		targets         int64
	}{
		{"OnlineOnly", 1, 0, nil, 0},
		{"OnlineAndOffline", 1, 0, []int{1, 1}, 2}, // one waits for an acknowledgement
		{"Everyone", 0, 0, []int{2}, 2},
	} {
		t.Run(tt.mode, func(t *testing.T) {
			t.Parallel()
			bed := planetest.New(t)
			s := serverOf(bed)
			connect(t, bed, "anna")
			bed.Phone(t, "FCM", "bert")
			bed.Phone(t, "FCM", "") // nobody's
			b, err := s.Broadcast(t.Context(), wire.SendBroadcast{
				ClientID: "c", From: "operator", Mode: tt.mode, Body: "news", Push: &wire.Push{Title: "News"},
			})
			if err != nil {
				t.Fatal(err)
			}
			expanded(t, bed)
			if on, off := len(inbox(t, bed, "anna")), len(inbox(t, bed, "bert")); on != tt.online || off != tt.offline {
				t.Errorf("inbox entries: %d of who is online, %d of who is not, want %d and %d", on, off, tt.online, tt.offline)
			}
			eventually(t, "the rows", func() bool { return len(bed.Rows.All()) >= len(tt.rows) })
			var sizes []int
			for _, row := range bed.Rows.All() {
				sizes = append(sizes, len(row.Targets))
				for _, target := range row.Targets {
					if tt.mode == "Everyone" && target.Seq != 0 {
						t.Errorf("a target has place %d, want none", target.Seq)
					}
				}
			}
			if diff := cmp.Diff(tt.rows, sizes); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
			got, err := s.BroadcastStatus(t.Context(), b.BroadcastID)
			if err != nil || got.State != "Done" || got.Users != 2 || got.Targets != tt.targets || got.FinishedAt == nil || got.From != "operator" || got.Mode != tt.mode {
				t.Errorf("afterwards: %+v, %v", got, err)
			}
		})
	}
}

func TestBroadcastLimitAndRepetition(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	s := serverOf(bed)
	m := wire.SendBroadcast{ClientID: "c", From: "operator", Mode: "OnlineOnly", Body: "news"}
	first, err := s.Broadcast(t.Context(), m)
	if err != nil || first.Duplicate {
		t.Fatalf("%+v, %v", first, err)
	}
	again, err := s.Broadcast(t.Context(), m)
	if err != nil || !again.Duplicate || again.BroadcastID != first.BroadcastID {
		t.Errorf("repeated: %+v, %v", again, err)
	}
	m.ClientID = "d"
	eventually(t, "a refusal, unless the broadcasts were a second apart", func() bool {
		b, err := s.Broadcast(t.Context(), m)
		if err == nil {
			m.ClientID += "d"
			return b.StartedAt.Before(first.StartedAt.Add(time.Second)) // which must not be
		}
		wantProblem(t, "too early", err, problem{http.StatusTooManyRequests, wire.CodeRateLimited, ""})
		return true
	})
	all, err := s.Broadcasts(t.Context())
	if err != nil || len(all) == 0 || all[len(all)-1].BroadcastID != first.BroadcastID {
		t.Errorf("%+v, %v", all, err)
	}
	for i, b := range all[:len(all)-1] {
		if b.StartedAt.Sub(all[i+1].StartedAt) < time.Second {
			t.Errorf("two broadcasts are less than a second apart: %+v", all)
		}
	}
}

func TestBroadcastJobs(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	s := serverOf(bed)
	b, err := s.Broadcast(t.Context(), wire.SendBroadcast{ClientID: "c", From: "operator", Mode: "Everyone", Body: "news"})
	if err != nil {
		t.Fatal(err)
	}
	expanded(t, bed)
	const conflict, gone = http.StatusConflict, http.StatusNotFound
	_, err = s.PauseBroadcast(t.Context(), b.BroadcastID)
	wantProblem(t, "pausing what is done", err, problem{conflict, wire.CodeEnded, ""})
	_, err = s.ResumeBroadcast(t.Context(), b.BroadcastID)
	wantProblem(t, "resuming what is done", err, problem{conflict, wire.CodeEnded, ""})
	_, err = s.CancelBroadcast(t.Context(), b.BroadcastID)
	wantProblem(t, "cancelling what is done", err, problem{conflict, wire.CodeEnded, ""})
	_, err = s.BroadcastStatus(t.Context(), "nothing")
	wantProblem(t, "asking for nothing", err, problem{gone, wire.CodeNotFound, ""})
	_, err = s.CancelBroadcast(t.Context(), b.BroadcastID[:35]+"x")
	wantProblem(t, "cancelling nothing", err, problem{gone, wire.CodeNotFound, ""})
	_, err = s.Broadcast(t.Context(), wire.SendBroadcast{ClientID: "d", From: "operator", Mode: "Some", Body: "news"})
	wantProblem(t, "an unknown mode", err, problem{http.StatusUnprocessableEntity, wire.CodeInvalidRequest, ""})
}
