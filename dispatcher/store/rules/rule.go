package rules

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

// checkRule keeps a change of a rule with the message that tells of it.
func (a *Accept) checkRule() error {
	c := a.Also.Rule
	if c == nil {
		return nil
	}
	if _, ok := slices.BinarySearch(a.Recipients, c.UserID); !ok {
		return fmt.Errorf("message %s: it changes the rule of user %q, who is no recipient", a.Message.ID, c.UserID)
	}
	return nil
}

// EncodeRule is a rule as it is stored.
func EncodeRule(r message.Rule) string {
	b, _ := json.Marshal(r) // Plain texts and switches always encode.
	return string(b)
}

// ConversationKey is a conversation as it is stored; keys sort by type and id. That of no conversation is empty.
func ConversationKey(c message.Conversation) string {
	if c == (message.Conversation{}) {
		return ""
	}
	return string(c.Type) + ":" + c.ID
}

// ConversationKeys are those of several.
func ConversationKeys(cs []message.Conversation) []string {
	out := make([]string, len(cs))
	for i, c := range cs {
		out[i] = ConversationKey(c)
	}
	return out
}

// ConversationOf is the conversation of a key.
func ConversationOf(key string) message.Conversation {
	kind, id, _ := strings.Cut(key, ":")
	return message.Conversation{Type: message.ConversationType(kind), ID: id}
}

// Recipients collects what a store reads about users.
type Recipients map[string]store.Recipient

// AddUser takes the facts of a user; rule is empty without one, onlineUntil and loggedInAt are Unix milliseconds or 0.
func (r Recipients) AddUser(userID, rule string, onlineUntil, loggedInAt int64) error {
	of := r[userID]
	of.LoggedIn = of.LoggedIn || loggedInAt > 0
	if onlineUntil > 0 {
		of.OnlineUntil = time.UnixMilli(onlineUntil).UTC()
	}
	if rule != "" {
		of.Rule = &message.Rule{}
		if err := json.Unmarshal([]byte(rule), of.Rule); err != nil {
			return fmt.Errorf("the stored rule of a user is damaged: %w", err)
		}
	}
	r[userID] = of
	return nil
}

// AddMuted takes a muted conversation of a user.
func (r Recipients) AddMuted(userID, key string) {
	of := r[userID]
	if c := ConversationOf(key); !slices.Contains(of.Muted, c) {
		of.Muted = append(of.Muted, c)
	}
	r[userID] = of
}

// AddDevice takes a bound device: its user has logged in, also where a dispatcher of an earlier version noted no time of it.
func (r Recipients) AddDevice(d message.Device) {
	of := r[d.UserID]
	of.LoggedIn = true
	if !slices.ContainsFunc(of.Devices, func(known message.Device) bool { return known.Key == d.Key }) {
		of.Devices = append(of.Devices, d)
	}
	r[d.UserID] = of
}

// Sorted has the devices in their order.
func (r Recipients) Sorted() map[string]store.Recipient {
	for _, of := range r {
		slices.SortFunc(of.Devices, func(a, b message.Device) int { return strings.Compare(a.PushID, b.PushID) })
	}
	return r
}

// Asks are the asked users, each once, and the pairs of user and conversation key, of asks that name one.
func Asks(asks []store.Ask) (users, mutedBy, keys []string) {
	seen, pairs := map[string]bool{}, map[store.Ask]bool{}
	for _, a := range asks {
		if !seen[a.UserID] {
			seen[a.UserID], users = true, append(users, a.UserID)
		}
		if a.In != (message.Conversation{}) && !pairs[a] {
			pairs[a] = true
			mutedBy, keys = append(mutedBy, a.UserID), append(keys, ConversationKey(a.In))
		}
	}
	return users, mutedBy, keys
}
