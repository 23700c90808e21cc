package message

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Rule is what a user wants of pushes (ZIM's updateUserOfflinePushRule, and quiet hours). Each change replaces all of it.
type Rule struct {
	// OfflinePush is the switch of all pushes, MessagePush that of messages and CallPush that of calls.
	OfflinePush bool `json:"offlinePush"`
	MessagePush bool `json:"messagePush"`
	CallPush    bool `json:"callPush"`
	// While a device of one of OnlinePlatforms is online, those of NotToReceiveOfflinePushPlatforms are not pushed.
	OnlinePlatforms                  []string `json:"onlinePlatforms,omitempty"`
	NotToReceiveOfflinePushPlatforms []string `json:"notToReceiveOfflinePushPlatforms,omitempty"`
	// QuietHours is nil when there are none.
	QuietHours *QuietHours `json:"quietHours,omitempty"`
}

// QuietHours is the part of each day in which the user is not pushed.
type QuietHours struct {
	// Start and End are HH:MM of the wall clock in the time zone. The window is over at End, which may be on the next day.
	Start string `json:"start"`
	End   string `json:"end"`
	// TimeZone is an IANA name, such as Europe/Berlin.
	TimeZone string `json:"timeZone"`
	// AllowCalls pushes calls all the same.
	AllowCalls bool `json:"allowCalls,omitempty"`
}

// MaxPlatforms is the longest list of platforms in a rule.
const MaxPlatforms = 16

const maxTimeZone = 64

// DefaultRule is that of a user who never set one: everything is pushed.
func DefaultRule() Rule { return Rule{OfflinePush: true, MessagePush: true, CallPush: true} }

// Check gives the first field that breaks its rule, as a *FieldError.
func (r Rule) Check() error {
	if err := checkPlatforms("onlinePlatforms", r.OnlinePlatforms); err != nil {
		return err
	}
	if err := checkPlatforms("notToReceiveOfflinePushPlatforms", r.NotToReceiveOfflinePushPlatforms); err != nil {
		return err
	}
	if r.QuietHours == nil {
		return nil
	}
	return r.QuietHours.check()
}

func checkPlatforms(field string, platforms []string) error {
	if len(platforms) > MaxPlatforms {
		return &FieldError{Field: field, Problem: fmt.Sprintf("must hold at most %d platforms, holds %d", MaxPlatforms, len(platforms))}
	}
	for i, p := range platforms {
		if err := CheckID(fmt.Sprintf("%s[%d]", field, i), p); err != nil {
			return err
		}
	}
	return nil
}

func (q *QuietHours) check() error {
	const field = "quietHours."
	if _, err := minuteOf(q.Start); err != nil {
		return &FieldError{Field: field + "start", Problem: err.Error()}
	}
	if _, err := minuteOf(q.End); err != nil {
		return &FieldError{Field: field + "end", Problem: err.Error()}
	}
	if q.Start == q.End {
		return &FieldError{Field: field + "end", Problem: "must differ from start; to be quiet all day, set offlinePush to false"}
	}
	if _, err := location(q.TimeZone); err != nil {
		return &FieldError{Field: field + "timeZone", Problem: "must be a name of the IANA time zone database, such as Europe/Berlin"}
	}
	return nil
}

// Cover reports whether the time is in the quiet hours, by the wall clock there: on a day on which the clock is
// changed the window is an hour shorter or longer. What is no window covers nothing.
func (q *QuietHours) Cover(t time.Time) bool {
	if q == nil {
		return false
	}
	start, startErr := minuteOf(q.Start)
	end, endErr := minuteOf(q.End)
	zone, zoneErr := location(q.TimeZone)
	if startErr != nil || endErr != nil || zoneErr != nil {
		return false
	}
	local := t.In(zone)
	now := local.Hour()*60 + local.Minute()
	if start <= end {
		return start <= now && now < end
	}
	return now >= start || now < end
}

var clock = regexp.MustCompile(`^([01][0-9]|2[0-3]):[0-5][0-9]$`)

// minuteOf is the minute of the day.
func minuteOf(hhmm string) (int, error) {
	if !clock.MatchString(hhmm) {
		return 0, errors.New("must be a time of day from 00:00 to 23:59, such as 22:30")
	}
	return int(hhmm[0]-'0')*600 + int(hhmm[1]-'0')*60 + int(hhmm[3]-'0')*10 + int(hhmm[4]-'0'), nil
}

// zones are the loaded locations by name: there are some hundred.
var zones sync.Map

// location is time.LoadLocation without reading a zone twice. Local is this machine's and no name of a place.
func location(name string) (*time.Location, error) {
	if known, ok := zones.Load(name); ok {
		return known.(*time.Location), nil
	}
	if name == "" || name == "Local" || len(name) > maxTimeZone {
		return nil, fmt.Errorf("%q is no time zone", name)
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, err
	}
	zones.Store(name, zone)
	return zone, nil
}

// Holds reports whether the platform is one of the list, whatever its case.
func Holds(platforms []string, platform string) bool {
	return slices.ContainsFunc(platforms, func(p string) bool { return strings.EqualFold(p, platform) })
}

// ConversationType says what a conversation is with.
type ConversationType string

// The types of conversations.
const (
	ConversationPeer  ConversationType = "Peer"
	ConversationGroup ConversationType = "Group"
)

// Conversation is one that a user can mute: with a peer, or of a group.
type Conversation struct {
	Type ConversationType `json:"type"`
	// ID is the peer's user id, or the group's.
	ID string `json:"id"`
}

// MaxMutes is the largest number of conversations that a user mutes.
const MaxMutes = 1000

// Check gives what is wrong, as a *FieldError.
func (c Conversation) Check(field string) error {
	if c.Type != ConversationPeer && c.Type != ConversationGroup {
		return &FieldError{Field: field + ".type", Problem: "must be Peer or Group"}
	}
	return CheckID(field+".id", c.ID)
}

// Conversation is the one that the message belongs to as its receivers see it: that of the group, or with the sender.
func (m Message) Conversation() Conversation {
	if m.Detail.GroupID != "" {
		return Conversation{ConversationGroup, m.Detail.GroupID}
	}
	return Conversation{ConversationPeer, m.Sender}
}
