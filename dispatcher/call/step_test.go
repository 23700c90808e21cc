package call

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/message"
)

var start = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

const ring = 90 * time.Second

// story plays a call step by step.
type story struct {
	*testing.T
	call message.Call
	now  time.Time
	told message.CallNotice
}

// calling is a call of anna's that rings.
func calling(t *testing.T, to ...string) *story {
	t.Helper()
	s := &story{T: t, now: start}
	s.must(s.step(Event{Action: message.CallInvite, CallID: "c", By: "anna", To: to, Ring: ring, MessageID: "m1", Push: &message.PushConfig{Title: "t"}}))
	return s
}

func (s *story) step(e Event) (err error) {
	s.call, s.told, err = Step(s.call, e, s.now)
	return err
}

func (s *story) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// do takes a line such as "bert accepts".
func (s *story) do(line string) error {
	words := strings.Fields(line)
	if words[0] == "wait" {
		d, err := time.ParseDuration(words[1])
		s.must(err)
		s.now = s.now.Add(d)
		return s.step(Event{Action: message.CallTimeout})
	}
	actions := map[string]message.CallAction{
		"invites": message.CallInvite, "accepts": message.CallAccept, "rejects": message.CallReject,
		"cancels": message.CallCancel, "quits": message.CallQuit, "ends": message.CallEnd,
	}
	e := Event{Action: actions[words[1]], By: words[0], To: words[2:], Ring: ring}
	if e.Action == message.CallInvite {
		e.MessageID, e.Push = fmt.Sprint("m", s.call.Version+1), &message.PushConfig{Title: "t"}
	}
	if e.Action == message.CallAccept {
		e.Device, e.To = strings.Join(words[2:], " "), nil
	}
	return s.step(e)
}

// where shows the state of the call and its members.
func (s *story) where() string {
	out := []string{string(s.call.State) + string(s.call.Reason)}
	for _, m := range s.call.Members {
		out = append(out, m.UserID+":"+string(m.State))
	}
	return strings.Join(out, " ")
}

