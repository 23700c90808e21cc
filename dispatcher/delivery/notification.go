package delivery

import (
	"strings"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// notification is what a message shows through a channel row. A push profile
// that is gone since the message was accepted counts as a plain alert, and a
// message that was taken back since then shows nothing.
func notification(m message.Message, doc *config.Document, row config.Channel, now time.Time) provider.Notification {
	push := message.PushConfig{}
	if m.Push != nil {
		push = *m.Push
	}
	n := provider.Notification{
		Title:          push.Title,
		Content:        push.Content,
		Payload:        push.Payload,
		MessageID:      m.ID,
		DedupID:        m.ID,
		ReplaceID:      m.ID,
		TTL:            m.PushExpiresAt.Sub(now),
		Urgent:         push.VoIP != nil || m.Detail.Call != nil, // a call rings now or not at all
		ThreadID:       push.ThreadID,
		Image:          push.Image,
		BadgeIncrement: push.BadgeIncrement,
		VoIP:           push.VoIP,
		Template:       push.Template,
		Setting:        setting(doc, push.ResourcesID, row),
	}
	n.Operation, n.Of = operation(m)
	if m.Detail.Replaces != "" {
		n.ReplaceID = m.Detail.Replaces
	}
	if call := m.Detail.Call; call != nil {
		n.CallID, n.ExpiresAt = call.CallID, call.ExpiresAt
	}
	if n.Operation != "" {
		n.VoIP, n.Setting = nil, quiet(n.Setting)
	}
	return n
}

// operation is what a push does to what the phone shows, by the names that ZEGO's call kit has for calls, and the
// message that it does it to; empty for one that shows something of its own.
func operation(m message.Message) (name, of string) {
	switch call := m.Detail.Call; {
	case call != nil && call.Action != message.CallInvite:
		return strings.ToLower(string(call.Action)) + "_invitation", m.Detail.Replaces
	case m.Kind == message.KindRecall:
		return "recall", m.Detail.Of
	case m.Detail.Replaces != "":
		return "replace", m.Detail.Replaces
	}
	return "", ""
}

// quiet is a setting that starts no call: a phone shows one for every VoIP push, and Apple ends apps that do not.
func quiet(s config.Setting) config.Setting {
	if s.APNs != nil && s.APNs.PushType == "VoIP" {
		apns := *s.APNs
		apns.PushType = "Alert"
		s.APNs = &apns
	}
	if s.HarmonyOS != nil && s.HarmonyOS.PushType == "VoIP" {
		harmony := *s.HarmonyOS
		harmony.PushType = "Notification"
		s.HarmonyOS = &harmony
	}
	return s
}

func setting(doc *config.Document, resourcesID string, row config.Channel) config.Setting {
	for _, p := range doc.Profiles {
		if p.ResourcesID != resourcesID {
			continue
		}
		for _, s := range p.Settings {
			if s.Vendor == row.Vendor && s.AppType == row.AppType {
				return s
			}
		}
	}
	return config.Setting{}
}
