package accept

import (
	"slices"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/router"
	"github.com/offlinepush/operator/dispatcher/store"
)

// Recipient is a receiver of a message of the conversation as the router sees them.
func Recipient(userID string, r store.Recipient, in message.Conversation) router.Recipient {
	return router.Recipient{
		UserID: userID, Devices: r.Devices, LoggedIn: r.LoggedIn, Rule: r.Rule,
		Muted: slices.Contains(r.Muted, in), OnlineUntil: r.OnlineUntil,
	}
}

// Channels is the configured rows as the router sees them.
func Channels(rows []config.Channel) []router.Channel {
	out := make([]router.Channel, len(rows))
	for i, c := range rows {
		region, environment := c.Place()
		out[i] = router.Channel{Name: c.Name, Selector: message.Selector{
			Vendor: c.Vendor, AppType: c.AppType, Region: region, Environment: environment,
		}}
	}
	return out
}

// priorityOf is the class of a message that names its receivers.
func priorityOf(m message.Message) message.Priority {
	if m.Detail.Call != nil || m.Push != nil && m.Push.VoIP != nil {
		return message.PriorityCall
	}
	return message.PriorityMessage
}

// group puts decisions for the same channel row, time and rule into one delivery,
// because one vendor call can serve them. What waits for acknowledgements at
// different dispatchers is kept apart, because one of them may not answer.
func group(decisions []router.Decision, priority message.Priority) (deliveries []store.NewDelivery, suppressed []store.Suppression) {
	type key struct {
		channel, rule string
		dueAt         time.Time
		holder        int64
	}
	open := map[key]int{}
	for _, d := range decisions {
		if d.Channel == "" {
			suppressed = append(suppressed, store.Suppression{UserID: d.UserID, Device: d.Device, Reason: d.Rule})
			continue
		}
		k := key{d.Channel, d.Rule, d.DueAt, d.Holder}
		i, ok := open[k]
		if !ok || len(deliveries[i].Targets) == message.MaxTargets {
			i = len(deliveries)
			open[k] = i
			deliveries = append(deliveries, store.NewDelivery{Channel: d.Channel, Rule: d.Rule, Priority: priority, DueAt: d.DueAt})
		}
		deliveries[i].Targets = append(deliveries[i].Targets, store.NewTarget{Device: d.Device, Epoch: d.Epoch, UserID: d.UserID})
	}
	return deliveries, suppressed
}