func TestStories(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		steps, want string
		err         error
	}{
		{"", "Ringing anna:Accepted bert:Invited carl:Invited", nil},
		{"bert accepts", "Ongoing anna:Accepted bert:Accepted carl:Invited", nil},
		{"bert accepts; bert accepts", "Ongoing anna:Accepted bert:Accepted carl:Invited", ErrNothing},
		{"bert accepts on a; bert accepts on b", "Ongoing anna:Accepted bert:Accepted carl:Invited", ErrAnswered},
		{"bert accepts; bert rejects", "Ongoing anna:Accepted bert:Accepted carl:Invited", ErrAnswered},
		{"bert rejects", "Ringing anna:Accepted bert:Rejected carl:Invited", nil},
		{"bert rejects; bert rejects", "Ringing anna:Accepted bert:Rejected carl:Invited", ErrNothing},
		{"bert rejects; bert accepts", "Ringing anna:Accepted bert:Rejected carl:Invited", ErrOver},
		{"bert rejects; carl rejects", "EndedRejected anna:Ended bert:Rejected carl:Rejected", nil},
		{"anna accepts", "Ringing anna:Accepted bert:Invited carl:Invited", ErrNotInvited},
		{"anna rejects", "Ringing anna:Accepted bert:Invited carl:Invited", ErrNotInvited},
		{"dora accepts", "Ringing anna:Accepted bert:Invited carl:Invited", ErrNotInvited},
		{"dora rejects", "Ringing anna:Accepted bert:Invited carl:Invited", ErrNotInvited},
		{"anna cancels", "EndedCancelled anna:Ended bert:Cancelled carl:Cancelled", nil},
		{"anna cancels bert", "Ringing anna:Accepted bert:Cancelled carl:Invited", nil},
		{"anna cancels bert; bert rejects", "Ringing anna:Accepted bert:Cancelled carl:Invited", ErrOver},
		{"anna cancels bert; carl rejects", "EndedRejected anna:Ended bert:Cancelled carl:Rejected", nil},
		{"bert accepts; anna cancels", "Ongoing anna:Accepted bert:Accepted carl:Cancelled", nil},
		{"bert accepts; anna cancels; anna cancels", "Ongoing anna:Accepted bert:Accepted carl:Cancelled", ErrAnswered},
		{"bert accepts; anna cancels bert", "Ongoing anna:Accepted bert:Accepted carl:Invited", ErrAnswered},
		{"anna cancels dora", "Ringing anna:Accepted bert:Invited carl:Invited", ErrNotInvited},
		{"bert cancels", "Ringing anna:Accepted bert:Invited carl:Invited", ErrNotCaller},
		{"bert accepts; anna quits; anna cancels", "Ongoing anna:Quit bert:Accepted carl:Invited", ErrNotInCall},
		{"anna quits", "Ringing anna:Accepted bert:Invited carl:Invited", ErrNotInCall},
		{"bert quits", "Ringing anna:Accepted bert:Invited carl:Invited", ErrNotInCall},
		{"dora quits", "Ringing anna:Accepted bert:Invited carl:Invited", ErrNotInCall},
		{"bert accepts; bert quits", "Ongoing anna:Accepted bert:Quit carl:Invited", nil},
		{"bert accepts; bert quits; bert quits", "Ongoing anna:Accepted bert:Quit carl:Invited", ErrNothing},
		{"bert accepts; anna quits", "Ongoing anna:Quit bert:Accepted carl:Invited", nil},
		{"bert accepts; anna quits; bert quits", "EndedQuit anna:Quit bert:Quit carl:Cancelled", nil},
		{"bert accepts; carl accepts; anna quits; bert quits", "EndedQuit anna:Quit bert:Quit carl:Ended", nil},
		{"bert accepts; bert quits; carl rejects", "EndedRejected anna:Ended bert:Quit carl:Rejected", nil},
		{"anna ends", "EndedEnded anna:Ended bert:Cancelled carl:Cancelled", nil},
		{"bert ends", "Ringing anna:Accepted bert:Invited carl:Invited", ErrNotInCall},
		{"bert accepts; bert ends", "EndedEnded anna:Ended bert:Ended carl:Cancelled", nil},
		{"bert accepts; dora ends", "Ongoing anna:Accepted bert:Accepted carl:Invited", ErrNotInCall},
		{"wait 89s", "Ringing anna:Accepted bert:Invited carl:Invited", ErrNothing},
		{"wait 90s", "EndedTimedOut anna:Ended bert:TimedOut carl:TimedOut", nil},
		{"wait 24h", "EndedExpired anna:Ended bert:TimedOut carl:TimedOut", nil},
		{"bert accepts; wait 90s", "Ongoing anna:Accepted bert:Accepted carl:TimedOut", nil},
		{"bert accepts; wait 90s; bert quits", "EndedQuit anna:Ended bert:Quit carl:TimedOut", nil},
		{"bert accepts; wait 90s; wait 24h", "EndedExpired anna:Ended bert:Ended carl:TimedOut", nil},
		{"bert invites dora", "Ringing anna:Accepted bert:Invited carl:Invited", ErrNotInCall},
		{"anna invites dora", "Ringing anna:Accepted bert:Invited carl:Invited dora:Invited", nil},
		{"bert accepts; bert invites dora", "Ongoing anna:Accepted bert:Accepted carl:Invited dora:Invited", nil},
		{"anna invites bert", "Ringing anna:Accepted bert:Invited carl:Invited", ErrInvitedAlready},
		{"anna invites anna", "Ringing anna:Accepted bert:Invited carl:Invited", ErrInvitedAlready},
		{"anna invites dora dora", "Ringing anna:Accepted bert:Invited carl:Invited", ErrInvitedAlready},
		{"anna invites", "Ringing anna:Accepted bert:Invited carl:Invited", ErrNothing},
		{"anna invites 1 2 3 4 5 6 7 8", "Ringing anna:Accepted bert:Invited carl:Invited", ErrFull},
		{"bert rejects; anna invites bert; bert accepts", "Ongoing anna:Accepted bert:Accepted carl:Invited", nil},
		{"bert accepts; bert quits; anna invites bert", "Ongoing anna:Accepted bert:Invited carl:Invited", nil},
		{"bert accepts; anna quits; bert invites anna; anna accepts", "Ongoing anna:Accepted bert:Accepted carl:Invited", nil},
	} {
		t.Run(tt.steps, func(t *testing.T) {
			t.Parallel()
			s := calling(t, "bert", "carl")
			var err error
			for line := range strings.SplitSeq(tt.steps, "; ") {
				if line != "" {
					s.must(err)
					err = s.do(line)
				}
			}
			if !errors.Is(err, tt.err) {
				t.Errorf("got %v, want %v", err, tt.err)
			}
			if got := s.where(); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			check(t, s.call)
		})
	}
}

