package delivery

import (
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/report"
)

// TestRefusing: a vendor that takes no message for half a minute is told of, though it answers; one message alone is not enough.
func TestRefusing(t *testing.T) {
	t.Parallel()
	start := time.UnixMilli(0)
	type call struct {
		at    time.Duration
		class message.Class
	}
	every := func(period time.Duration, n int, class message.Class) (calls []call) {
		for i := range n {
			calls = append(calls, call{time.Duration(i) * period, class})
		}
		return calls
	}
	for _, tt := range []struct {
		name  string
		calls []call
		at    time.Duration
		want  report.ChannelState
	}{
		{"a burst", every(time.Second, 9, message.Rejected), 10 * time.Second, report.NoTraffic},
		{"few", every(time.Minute, 4, message.Rejected), 5 * time.Minute, report.NoTraffic},
		{"all for half a minute", every(8*time.Second, 5, message.Rejected), 33 * time.Second, report.Refusing},
		{"codes that nobody knows", every(8*time.Second, 5, message.Unknown), 33 * time.Second, report.Refusing},
		{"an hour later", every(8*time.Second, 5, message.Rejected), 2 * time.Hour, report.NoTraffic},
		{"one is taken", append(every(8*time.Second, 9, message.Rejected), call{80 * time.Second, message.Accepted}), 81 * time.Second, report.Delivering},
		{
			"one is taken in between",
			append(append(every(8*time.Second, 4, message.Rejected), call{30 * time.Second, message.Accepted}), call{40 * time.Second, message.Rejected}),
			41 * time.Second, report.Delivering,
		},
		{"far apart", every(2*time.Hour, 9, message.Rejected), 16 * time.Hour, report.NoTraffic},
		{"worse trouble", append(every(8*time.Second, 5, message.Rejected), call{33 * time.Second, message.CredentialRejected}), 34 * time.Second, report.CredentialRejected},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHealth(start)
			for _, c := range tt.calls {
				h.observe([]message.Outcome{{Class: c.class, Code: "27001", Detail: "no such channel"}}, false, start.Add(c.at))
			}
			row := report.Channel{State: h.state}
			h.refusals.show(&row, start.Add(tt.at))
			if row.State != tt.want {
				t.Errorf("the row says %s, want %s", row.State, tt.want)
			}
			if row.State == report.Refusing && (row.Code != "27001" || row.Message != "no such channel") {
				t.Errorf("the vendor's words are %q %q", row.Code, row.Message)
			}
		})
	}
}
