package delivery

import (
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// notification is what a message shows through a channel row. A push profile
// that is gone since the message was accepted counts as a plain alert.
func notification(m message.Message, doc *config.Document, row config.Channel, now time.Time) provider.Notification {
	return provider.Notification{
		Title:          m.Push.Title,
		Content:        m.Push.Content,
		Payload:        m.Push.Payload,
		MessageID:      m.ID,
		DedupID:        m.ID,
		ReplaceID:      m.ID,
		TTL:            m.PushExpiresAt.Sub(now),
		Urgent:         m.Push.VoIP != nil, // a call rings now or not at all
		ThreadID:       m.Push.ThreadID,
		Image:          m.Push.Image,
		BadgeIncrement: m.Push.BadgeIncrement,
		VoIP:           m.Push.VoIP,
		Template:       m.Push.Template,
		Setting:        setting(doc, m.Push.ResourcesID, row),
	}
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