// TestEndedIsFinal: whatever anybody does then, the call stays as it is.
func TestEndedIsFinal(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"anna cancels", "anna ends", "bert rejects", "wait 90s"} {
		s := calling(t, "bert")
		s.must(s.do(end))
		before := s.call
		for _, line := range []string{
			"anna invites carl", "bert accepts", "bert rejects", "anna cancels", "anna cancels bert", "anna quits", "bert quits", "anna ends", "wait 24h",
		} {
			if err := s.do(line); !errors.Is(err, ErrOver) && !errors.Is(err, ErrNothing) {
				t.Errorf("%s, then %s: %v", end, line, err)
			}
			if diff := cmp.Diff(before, s.call); diff != "" {
				t.Errorf("%s, then %s:\n%s", end, line, diff)
			}
		}
	}
}

// TestRingsNoMore: an invitation cannot be accepted once its time is over, whether or not a timer has said so.
func TestRingsNoMore(t *testing.T) {
	t.Parallel()
	s := calling(t, "bert")
	s.now = start.Add(ring)
	if err := s.do("bert accepts"); !errors.Is(err, ErrOver) {
		t.Errorf("got %v", err)
	}
	if s.call.Rings("bert", "m1", s.now) || !s.call.Rings("bert", "m1", start) {
		t.Error("it rings for longer or shorter than it should")
	}
	if s.call.Rings("bert", "m2", start) || s.call.Rings("anna", "m1", start) || s.call.Rings("dora", "m1", start) {
		t.Error("it rings by another message, or for somebody else")
	}
}

