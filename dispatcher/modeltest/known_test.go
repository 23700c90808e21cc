package modeltest

import (
	"slices"
	"strings"
	"testing"
)

// TestKnownHistories runs histories that were wrong once, in the dispatcher or in
// the model, or that must never be left to chance. Each begins with four phones
// of which the first and the last are user 0's, as the generated ones do.
func TestKnownHistories(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		history []step
	}{
		{"an acknowledgement cancels the push", []step{
			{open, 0, 0, 0}, {sendPush, 3, 0, 1}, {wait, 0, 2, 0}, {ack, 0, 0, 0}, {wait, 0, 4, 0},
		}},
		{"a phone that falls silent is pushed after the window, and at once when it counts as offline", []step{
			{open, 0, 1, 0}, {silence, 0, 0, 0}, {sendPush, 3, 0, 1}, {wait, 0, 3, 0}, {wait, 0, 5, 0}, {sendPush, 3, 0, 1},
		}},
		{"two users switch on one phone while pushes are open", []step{
			{slow, 0, 0, 7}, {sendPush, 3, 0, 3}, {open, 0, 1, 1}, {sendPush, 3, 0, 3}, {bind, 0, 0, 0}, {sendPush, 3, 0, 3}, {logout, 0, 0, 0},
		}},
		{"a reinstallation takes the token from a user whose push is open", []step{
			{slow, 0, 1, 6}, {sendPush, 3, 0, 7}, {install, 1, 0, 0}, {bind, 1, 0, 2}, {sendPush, 3, 0, 7},
		}},
		{"a token moves to a phone of the same user while its push is open", []step{
			{logout, 2, 0, 0}, {bind, 2, 0, 1}, {slow, 0, 1, 6}, {open, 1, 0, 1}, {sendPush, 0, 0, 7}, {sendPush, 1, 0, 3}, {adopt, 1, 2, 0},
		}},
		{"a token comes back to a phone that was pushed without one", []step{
			{race, 2, 1, 2}, {bind, 1, 0, 0}, {sendPush, 2, 0, 3}, {adopt, 1, 1, 0},
		}},
		{"the dispatcher is killed between two calls of a delivery", []step{
			{bind, 2, 0, 1}, {slow, 0, 1, 4}, {sendPush, 3, 0, 2}, {install, 2, 0, 0}, {crash, 0, 0, 0},
		}},
		{"the dispatcher is killed while phones have time to acknowledge", []step{
			{open, 0, 0, 0}, {sendPush, 3, 0, 3}, {crash, 0, 0, 0}, {open, 0, 1, 0}, {wait, 0, 4, 0},
		}},
		{"phones come back after a rollout before they are pushed", []step{
			{open, 0, 0, 0}, {sendPush, 3, 0, 1}, {restart, 0, 0, 0}, {open, 0, 1, 0}, {wait, 0, 4, 0},
		}},
		{"the last device goes while a message comes", []step{{logout, 0, 0, 0}, {race, 3, 1, 3}}},
		{"a login while a message comes that the former session acknowledges", []step{{open, 1, 1, 1}, {race, 1, 2, 0}, {race, 1, 2, 6}}},
		{"a message is taken back while its push waits, and after", []step{
			{open, 0, 0, 0}, {sendPush, 3, 0, 3}, {recall, 0, 0, 0}, {wait, 0, 4, 0}, {sendPush, 3, 0, 3}, {wait, 0, 4, 0}, {recall, 0, 0, 1},
		}},
		{"a message is taken back while its push is open", []step{{slow, 0, 0, 7}, {sendPush, 3, 0, 1}, {recall, 0, 0, 1}}},
		{"what a user and a sender want of a push", []step{
			{mute, 1, 0, 0},
			{sendPush, 1, 0, 1},
			{sendForce, 1, 0, 1},
			{mute, 1, 1, 0},
			{sendPush, 1, 0, 1},
			{wishes, 0, 4, 0},
			{sendPush, 1, 0, 1},
			{sendForce, 1, 0, 1},
			{wishes, 0, 1, 0},
			{sendForce, 1, 0, 1},
			{wishes, 0, 5, 0},
			{open, 3, 0, 0},
			{sendPush, 1, 0, 1},
			{elsewhere, 0, 1, 0},
			{sendPush, 1, 0, 1},
		}},
		{"a call is cancelled while its push is open, and while it waits", []step{
			{slow, 0, 0, 7}, {callUp, 1, 3, 1}, {cancel, 1, 2, 0}, {wait, 0, 5, 0}, {open, 0, 0, 0}, {callUp, 1, 2, 1}, {cancel, 1, 0, 0}, {wait, 0, 4, 0},
		}},
		{"a call rings for who logs in, and does not any more for who logs in later", []step{
			{callUp, 1, 1, 1}, {open, 0, 0, 0}, {wait, 0, 4, 0}, {reread, 0, 1, 0},
		}},
		{"a call is answered on a phone while the other one has time to acknowledge", []step{
			{open, 0, 0, 0}, {callUp, 1, 2, 1}, {pickUp, 3, 0, 0}, {wait, 0, 4, 0}, {pickUp, 0, 0, 0}, {end, 1, 0, 0},
		}},
		{"invitations end by themselves after the dispatcher was killed, and while it is gone", []step{
			{callUp, 1, 1, 5}, {crash, 0, 0, 0}, {wait, 0, 4, 0}, {callUp, 1, 0, 5}, {restart, 0, 0, 0}, {wait, 0, 1, 0},
		}},
		{"two invitations of a call end by themselves within a few seconds", []step{{callUp, 1, 1, 1}, {invite, 1, 0, 4}, {wait, 0, 4, 0}}},
		{"who leaves while a message is brought to the group receives it, who joins does not", []step{
			{slow, 0, 0, 7}, {sendPush, 3, 0, 7}, {churn, 0, 0, 2}, {churn, 0, 4, 5}, {join, 0, 0, 7}, {mute, 3, 0, 1}, {sendGroup, 0, 1, 2}, {sendGroup, 0, 3, 2},
		}},
		{"a group is deleted and made again under members of before", []step{
			{sendGroup, 0, 0, 0}, {disband, 0, 0, 0}, {sendGroup, 0, 0, 0}, {join, 0, 0, 7}, {join, 0, 1, 4}, {sendGroup, 2, 0, 0}, {sendGroup, 0, 0, 0},
		}},
		{"all tokens of a row are called invalid", []step{
			{sendPush, 3, 0, 7}, {answer, 0, 3, 1}, {answer, 1, 3, 1}, {answer, 2, 3, 1}, {sendPush, 3, 0, 7}, {wait, 0, 5, 0}, {rotate, 0, 0, 0}, {sendPush, 3, 0, 7},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			history := slices.Concat(installed(), tt.history)
			if faults := inBubble(t, nil, history); len(faults) > 0 {
				t.Error(strings.Join(faults, "\n"))
			}
		})
	}
}
