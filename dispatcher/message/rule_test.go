package message_test

import (
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // for machines without the time zone database

	"github.com/offlinepush/operator/dispatcher/message"
)

func TestQuietHours(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name             string
		start, end, zone string
		// in and out are RFC 3339.
		in, out []string
	}{
		{
			"in an afternoon", "13:00", "14:30", "UTC",
			[]string{"2026-11-26T13:00:00Z", "2026-11-26T14:29:59.999Z"},
			[]string{"2026-11-26T12:59:59.999Z", "2026-11-26T14:30:00Z", "2026-11-26T01:30:00Z"},
		},
		{
			"across midnight", "22:00", "07:00", "UTC",
			[]string{"2026-11-26T22:00:00Z", "2026-11-26T23:59:59Z", "2026-11-27T00:00:00Z", "2026-11-27T06:59:59Z"},
			[]string{"2026-11-26T21:59:59Z", "2026-11-27T07:00:00Z", "2026-11-27T12:00:00Z"},
		},
		{
			"until midnight", "22:00", "00:00", "UTC",
			[]string{"2026-11-26T22:00:00Z", "2026-11-26T23:59:59Z"},
			[]string{"2026-11-27T00:00:00Z", "2026-11-26T21:59:59Z"},
		},
		{
			"from midnight", "00:00", "06:00", "UTC",
			[]string{"2026-11-26T00:00:00Z", "2026-11-26T05:59:59Z"},
			[]string{"2026-11-26T06:00:00Z", "2026-11-26T23:59:59Z"},
		},
		{
			"east of Greenwich", "22:00", "07:00", "Asia/Shanghai",
			[]string{"2026-11-26T14:00:00Z", "2026-11-26T22:59:59Z"},
			[]string{"2026-11-26T13:59:59Z", "2026-11-26T23:00:00Z"},
		},
		{
			"in a zone of half hours", "22:00", "07:00", "Asia/Kolkata",
			[]string{"2026-11-26T16:30:00Z", "2026-11-27T01:29:59Z"},
			[]string{"2026-11-26T16:29:59Z", "2026-11-27T01:30:00Z"},
		},
		{ // On 29 March 2026 the clock goes from 02:00 to 03:00, which is 01:00 UTC.
			"in the night of the lost hour", "01:30", "04:00", "Europe/Berlin",
			[]string{"2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:59:59Z"},
			[]string{"2026-03-29T00:29:59Z", "2026-03-29T02:00:00Z"},
		},
		{
			"that begin in the lost hour", "02:30", "05:00", "Europe/Berlin",
			[]string{"2026-03-29T01:00:00Z", "2026-03-29T02:59:59Z"},
			[]string{"2026-03-29T00:59:59Z", "2026-03-29T03:00:00Z"},
		},
		{ // On 25 October 2026 the clock goes from 03:00 to 02:00, which is 01:00 UTC.
			"in the night of the double hour", "02:30", "04:00", "Europe/Berlin",
			[]string{"2026-10-25T00:30:00Z", "2026-10-25T00:59:59Z", "2026-10-25T01:30:00Z", "2026-10-25T02:59:59Z"},
			[]string{"2026-10-25T00:29:59Z", "2026-10-25T01:00:00Z", "2026-10-25T01:29:59Z", "2026-10-25T03:00:00Z"},
		},
		{
			"across midnight and the double hour", "22:00", "07:00", "America/New_York", // 1 November 2026
			[]string{"2026-11-01T02:00:00Z", "2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z", "2026-11-01T11:59:59Z"},
			[]string{"2026-11-01T01:59:59Z", "2026-11-01T12:00:00Z"},
		},
		{"of no zone", "00:00", "23:59", "Mars/Olympus", nil, []string{"2026-11-26T12:00:00Z"}},
		{"of no time", "0:00", "23:59", "UTC", nil, []string{"2026-11-26T12:00:00Z"}},
	} {
		q := &message.QuietHours{Start: tt.start, End: tt.end, TimeZone: tt.zone}
		for want, times := range map[bool][]string{true: tt.in, false: tt.out} {
			for _, text := range times {
				at, err := time.Parse(time.RFC3339, text)
				if err != nil {
					t.Fatal(err)
				}
				if got := q.Cover(at); got != want {
					t.Errorf("quiet hours %s: cover %s %v, want %v", tt.name, text, got, want)
				}
			}
		}
	}
	if (*message.QuietHours)(nil).Cover(time.Now()) {
		t.Error("no quiet hours cover something")
	}
}

func TestCheckRule(t *testing.T) {
	t.Parallel()
	hours := func(start, end, zone string) message.Rule {
		return message.Rule{QuietHours: &message.QuietHours{Start: start, End: end, TimeZone: zone}}
	}
	many := make([]string, message.MaxPlatforms+1)
	for _, tt := range []struct {
		rule        message.Rule
		want, field string
	}{
		{rule: message.Rule{}},
		{rule: message.DefaultRule()},
		{rule: hours("22:00", "07:00", "Europe/Berlin")},
		{rule: hours("00:00", "23:59", "UTC")},
		{rule: message.Rule{OnlinePlatforms: []string{"Windows"}, NotToReceiveOfflinePushPlatforms: []string{"Android", "iPhoneOS"}}},
		{message.Rule{OnlinePlatforms: many}, "at most 16", "onlinePlatforms"},
		{message.Rule{OnlinePlatforms: []string{"Web", ""}}, "must not be empty", "onlinePlatforms[1]"},
		{
			message.Rule{NotToReceiveOfflinePushPlatforms: []string{strings.Repeat("x", 65)}},
			"at most 64 bytes",
			"notToReceiveOfflinePushPlatforms[0]",
		},
		{hours("24:00", "07:00", "UTC"), "from 00:00 to 23:59", "quietHours.start"},
		{hours("7:00", "07:00", "UTC"), "from 00:00 to 23:59", "quietHours.start"},
		{hours("22:00", "07:60", "UTC"), "from 00:00 to 23:59", "quietHours.end"},
		{hours("22:00", "22:00", "UTC"), "set offlinePush to false", "quietHours.end"},
		{hours("22:00", "07:00", ""), "IANA", "quietHours.timeZone"},
		{hours("22:00", "07:00", "Local"), "IANA", "quietHours.timeZone"},
		{hours("22:00", "07:00", "../../etc/passwd"), "IANA", "quietHours.timeZone"},
		{hours("22:00", "07:00", "Nowhere"), "IANA", "quietHours.timeZone"},
	} {
		checkField(t, tt.rule.Check(), tt.field, tt.want)
	}
}

func TestCheckConversation(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		of          message.Conversation
		want, field string
	}{
		{of: message.Conversation{Type: message.ConversationPeer, ID: "bob"}},
		{of: message.Conversation{Type: message.ConversationGroup, ID: "a:b"}},
		{message.Conversation{Type: "Room", ID: "bob"}, "Peer or Group", "c.type"},
		{message.Conversation{Type: message.ConversationPeer}, "must not be empty", "c.id"},
	} {
		checkField(t, tt.of.Check("c"), tt.field, tt.want)
	}
}

// checkField wants an error of the field, or none for no field.
func checkField(t *testing.T, err error, field, want string) {
	t.Helper()
	if field == "" {
		if err != nil {
			t.Error(err)
		}
		return
	}
	if err == nil || !strings.HasPrefix(err.Error(), field+": ") || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s: ...%s...", err, field, want)
	}
}
