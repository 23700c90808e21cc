package delivery

import (
	"crypto/sha256"
	"encoding/hex"
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

// userHash lets the app on the phone tell whose push it received without
// telling the vendor: the first 16 bytes of SHA-256 of appID, NUL, userID in hex.
func userHash(appID, userID string) string {
	sum := sha256.Sum256([]byte(appID + "\x00" + userID))
	return hex.EncodeToString(sum[:16])
}