func TestNotices(t *testing.T) {
	t.Parallel()
	event := func(action message.CallAction, state message.CallState, by string, members ...string) message.CallEvent {
		return message.CallEvent{CallID: "c", Action: action, State: state, Caller: "anna", UserID: by, Members: members}
	}
	shown := &message.PushConfig{Title: "t"}
	for _, tt := range []struct {
		steps string
		want  []message.CallNotice
	}{
		{"bert accepts", []message.CallNotice{{
			Event: event("Accept", "Ongoing", "bert", "bert"), From: "bert", To: []string{"anna", "bert", "carl"},
		}}},
		{"bert rejects", []message.CallNotice{{
			Event: event("Reject", "Ringing", "bert", "bert"), From: "bert", To: []string{"anna", "bert", "carl"},
		}}},
		{"bert rejects; carl accepts", []message.CallNotice{{ // Bert is out
			Event: event("Accept", "Ongoing", "carl", "carl"), From: "carl", To: []string{"anna", "carl"},
		}}},
		{"anna cancels bert", []message.CallNotice{{
			Event: event("Cancel", "Ringing", "anna", "bert"), From: "anna", To: []string{"anna", "carl", "bert"}, PushTo: []string{"bert"},
			Push: shown, PushUntil: start.Add(ring), Replaces: "m1",
		}}},
		{"anna invites dora; anna cancels", []message.CallNotice{
			{
				Event: event("Cancel", "Ended", "anna", "bert", "carl", "dora", "anna"), From: "anna", To: []string{"anna", "bert", "carl"},
				PushTo: []string{"bert", "carl"}, Push: shown, PushUntil: start.Add(ring), Replaces: "m1",
			},
			{
				Event: event("Cancel", "Ended", "anna", "bert", "carl", "dora", "anna"), From: "anna", To: []string{"dora"},
				PushTo: []string{"dora"}, Push: shown, PushUntil: start.Add(ring), Replaces: "m2",
			},
		}},
		{"bert accepts; wait 90s; bert quits", []message.CallNotice{{
			Event: event("Quit", "Ended", "bert", "bert", "anna"), From: "bert", To: []string{"anna", "bert"},
		}}},
		{"bert accepts; wait 90s; anna quits", []message.CallNotice{{
			Event: event("Quit", "Ended", "anna", "anna", "bert"), From: "anna", To: []string{"anna", "bert"},
			PushTo: []string{"bert"}, Push: shown, PushUntil: start.Add(ring + time.Minute), Replaces: "m1",
		}}},
		{"wait 90s", []message.CallNotice{{ // what is shown stays, as a missed call
			Event: event("Timeout", "Ended", "", "bert", "carl", "anna"), From: "anna", To: []string{"anna", "bert", "carl"},
		}}},
		{"wait 24h", []message.CallNotice{{
			Event: event("End", "Ended", "", "bert", "carl", "anna"), From: "anna", To: []string{"anna", "bert", "carl"},
		}}},
	} {
		t.Run(tt.steps, func(t *testing.T) {
			t.Parallel()
			s := calling(t, "bert", "carl")
			for line := range strings.SplitSeq(tt.steps, "; ") {
				s.must(s.do(line))
			}
			got := []message.CallNotice{s.told}
			for len(s.call.Outbox) > 0 {
				if !s.call.Deadline().Before(s.now) && s.call.Deadline() != start {
					t.Error("what has to be told yet is not due")
				}
				s.must(s.step(Event{Action: message.CallTimeout}))
				got = append(got, s.told)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestReplacing(t *testing.T) {
	t.Parallel()
	shown := &message.PushConfig{
		Title: "Anna", Content: "calls", Payload: "p", ResourcesID: "call", ThreadID: "th", Image: "https://i.example/a.png",
		BadgeIncrement: 1, VoIP: &message.VoIP{HandleType: "Generic", HandleValue: "Anna"}, Mode: message.PushForce,
	}
	for _, tt := range []struct {
		name               string
		given, shown, want *message.PushConfig
	}{
		{"nothing of nothing", nil, nil, nil},
		{"what was shown, without the call and the badge", nil, shown, &message.PushConfig{
			Title: "Anna", Content: "calls", Payload: "p", ResourcesID: "call", ThreadID: "th", Image: "https://i.example/a.png", Mode: message.PushForce,
		}},
		{
			"the sender's words", &message.PushConfig{Title: "Missed", BadgeIncrement: 2, VoIP: shown.VoIP}, &message.PushConfig{Title: "Anna", Payload: "p"},
			&message.PushConfig{Title: "Missed", Payload: "p"},
		},
		{"the sender's, where nothing was shown", &message.PushConfig{Payload: "q"}, nil, &message.PushConfig{Payload: "q"}},
	} {
		if diff := cmp.Diff(tt.want, replacing(tt.given, tt.shown)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// check wants what holds of every call at any time.
func check(t *testing.T, c message.Call) {
	t.Helper()
	count := map[message.MemberState]int{}
	seen := map[string]bool{}
	for i, m := range c.Members {
		count[m.State]++
		if seen[m.UserID] {
			t.Errorf("%s is there twice", m.UserID)
		}
		seen[m.UserID] = true
		if i > 0 && !slices.ContainsFunc(c.Invitations, func(i message.CallInvitation) bool { return i.MessageID == m.Invitation }) {
			t.Errorf("%s has no invitation", m.UserID)
		}
	}
	in, rings := count[message.MemberAccepted], count[message.MemberInvited]
	problem := ""
	switch {
	case len(c.Members) < 2 || len(c.Members) > message.MaxInvitees+1:
		problem = "wrong number of members"
	case len(c.Invitations) > len(c.Members):
		problem = "more invitations than members"
	case c.State == message.CallEnded && (in+rings > 0 || c.Reason == "" || c.EndedAt.IsZero() || len(c.Outbox) == 0 && !c.Deadline().IsZero()):
		problem = "ended and not over"
	case c.State != message.CallEnded && (c.Reason != "" || in == 0 || in+rings < 2 || c.Deadline().IsZero()):
		problem = "nobody to talk to"
	case c.State == message.CallRinging && (in != 1 || c.Members[0].State != message.MemberAccepted):
		problem = "rings though somebody accepted"
	}
	if problem != "" {
		t.Errorf("%s: %+v", problem, c)
	}
}
